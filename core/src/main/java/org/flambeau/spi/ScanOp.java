package org.flambeau.spi;

/// Running reductions along one dimension.
public enum ScanOp {
  CUMSUM,
  CUMPROD
}
