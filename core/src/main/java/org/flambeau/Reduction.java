package org.flambeau;

/// What a loss makes of the losses of all elements or samples.
public enum Reduction {
  /// Leaves them.
  NONE,
  /// Their mean; where samples have weights, the weighted one.
  MEAN,
  /// Their sum.
  SUM,
  /// Their sum divided by the number of samples, the first size: the Kullback-Leibler divergence by its definition. For
  /// that loss only.
  BATCH_MEAN
}
