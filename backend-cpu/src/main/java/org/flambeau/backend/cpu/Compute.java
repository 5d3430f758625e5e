package org.flambeau.backend.cpu;

import org.flambeau.DType;

/// What a dtype is computed in, and what the tiles of the kernels hold: every kernel exists once per compute type.
public enum Compute {
  /// float32, float16 and bfloat16.
  FLOAT(4),
  /// float64.
  DOUBLE(8),
  /// All integral dtypes and bool; results wrap when they are stored.
  LONG(8);

  private final int size;

  Compute(int size) {
    this.size = size;
  }

  public static Compute of(DType dtype) {
    return switch (dtype) {
      case FLOAT32, FLOAT16, BFLOAT16 -> FLOAT;
      case FLOAT64 -> DOUBLE;
      default -> LONG;
    };
  }

  /// Bytes of one element.
  public int size() {
    return size;
  }

  /// Whether elements of `dtype` are of this very type in memory.
  boolean is(DType dtype) {
    return switch (this) {
      case FLOAT -> dtype == DType.FLOAT32;
      case DOUBLE -> dtype == DType.FLOAT64;
      case LONG -> dtype == DType.INT64;
    };
  }
}
