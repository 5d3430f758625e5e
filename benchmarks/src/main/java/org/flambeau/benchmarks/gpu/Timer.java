package org.flambeau.benchmarks.gpu;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.internal.Backends;

/// Times work on a device by the host's clock, waiting for the device before and after several calls, as `peer/gpu.py` does.
final class Timer {
  /// Seconds of calls between two waits.
  private static final double TURN = 0.02;

  private final Device device;
  private final double seconds;

  /// @param seconds to measure for, after as much again to warm up
  Timer(Device device, double seconds) {
    this.device = device;
    this.seconds = seconds;
  }

  /// Milliseconds of a call: the median and the least of all turns, how long the host takes to issue one, and bytes at the peak.
  Map<String, Object> time(Supplier<?> work) {
    double first = turn(work, 1);
    MemoryStats.resetPeak(device);
    double warm = first;
    long start = System.nanoTime();
    for (int i = 0; i < 3 || System.nanoTime() - start < seconds * 1e9; i++) {
      warm = Math.min(warm, turn(work, 1));
    }
    int calls = (int) Math.clamp(TURN / warm, 1, 1000);
    List<Double> turns = new ArrayList<>();
    List<Double> issues = new ArrayList<>();
    start = System.nanoTime();
    while (turns.size() < 3 || System.nanoTime() - start < seconds * 1e9) {
      turns.add(turn(work, calls));
      issues.add(issue(work));
    }
    Collections.sort(turns);
    Collections.sort(issues);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("milliseconds", 1e3 * turns.get(turns.size() / 2));
    result.put("least_milliseconds", 1e3 * turns.getFirst());
    result.put("issue_milliseconds", 1e3 * issues.get(issues.size() / 2));
    result.put("first_milliseconds", 1e3 * first);
    result.put("turns", turns.size());
    result.put("calls_per_turn", calls);
    result.put("peak_bytes", MemoryStats.of(device).peak());
    return result;
  }

  private double turn(Supplier<?> work, int calls) {
    synchronize();
    long before = System.nanoTime();
    for (int i = 0; i < calls; i++) {
      call(work);
    }
    synchronize();
    return (System.nanoTime() - before) / 1e9 / calls;
  }

  /// Until the host could go on, while the device still works.
  private double issue(Supplier<?> work) {
    synchronize();
    long before = System.nanoTime();
    call(work);
    return (System.nanoTime() - before) / 1e9;
  }

  private static void call(Supplier<?> work) {
    try (var _ = MemoryScope.open()) {
      Object _ = work.get();
    }
  }

  private void synchronize() {
    Backends.of(device).synchronize(device.index());
  }
}
