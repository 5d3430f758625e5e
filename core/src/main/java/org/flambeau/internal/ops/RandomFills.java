package org.flambeau.internal.ops;

import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.spi.Distribution;

/// Random numbers in the place of a tensor's elements, with the checks that each distribution asks for.
public final class RandomFills {
  private RandomFills() {}

  public static Tensor uniform(Tensor x, double from, double to, Generator generator) {
    requireFloat("uniform_", x);
    check(from <= to, "[uniform_] expects to return a [from, to) range, but found from=" + from + " > to=" + to);
    return Creation.randomInPlace(x, Distribution.UNIFORM, from, to, generator);
  }

  public static Tensor normal(Tensor x, double mean, double std, Generator generator) {
    requireFloat("normal_", x);
    check(std >= 0, "[normal_] expects std >= 0.0, but found std " + std);
    return Creation.randomInPlace(x, Distribution.NORMAL, mean, std, generator);
  }

  public static Tensor integers(Tensor x, long low, long high, Generator generator) {
    check(low < high, "[random_int_] expects 'from' to be less than 'to', but got from=" + low + " >= to=" + high);
    Range range = Range.of("random_int_", x.dtype(), low, high);
    return Creation.randomInPlace(x, Distribution.INTEGER, range.from, range.to, generator);
  }

  public static Tensor bernoulli(Tensor x, double p, Generator generator) {
    check(p >= 0 && p <= 1, "[bernoulli_] expects p to be in [0, 1], but got p=" + p);
    return Creation.randomInPlace(x, Distribution.BERNOULLI, p, 0, generator);
  }

  public static Tensor exponential(Tensor x, double rate, Generator generator) {
    requireFloat("exponential_", x);
    check(rate > 0, "[exponential_] expects lambda > 0.0, but found lambda=" + rate);
    return Creation.randomInPlace(x, Distribution.EXPONENTIAL, rate, 0, generator);
  }

  /// From where to before where random whole numbers of a dtype are drawn.
  record Range(long from, long to) {
    /// The range that was asked for, which `dtype` must hold. What a float dtype rounds up to the end or down before the beginning is left
    /// out, as in PyTorch.
    static Range of(String op, DType dtype, long from, long to) {
      long first = from;
      long end = to;
      if (dtype.isFloating()) {
        long below = rounded(dtype, from + 1);
        first = below < from ? below + step(dtype, from + 1) : from;
        long last = rounded(dtype, to - 1);
        end = last >= to ? last - step(dtype, to - 1) : to;
        check(first < end, "[" + op + "] expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=" + first
            + " >= to=" + end);
      }
      check(holds(dtype, first), "[" + op + "] from is out of bounds for " + dtype.label() + ": " + from);
      check(holds(dtype, end - 1), "[" + op + "] to - 1 is out of bounds for " + dtype.label() + ": " + (end - 1));
      return new Range(first, end);
    }

    private static boolean holds(DType dtype, long value) {
      return switch (dtype) {
        case BOOL -> value == 0 || value == 1;
        case UINT8 -> value >= 0 && value < 256;
        case INT8 -> value == (byte) value;
        case INT16 -> value == (short) value;
        case INT32 -> value == (int) value;
        case FLOAT16 -> Math.abs((double) value) <= Promotion.largest(dtype);
        default -> true;
      };
    }

    private static long rounded(DType dtype, long value) {
      return switch (dtype) {
        case FLOAT64 -> (long) (double) value;
        case FLOAT32 -> (long) (float) value;
        case FLOAT16 -> (long) Float.float16ToFloat(Float.floatToFloat16((float) value));
        default -> {
          int bits = Float.floatToRawIntBits((float) value);
          yield (long) Float.intBitsToFloat(bits + 0x7fff + (bits >> 16 & 1) & 0xffff0000);
        }
      };
    }

    /// How far numbers of the size of `value` lie apart.
    private static long step(DType dtype, long value) {
      int digits = switch (dtype) {
        case FLOAT64 -> 53;
        case FLOAT32 -> 24;
        case FLOAT16 -> 11;
        default -> 8;
      };
      return 1L << Math.max(0, Long.SIZE - 1 - Long.numberOfLeadingZeros(Math.abs(value)) - digits + 1);
    }
  }

  private static void requireFloat(String op, Tensor x) {
    check(x.dtype().isFloating(), "[" + op + "] expected a tensor of a float dtype, got " + x.dtype().label());
  }

  private static void check(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
