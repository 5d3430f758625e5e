package org.flambeau.testkit;

import java.util.Arrays;
import java.util.Locale;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// How far two numbers may be apart: |actual − expected| ≤ atol + rtol·|expected|. NaN is close to NaN, an infinity to itself.
record Closeness(double rtol, double atol) {
  /// What rounding alone explains for results in `dtype`; `factor` times that.
  static Closeness of(DType dtype, double factor) {
    return switch (dtype) {
      case FLOAT64 -> new Closeness(1e-9 * factor, 1e-11 * factor);
      case FLOAT32 -> new Closeness(4e-6 * factor, 1e-6 * factor);
      case FLOAT16 -> new Closeness(2e-3 * factor, 1e-3 * factor);
      case BFLOAT16 -> new Closeness(1.6e-2 * factor, 8e-3 * factor);
      default -> new Closeness(0, 0);
    };
  }

  /// What is wrong with `actual`, or null.
  @Nullable String compare(Tensor actual, Tensor expected) {
    if (actual.dtype() != expected.dtype()) {
      return "expected " + expected.dtype() + ", got " + actual.dtype();
    }
    if (!Arrays.equals(actual.sizes(), expected.sizes())) {
      return "expected sizes " + Arrays.toString(expected.sizes()) + ", got " + Arrays.toString(actual.sizes());
    }
    if (actual.dtype() == DType.INT64) {
      long[] a = actual.toLongArray();
      long[] e = expected.toLongArray();
      int at = Arrays.mismatch(a, e);
      return at < 0 ? null : "element " + at + ": expected " + e[at] + ", got " + a[at];
    }
    return compare(actual.detach().toDoubleArray(), expected.detach().toDoubleArray());
  }

  @Nullable String compare(double[] actual, double[] expected) {
    for (int i = 0; i < expected.length; i++) {
      if (!isClose(actual[i], expected[i], Math.abs(expected[i]))) {
        return String.format(Locale.ROOT, "element %d of %d: expected %s, got %s (relative error %.2g)", i, expected.length, expected[i],
            actual[i],
            Math.abs(actual[i] - expected[i]) / Math.abs(expected[i]));
      }
    }
    return null;
  }

  /// Compares what is kept of large results: single elements at the scale of the largest, sums at that of their terms.
  @Nullable String compareProbes(double[] actual, double[] expected) {
    double scale = Arrays.stream(expected, 0, Noise.PROBES).map(Math::abs).filter(Double::isFinite).max().orElse(0);
    for (int i = 0; i < expected.length; i++) {
      if (!isClose(actual[i], expected[i], i < Noise.PROBES ? scale : expected[Noise.PROBES + 1])) {
        String what = i < Noise.PROBES ? "probe " + i : i == Noise.PROBES ? "the sum" : "the sum of absolute values";
        return String.format(Locale.ROOT, "%s: expected %s, got %s (at scale %s)", what, expected[i], actual[i], scale);
      }
    }
    return null;
  }

  private boolean isClose(double actual, double expected, double scale) {
    return actual == expected || Double.isNaN(actual) && Double.isNaN(expected) || Math.abs(actual - expected) <= atol + rtol * scale;
  }
}
