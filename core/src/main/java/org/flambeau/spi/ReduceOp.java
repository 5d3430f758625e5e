package org.flambeau.spi;

import org.flambeau.DType;

/// Reductions of some dimensions to one element each.
public enum ReduceOp {
  /// Σ x; 0 over nothing.
  SUM,
  /// Σ x / n; NaN over nothing. Float dtypes only.
  MEAN,
  /// Π x; 1 over nothing.
  PROD,
  /// The largest, NaN if any is. Core refuses it over nothing.
  AMAX,
  /// The smallest, NaN if any is. Core refuses it over nothing.
  AMIN,
  /// Σ (x − mean)² / max(0, n − parameter), in two passes or Welford's. Float dtypes only.
  VAR,
  /// (Σ |x|ᵖ)^(1/p) with p the parameter: 0 counts what is not zero, ±∞ is the largest or smallest |x|. Float dtypes only.
  NORM,
  /// Whether any is not zero. The result is `bool`.
  ANY,
  /// Whether none is zero. The result is `bool`.
  ALL;

  /// The result's dtype: whole numbers add up and multiply in int64.
  public DType resultOf(DType operand) {
    return switch (this) {
      case ANY, ALL -> DType.BOOL;
      case SUM, PROD -> operand.isFloating() ? operand : DType.INT64;
      default -> operand;
    };
  }
}
