package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.flambeau.testkit.OpInfo;
import org.flambeau.testkit.OpTable;

/// Holds the device to the op table: several processes take operations from one queue.
final class Conformance {
  private static final Duration LONGEST = Duration.ofSeconds(90);

  private Conformance() {}

  static Map<String, Object> run(GpuRun.Setup setup, Instant end) throws IOException, InterruptedException {
    List<String> named = setup.list("operations", "");
    List<String> operations = OpTable.all().stream().map(OpInfo::name).distinct().filter(name -> named.isEmpty() || named.contains(name))
        .toList();
    int workers = Integer.parseInt(setup.get("workers", String.valueOf(Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 8))));
    Path logs = Files.createTempDirectory("flambeau-conformance");
    Queue<String> waiting = new ConcurrentLinkedQueue<>(operations);
    Map<String, Map<String, Object>> answers = new ConcurrentHashMap<>();
    List<Thread> threads = IntStream.range(0, Math.min(workers, operations.size())).mapToObj(number -> Thread.ofPlatform().start(() -> {
      Path log = logs.resolve("worker-" + number + ".log");
      var command = setup.java(ConformanceWorker.class.getName(), setup.device());
      try (var worker = new WorkerProcess(command, log)) {
        for (String operation = waiting.poll(); operation != null && Instant.now().isBefore(end); operation = waiting.poll()) {
          Duration left = GpuRun.left(end);
          answers.put(operation, worker.ask(operation, left.compareTo(LONGEST) < 0 ? left : LONGEST));
        }
      }
    })).toList();
    for (Thread thread : threads) {
      thread.join();
    }
    return summary(operations, answers);
  }

  private static Map<String, Object> summary(List<String> operations, Map<String, Map<String, Object>> answers) {
    Map<String, Object> all = new LinkedHashMap<>();
    int right = 0;
    int asked = 0;
    for (String operation : operations) {
      Map<String, Object> answer = answers.getOrDefault(operation, Map.of("error", "not run: the time was up"));
      all.put(operation, answer);
      asked += answers.containsKey(operation) ? 1 : 0;
      right += failures(answer).isEmpty() ? 1 : 0;
    }
    System.out.println(right + " of " + operations.size() + " operations are right, " + (operations.size() - asked) + " were not run");
    return Map.of("operations", all, "right", right, "all", operations.size(), "run", asked);
  }

  /// The checks that failed, with their messages; a process that ended is one.
  static Map<String, String> failures(Map<String, Object> answer) {
    Map<String, String> failures = new LinkedHashMap<>();
    if (answer.get("checks") instanceof Map<?, ?> checks) {
      checks.forEach((name, check) -> {
        if (check instanceof Map<?, ?> values && !"passed".equals(values.get("status"))) {
          failures.put(name.toString(), String.valueOf(values.get("message")));
        }
      });
    }
    for (String wrong : List.of("error", "fault")) {
      if (answer.containsKey(wrong)) {
        failures.put(wrong, answer.get(wrong).toString());
      }
    }
    return failures;
  }
}
