package org.flambeau.benchmarks.gpu;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// PyTorch, which is imported while others work: from a cold disk that takes a minute or more.
final class Peer {
  private final WorkerProcess process;
  private final Instant end;
  private @Nullable CompletableFuture<Map<String, Object>> versions;

  /// @param end when nobody waits any more
  Peer(WorkerProcess process, Instant end) {
    this.process = process;
    this.end = end;
  }

  /// Starts it, and does not wait for it.
  synchronized CompletableFuture<Map<String, Object>> start() {
    CompletableFuture<Map<String, Object>> started = versions;
    if (started == null) {
      started = CompletableFuture.supplyAsync(() -> process.ask("versions", Setup.START, end));
      versions = started;
    }
    return started;
  }

  /// What is installed, as soon as that is known; or why there is nobody to ask.
  Map<String, Object> versions() {
    return start().join();
  }

  Map<String, Object> ask(String question, Duration longest, Instant end) {
    return versions().containsKey("error")
        ? Map.of("error", Results.SKIPPED + ": there is no PyTorch to ask")
        : process.ask(question, longest, end);
  }
}
