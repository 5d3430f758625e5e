package org.flambeau.cli.bench;

import static java.util.stream.Collectors.joining;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
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
/// @param numerics of the workloads
/// @param flopsPerSecond of a product of two square matrices, by numerics: those of the workloads, and of float32 on a GPU both that it can be
/// @param bytesPerSecond read and written by a copy that no cache holds
record Ceilings(Numerics numerics, SortedMap<Numerics, Double> flopsPerSecond, double bytesPerSecond) {
  private static final int RUNS = 5;

  /// Measures all in a second or two.
  static Ceilings measure(Device device, Numerics numerics) {
    boolean large = device.type() == Device.Type.CUDA;
    int n = large ? 8192 : 2048;
    long elements = large ? 1L << 28 : 1L << 25;
    boolean both = large && numerics.products() == DType.FLOAT32;
    SortedMap<Numerics, Double> flops = new TreeMap<>();
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      Tensor a = Tensor.randn(n, n).to(device).to(numerics.products());
      Tensor b = Tensor.randn(n, n).to(device).to(numerics.products());
      for (Numerics each : both ? List.of(Numerics.FLOAT32, Numerics.TF32) : List.of(numerics)) {
        each.apply(device);
        flops.put(each, 2.0 * n * n * n / seconds(device, () -> a.matmul(b)));
      }
      Tensor x = Tensor.ones(elements).to(device);
      Tensor y = Tensor.ones(elements).to(device);
      return new Ceilings(numerics, flops, 8.0 * elements / seconds(device, () -> y.copy_(x)));
    } finally {
      numerics.apply(device);
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
    return Math.max(workload.flops() / Objects.requireNonNull(flopsPerSecond.get(numerics)), workload.bytes() / bytesPerSecond);
  }

  @Override
  public String toString() {
    String products = flopsPerSecond.entrySet().stream()
        .map(each -> String.format(Locale.ROOT, "%.0f GFLOP/s in products (%s)", each.getValue() / 1e9, each.getKey()))
        .collect(joining(", "));
    return products + String.format(Locale.ROOT, ", %.1f GB/s in copies", bytesPerSecond / 1e9);
  }
}
