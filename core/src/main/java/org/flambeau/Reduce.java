package org.flambeau;

/// How [Tensor#scatterReduce] joins the values that meet in one place.
public enum Reduce {
  SUM,
  PROD,
  MEAN,
  AMAX,
  AMIN
}
