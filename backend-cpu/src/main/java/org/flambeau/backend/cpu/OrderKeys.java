package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;

import org.flambeau.DType;

/// Elements as unsigned integers in the same order: both zeros are equal, and all NaN are equal and greater than the rest.
/// Elements of up to 32 bits use as many bits of their keys.
final class OrderKeys {
  private OrderKeys() {}

  /// The keys of n elements, `step` bytes apart, from `keys[at]` on; in the opposite order where `reversed`.
  static void load(DType dtype, boolean reversed, long from, long step, int n, long[] keys, int at) {
    switch (dtype) {
      case FLOAT32 -> {
        if (step == Float.BYTES) { // a constant step makes vectors of the loop
          for (int i = 0; i < n; i++) {
            keys[at + i] = ofFloat(ALL.get(INT, from + (long) i * Float.BYTES));
          }
          break;
        }
        for (int i = 0; i < n; i++) {
          keys[at + i] = ofFloat(ALL.get(INT, from + i * step));
        }
      }
      case FLOAT64 -> {
        for (int i = 0; i < n; i++) {
          keys[at + i] = ofDouble(ALL.get(DOUBLE, from + i * step));
        }
      }
      case FLOAT16 -> loadHalves(0x7c00, from, step, n, keys, at);
      case BFLOAT16 -> loadHalves(0x7f80, from, step, n, keys, at);
      case INT64 -> {
        for (int i = 0; i < n; i++) {
          keys[at + i] = ALL.get(LONG, from + i * step) ^ Long.MIN_VALUE;
        }
      }
      case INT32 -> {
        for (int i = 0; i < n; i++) {
          keys[at + i] = (ALL.get(INT, from + i * step) ^ Integer.MIN_VALUE) & 0xffffffffL;
        }
      }
      case INT16 -> {
        for (int i = 0; i < n; i++) {
          keys[at + i] = (long) ALL.get(SHORT, from + i * step) - Short.MIN_VALUE;
        }
      }
      case INT8 -> {
        for (int i = 0; i < n; i++) {
          keys[at + i] = (long) ALL.get(BYTE, from + i * step) - Byte.MIN_VALUE;
        }
      }
      case UINT8, BOOL -> {
        for (int i = 0; i < n; i++) {
          keys[at + i] = ALL.get(BYTE, from + i * step) & 0xff;
        }
      }
    }
    if (reversed) {
      long used = greatest(dtype);
      for (int i = 0; i < n; i++) {
        keys[at + i] ^= used;
      }
    }
  }

  private static void loadHalves(int infinity, long from, long step, int n, long[] keys, int at) {
    if (step == Short.BYTES) {
      for (int i = 0; i < n; i++) {
        keys[at + i] = ofHalf(ALL.get(SHORT, from + (long) i * Short.BYTES), infinity);
      }
      return;
    }
    for (int i = 0; i < n; i++) {
      keys[at + i] = ofHalf(ALL.get(SHORT, from + i * step), infinity);
    }
  }

  /// The greatest key, which of floats is NaN's.
  static long greatest(DType dtype) {
    return -1L >>> 64 - 8 * dtype.size();
  }

  /// Without a branch: all bits of `nan` or `zero` are set where it is one.
  private static long ofFloat(int bits) {
    int sign = bits >> 31;
    int magnitude = bits & 0x7fffffff;
    int nan = 0x7f800000 - magnitude >> 31;
    int zero = magnitude - 1 >> 31;
    return ((bits ^ (sign | Integer.MIN_VALUE)) - (zero & sign) | nan) & 0xffffffffL;
  }

  private static long ofHalf(short bits, int infinity) {
    int sign = bits >> 31;
    int magnitude = bits & 0x7fff;
    int nan = infinity - magnitude >> 31;
    int zero = magnitude - 1 >> 31;
    return ((bits ^ (sign | 0x8000)) - (zero & sign) | nan) & 0xffffL;
  }

  private static long ofDouble(double value) {
    long bits = Double.doubleToRawLongBits(value);
    return Double.isNaN(value) ? -1 : value == 0 ? Long.MIN_VALUE : bits ^ (bits >> 63 | Long.MIN_VALUE);
  }
}
