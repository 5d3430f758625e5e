package org.flambeau.spi;

/// What [Kernels#random] draws, with its two parameters a and b.
public enum Distribution {
  /// Real numbers in [a, b).
  UNIFORM,
  /// Normal, mean a and standard deviation b.
  NORMAL,
  /// Whole numbers in [a, b).
  INTEGER,
  /// 1 with probability a, else 0.
  BERNOULLI,
  /// Exponential with rate a.
  EXPONENTIAL
}
