package org.flambeau.benchmarks.gpu;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;

/// A process that answers with the device. What leaves the device beyond use is asked once again, of a process that waits after each launch,
/// so that the operation that is to blame says so itself.
///
/// @param process who is asked
/// @param blocking who is asked again
record Worker(WorkerProcess process, WorkerProcess blocking) implements AutoCloseable {
  /// What the second process answered, in the answer of the first.
  static final String LAUNCH_BY_LAUNCH = "launch_by_launch";

  Map<String, Object> ask(String question, Duration longest, Instant end) {
    Map<String, Object> answer = process.ask(question, longest, end);
    if (!answer.containsKey("fault")) {
      return answer;
    }
    Map<String, Object> explained = new LinkedHashMap<>(answer);
    explained.put(LAUNCH_BY_LAUNCH, blocking.ask(question, longest, end));
    blocking.close();
    return explained;
  }

  @Override
  public void close() {
    process.close();
    blocking.close();
  }
}
