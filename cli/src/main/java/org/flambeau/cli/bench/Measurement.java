package org.flambeau.cli.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.jspecify.annotations.Nullable;

/// How long a workload takes in each turn, here and, where there is a peer, there, and what memory it needs.
final class Measurement {
  /// Holds a result, as a program does that goes on with it, and keeps the compiler from leaving work out.
  @SuppressWarnings("unused") private static volatile @Nullable Object sink;

  private final Workload workload;
  private final Device device;
  private final Supplier<Tensor> work;
  private final List<Double> seconds = new ArrayList<>();
  private final List<Double> peerSeconds = new ArrayList<>();
  private String peerVariant = "";
  private double @Nullable [] fingerprint;
  private @Nullable Memory memory;
  private @Nullable Memory peerMemory;

  Measurement(Workload workload, Device device) {
    this.workload = workload;
    this.device = device;
    this.work = workload.make().get();
  }

  Workload workload() {
    return workload;
  }

  /// Measures what memory the workload needs, before anything else has made the process larger.
  void measureMemory() {
    memory = Memory.measure(device, this::fingerprint, this::call);
  }

  /// The same of a peer that has not run anything yet.
  void measureMemory(Peer fresh) {
    peerMemory = fresh.memory(workload, peerVariant);
  }

  /// Of the result of the first call: the sum of its elements, that of their magnitudes, and one of them.
  double[] fingerprint() {
    if (fingerprint == null) {
      try (var _ = MemoryScope.open()) {
        double[] values = work.get().detach().toDoubleArray();
        fingerprint = new double[] {Arrays.stream(values).sum(), Arrays.stream(values).map(Math::abs).sum(), values[values.length / 3]};
      }
    }
    return fingerprint;
  }

  /// The peer's fingerprint.
  double[] prepare(Peer peer) {
    Peer.Prepared prepared = peer.prepare(workload);
    peerVariant = prepared.variant();
    return prepared.fingerprint();
  }

  /// One turn here, of one call at least.
  ///
  /// @param least how long it lasts at least, in seconds
  void warmUp(double least) {
    time(least);
  }

  /// As [#warmUp(double)], and the median of its calls counts.
  void measure(double least) {
    seconds.add(time(least));
  }

  /// One turn of the peer's.
  void measure(double least, Peer peer) {
    peerSeconds.add(median(peer.time(workload, least)));
  }

  private double time(double least) {
    List<Double> each = new ArrayList<>();
    long start = System.nanoTime();
    do {
      long before = System.nanoTime();
      call();
      each.add((System.nanoTime() - before) / 1e9 / workload.calls());
    } while (System.nanoTime() - start < least * 1e9);
    return median(each.stream().mapToDouble(Double::doubleValue).toArray());
  }

  private void call() {
    if (workload.isSmall()) {
      for (int i = 0; i < workload.calls(); i++) {
        sink = work.get();
      }
    } else {
      for (int i = 0; i < workload.calls(); i++) {
        try (var _ = MemoryScope.open()) {
          sink = work.get();
        }
      }
    }
    Backends.of(device).synchronize(device.index());
  }

  /// Seconds of one call.
  double median() {
    return median(seconds.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /// The shortest and the longest turn.
  double[] spread() {
    return new double[] {seconds.stream().min(Double::compare).orElseThrow(), seconds.stream().max(Double::compare).orElseThrow()};
  }

  /// The peer's seconds of one call, or null where it was not asked.
  @Nullable Double peerMedian() {
    return peerSeconds.isEmpty() ? null : median(peerSeconds.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /// How the peer runs the workload, as in `channels-last`; empty where there is one way only.
  String peerVariant() {
    return peerVariant;
  }

  /// The median of the ratios of each pair of turns, so that a machine that changes its pace changes it for both; below 1, we are faster.
  double ratio() {
    double[] ratios = new double[peerSeconds.size()];
    Arrays.setAll(ratios, i -> seconds.get(i) / peerSeconds.get(i));
    return median(ratios);
  }

  /// Null where it was not looked at.
  @Nullable Memory memory() {
    return memory;
  }

  @Nullable Memory peerMemory() {
    return peerMemory;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }
}
