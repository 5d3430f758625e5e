package org.flambeau.testkit;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;

/// Pseudo-random operands that the scripts of the goldens make too, to the bit, and what is kept of large results.
final class Noise {
  /// How many elements of a large result are kept.
  static final int PROBES = 61;

  private Noise() {}

  /// @param text dtype:sizes:seed:low:high, as in `float32:300x401:7:-1.0:1.0`
  static Tensor parse(String text) {
    String[] fields = text.split(":", -1);
    long[] sizes = Arrays.stream(fields[1].split("x", -1)).filter(size -> !size.isEmpty()).mapToLong(Long::parseLong).toArray();
    return of(Sample.dtype(fields[0]), Long.parseLong(fields[2]), Double.parseDouble(fields[3]), Double.parseDouble(fields[4]), sizes);
  }

  static Tensor of(DType dtype, long seed, double low, double high, long... sizes) {
    double[] values = new double[Math.toIntExact(Arrays.stream(sizes).reduce(1, (a, b) -> a * b))];
    for (int i = 0; i < values.length; i++) {
      double value = low + (mix(i + 1 + (seed << 32)) >>> 11) * 0x1p-53 * (high - low);
      values[i] = dtype.isFloating() ? value : Math.floor(value);
    }
    return Tensor.fromArray(values, sizes).to(dtype);
  }

  /// SplitMix64's finalizer.
  private static long mix(long position) {
    long z = position * 0x9E3779B97F4A7C15L;
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return z ^ z >>> 31;
  }

  /// Elements at equal distances from the first to the last, the sum, and the sum of absolute values.
  static double[] probe(Tensor tensor) {
    double[] all = tensor.detach().toDoubleArray();
    double[] probes = new double[PROBES + 2];
    for (int i = 0; i < PROBES; i++) {
      probes[i] = all[(int) ((long) i * (all.length - 1) / (PROBES - 1))];
    }
    probes[PROBES] = Arrays.stream(all).sum();
    probes[PROBES + 1] = Arrays.stream(all).map(Math::abs).sum();
    return probes;
  }
}
