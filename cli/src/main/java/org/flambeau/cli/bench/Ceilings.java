package org.flambeau.cli.bench;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;

/// What the machine allows, as far as its own matrix product and its own copy show: no workload can be faster than its operations at the one
/// rate, or its bytes at the other.
///
/// @param flopsPerSecond of a product of two square matrices
/// @param bytesPerSecond read and written by a copy that no cache holds
record Ceilings(double flopsPerSecond, double bytesPerSecond) {
  private static final int RUNS = 5;

  /// Measures both in a second or two.
  ///
  /// @param precision of the products
  static Ceilings measure(Device device, DType precision) {
    boolean large = device.type() == Device.Type.CUDA;
    int n = large ? 8192 : 2048;
    long elements = large ? 1L << 28 : 1L << 25;
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      Tensor a = Tensor.randn(n, n).to(device).to(precision);
      Tensor b = Tensor.randn(n, n).to(device).to(precision);
      Tensor x = Tensor.ones(elements).to(device);
      Tensor y = Tensor.ones(elements).to(device);
      double product = seconds(device, () -> a.matmul(b));
      double copy = seconds(device, () -> y.copy_(x));
      return new Ceilings(2.0 * n * n * n / product, 8.0 * elements / copy);
    }
  }

  /// The least of some runs: a ceiling is what can be reached.
  private static double seconds(Device device, Supplier<Tensor> work) {
    double[] seconds = new double[RUNS];
    for (int i = 0; i < RUNS; i++) {
      try (var _ = MemoryScope.open()) {
        long start = System.nanoTime();
        var _ = work.get();
        Backends.of(device).synchronize(device.index());
        seconds[i] = (System.nanoTime() - start) / 1e9;
      }
    }
    return Arrays.stream(seconds).min().orElseThrow();
  }

  /// Below this no call can take, in seconds; 0 where nothing is known of the workload.
  double floor(Workload workload) {
    return Math.max(workload.flops() / flopsPerSecond, workload.bytes() / bytesPerSecond);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%.0f GFLOP/s in matrix products, %.1f GB/s in copies", flopsPerSecond / 1e9, bytesPerSecond / 1e9);
  }
}
