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

  /// The keys of n elements, `step` bytes apart.
  static void load(DType dtype, long from, long step, int n, long[] keys) {
    switch (dtype) {
      case FLOAT32 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = ofFloat(ALL.get(INT, from + i * step));
        }
      }
      case FLOAT64 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = ofDouble(ALL.get(DOUBLE, from + i * step));
        }
      }
      case FLOAT16 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = ofHalf(ALL.get(SHORT, from + i * step) & 0xffff, 0x7c00);
        }
      }
      case BFLOAT16 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = ofHalf(ALL.get(SHORT, from + i * step) & 0xffff, 0x7f80);
        }
      }
      case INT64 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = ALL.get(LONG, from + i * step) ^ Long.MIN_VALUE;
        }
      }
      case INT32 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = (ALL.get(INT, from + i * step) ^ Integer.MIN_VALUE) & 0xffffffffL;
        }
      }
      case INT16 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = (long) ALL.get(SHORT, from + i * step) - Short.MIN_VALUE;
        }
      }
      case INT8 -> {
        for (int i = 0; i < n; i++) {
          keys[i] = (long) ALL.get(BYTE, from + i * step) - Byte.MIN_VALUE;
        }
      }
      case UINT8, BOOL -> {
        for (int i = 0; i < n; i++) {
          keys[i] = ALL.get(BYTE, from + i * step) & 0xff;
        }
      }
    }
  }

  /// Turns the order around, within the bits that the dtype's keys use.
  static void reverse(DType dtype, long[] keys, int n) {
    long used = -1L >>> 64 - 8 * dtype.size();
    for (int i = 0; i < n; i++) {
      keys[i] ^= used;
    }
  }

  private static long ofFloat(int bits) {
    int magnitude = bits & 0x7fffffff;
    int key = magnitude > 0x7f800000 ? -1 : magnitude == 0 ? Integer.MIN_VALUE : bits ^ (bits >> 31 | Integer.MIN_VALUE);
    return key & 0xffffffffL;
  }

  private static long ofHalf(int bits, int infinity) {
    int magnitude = bits & 0x7fff;
    return magnitude > infinity ? 0xffff : magnitude == 0 ? 0x8000 : (bits & 0x8000) == 0 ? bits | 0x8000 : ~bits & 0xffff;
  }

  private static long ofDouble(double value) {
    long bits = Double.doubleToRawLongBits(value);
    return Double.isNaN(value) ? -1 : value == 0 ? Long.MIN_VALUE : bits ^ (bits >> 63 | Long.MIN_VALUE);
  }
}
