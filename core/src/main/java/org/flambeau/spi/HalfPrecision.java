package org.flambeau.spi;

import org.flambeau.DType;

/// Rounding to the dtypes of 16 bits.
public final class HalfPrecision {
  private HalfPrecision() {}

  /// Whether a dtype is one of them.
  public static boolean is(DType dtype) {
    return dtype == DType.BFLOAT16 || dtype == DType.FLOAT16;
  }

  /// The bits of the number of `dtype` nearest to `value`, of two the even one.
  public static short bits(DType dtype, float value) {
    return dtype == DType.BFLOAT16 ? bfloat16(value) : Float.floatToFloat16(value);
  }

  /// The bits of the bfloat16 nearest to `value`, of two the even one.
  public static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    return Float.isNaN(value) ? (short) 0x7fc0 : (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
