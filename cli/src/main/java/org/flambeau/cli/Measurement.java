package org.flambeau.cli;

import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.internal.Backends;

/// How long something takes over several runs, and what memory it needs.
final class Measurement {
  static final String[] HEADER = {"", "time per batch", "spread", "images/s", "memory in use", "at peak"};

  private final String name;
  private final Device device;
  private final Supplier<?> work;
  private final double[] millis;
  private int measured;
  private long inUse;
  private long peak;

  /// @param work what is measured; its result is held until the memory in use has been read, as a program would that goes on with it
  Measurement(String name, Device device, int runs, Supplier<?> work) {
    this.name = name;
    this.device = device;
    this.work = work;
    this.millis = new double[runs];
  }

  void warmUp() {
    try (var _ = MemoryScope.open()) {
      Object result = work.get();
      Backends.of(device).synchronize(device.index());
      Reference.reachabilityFence(result);
    }
  }

  void measure() {
    try (var _ = MemoryScope.open()) {
      MemoryStats.resetPeak(device);
      long start = System.nanoTime();
      Object result = work.get();
      Backends.of(device).synchronize(device.index());
      millis[measured++] = (System.nanoTime() - start) / 1e6;
      MemoryStats memory = MemoryStats.of(device);
      Reference.reachabilityFence(result);
      inUse = Math.max(inUse, memory.current());
      peak = Math.max(peak, memory.peak());
    }
  }

  String[] row(int batch) {
    double[] sorted = millis.clone();
    Arrays.sort(sorted);
    double median = (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    return new String[] {name, String.format(Locale.ROOT, "%.1f ms", median),
      String.format(Locale.ROOT, "%.1f to %.1f ms", sorted[0], sorted[sorted.length - 1]),
      String.format(Locale.ROOT, "%.1f", 1000 * batch / median),
      Quantities.bytes(inUse), Quantities.bytes(peak)};
  }
}
