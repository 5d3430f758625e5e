package org.flambeau.cli.bench;

import java.util.Arrays;
import java.util.List;
import org.flambeau.Device;
import org.flambeau.FlambeauException;
import org.jspecify.annotations.Nullable;

/// Measures workloads in turns, ours and the peer's, so that whatever else the machine does meets all of them alike.
///
/// @param tolerance what results may differ by, relative to the sum of their magnitudes
/// @param warmUps turns before those that count
/// @param warmUpSeconds how long each of these is at least
/// @param turns how many count
/// @param turnSeconds how long each of these is at least
record Turns(double tolerance, int warmUps, double warmUpSeconds, int turns, double turnSeconds) {
  /// Looks at the memory of models, compares results, then times.
  ///
  /// @throws FlambeauException where the results differ: then times mean nothing
  List<Measurement> measure(List<Workload> workloads, Device device, @Nullable Peer peer) {
    List<Measurement> measurements = workloads.stream().map(workload -> new Measurement(workload, device)).toList();
    measurements.stream().filter(each -> each.workload().isModel()).forEach(Measurement::measureMemory);
    if (peer != null) {
      for (Measurement each : measurements) {
        requireEqual(each.workload(), each.fingerprint(), each.prepare(peer));
        if (each.workload().isModel()) {
          try (Peer fresh = peer.another()) {
            each.measureMemory(fresh);
          }
        }
      }
    }
    for (int i = 0; i < warmUps; i++) {
      for (Measurement each : measurements) {
        each.warmUp(warmUpSeconds);
        if (peer != null) {
          peer.time(each.workload(), turnSeconds);
        }
      }
    }
    for (int i = 0; i < turns; i++) {
      for (Measurement each : measurements) {
        each.measure(turnSeconds);
        if (peer != null) {
          each.measure(turnSeconds, peer);
        }
      }
    }
    return measurements;
  }

  private void requireEqual(Workload workload, double[] ours, double[] theirs) {
    double[] allowed = {tolerance * Math.max(1, theirs[1]), tolerance * Math.max(1, theirs[1]),
      10 * tolerance * Math.max(1, Math.abs(theirs[2]))};
    for (int i = 0; i < ours.length; i++) {
      if (!(Math.abs(ours[i] - theirs[i]) <= allowed[i])) {
        throw new FlambeauException(
            workload.title() + ": results differ, so times mean nothing: sum, sum of magnitudes and one element are "
                + Arrays.toString(ours) + " here and " + Arrays.toString(theirs) + " in PyTorch");
      }
    }
  }
}
