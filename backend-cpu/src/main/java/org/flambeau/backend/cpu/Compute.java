package org.flambeau.backend.cpu;

import org.flambeau.DType;

/// What a dtype is computed in, and what the tiles of the kernels hold: every kernel exists once per compute type.
public enum Compute {
  /// float32, float16 and bfloat16.
  FLOAT(4),
  /// float64.
  DOUBLE(8),
  /// Integral dtypes of up to 32 bits and bool, element by element; results wrap when they are stored.
  INT(4),
  /// All integral dtypes and bool, where numbers may become larger than the elements on the way.
  LONG(8),
  /// Truth values, as they lie.
  TRUTH(1);

  private final int size;

  Compute(int size) {
    this.size = size;
  }

  /// What sums and the like of `dtype` are computed in.
  public static Compute of(DType dtype) {
    return switch (dtype) {
      case FLOAT32, FLOAT16, BFLOAT16 -> FLOAT;
      case FLOAT64 -> DOUBLE;
      default -> LONG;
    };
  }

  /// What single elements of `dtype` are computed in.
  static Compute ofElements(DType dtype) {
    return dtype.isIntegral() && dtype != DType.INT64 ? INT : of(dtype);
  }

  public boolean isWhole() {
    return this != FLOAT && this != DOUBLE;
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
      case INT -> dtype == DType.INT32;
      case LONG -> dtype == DType.INT64;
      case TRUTH -> dtype == DType.BOOL;
    };
  }
}
