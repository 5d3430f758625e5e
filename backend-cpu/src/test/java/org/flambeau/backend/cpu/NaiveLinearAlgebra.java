package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.function.LongFunction;
import java.util.function.LongToDoubleFunction;
import org.flambeau.DType;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Strided;

/// Products and convolutions by their definitions, in float64: each element with the sum of the magnitudes that went into
/// it, which is what its rounding error is measured by.
final class NaiveLinearAlgebra {
  /// A sum of products and the sum of their magnitudes.
  static final class Sum {
    double value;
    double magnitude;

    void add(double product) {
      value += product;
      magnitude += Math.abs(product);
    }

    Sum copy() {
      Sum copy = new Sum();
      copy.value = value;
      copy.magnitude = magnitude;
      return copy;
    }

    /// ReLU of it, whose errors are those of the sum.
    Sum positive() {
      Sum positive = copy();
      positive.value = Math.max(value, 0);
      return positive;
    }
  }

  private NaiveLinearAlgebra() {}

  /// The elements, in row-major order, of the product of two batches of matrices.
  static LongFunction<Sum> product(Strided a, Strided b) {
    double[] left = values(a);
    double[] right = values(b);
    int m = (int) a.size(1);
    int k = (int) a.size(2);
    int n = (int) b.size(2);
    return at -> {
      int row = (int) (at / n);
      int column = row / m * k * n + (int) (at % n);
      Sum sum = new Sum();
      for (int i = 0; i < k; i++) {
        sum.add(left[row * k + i] * right[column + i * n]);
      }
      return sum;
    };
  }

  /// Which operand of a convolution is computed from the other two.
  enum Wanted {
    OUT,
    X,
    WEIGHT
  }

  /// All elements of one operand of a convolution, each the sum of all products of the other two that belong together.
  static Sum[] convolution(Wanted wanted, Strided out, Strided x, Strided weight, ConvSpec spec) {
    Strided result = switch (wanted) {
      case OUT -> out;
      case X -> x;
      case WEIGHT -> weight;
    };
    Sum[] sums = new Sum[(int) result.numel()];
    Arrays.setAll(sums, i -> new Sum());
    double[] outs = values(out);
    double[] xs = values(x);
    double[] weights = values(weight);
    long channels = weight.size(1);
    long outputsOfGroup = out.size(1) / spec.groups();
    for (int at = 0; at < outs.length; at++) {
      long q = at % out.size(3);
      long p = at / out.size(3) % out.size(2);
      long o = at / (out.size(3) * out.size(2)) % out.size(1);
      long n = at / (out.size(3) * out.size(2) * out.size(1));
      for (long c = 0; c < channels; c++) {
        for (long i = 0; i < weight.size(2); i++) {
          for (long j = 0; j < weight.size(3); j++) {
            long y = p * spec.strideH() - spec.padH() + i * spec.dilationH();
            long z = q * spec.strideW() - spec.padW() + j * spec.dilationW();
            if (y < 0 || y >= x.size(2) || z < 0 || z >= x.size(3)) {
              continue;
            }
            int pixel = (int) (((n * x.size(1) + o / outputsOfGroup * channels + c) * x.size(2) + y) * x.size(3) + z);
            int w = (int) (((o * channels + c) * weight.size(2) + i) * weight.size(3) + j);
            switch (wanted) {
              case OUT -> sums[at].add(xs[pixel] * weights[w]);
              case X -> sums[pixel].add(outs[at] * weights[w]);
              case WEIGHT -> sums[w].add(outs[at] * xs[pixel]);
            }
          }
        }
      }
    }
    return sums;
  }

  private static double[] values(Strided operand) {
    double[] values = new double[(int) operand.numel()];
    Arrays.setAll(values, i -> Operand.get(operand, i));
    return values;
  }

  /// Asserts that `out` holds the expected sums, as exactly as its dtype allows.
  static void assertClose(Strided out, LongFunction<Sum> expected, String what) {
    assertClose(out, expected, what, 1);
  }

  /// [#assertClose(Strided, LongFunction, String)] with `times` as much room.
  static void assertClose(Strided out, LongFunction<Sum> expected, String what, int times) {
    assertClose(out, expected, what, times, i -> 0);
  }

  /// [#assertClose(Strided, LongFunction, String, int)] of results that were made from others, `between`, of the same dtype.
  static void assertClose(Strided out, LongFunction<Sum> expected, String what, int times, LongToDoubleFunction between) {
    double rounding = times * switch (out.dtype()) {
      case FLOAT64 -> 1e-14;
      case FLOAT32 -> 2e-6;
      default -> 4e-6;
    };
    double last = out.dtype() == DType.FLOAT16 ? 0x1p-10 : out.dtype() == DType.BFLOAT16 ? 0x1p-7 : 0;
    for (long i = 0; i < out.numel(); i++) {
      Sum sum = expected.apply(i);
      double tolerance = rounding * sum.magnitude + last * (Math.abs(sum.value) + Math.abs(between.applyAsDouble(i)))
          + (out.dtype() == DType.FLOAT16 ? 0x1p-24 : 1e-30);
      long index = i;
      assertEquals(sum.value, Operand.get(out, i), tolerance, () -> what + ", element " + index + " of " + out);
    }
  }
}
