package org.flambeau.benchmarks.gpu;

import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.flambeau.testkit.OpInfo;
import org.flambeau.testkit.OpTable;

/// Holds the device to the op table: several processes take operations from one queue.
final class Conformance {
  private static final Duration LONGEST = Duration.ofMinutes(3);
  /// To choose among engines and algorithms for each operand of the table would take all the time.
  private static final List<String> UNTUNED = List.of("-Dflambeau.cuda.autotune=false");

  private Conformance() {}

  /// @param found takes what was found so far, after each operation
  static void run(Setup setup, Instant end, Consumer<Map<String, Object>> found) throws InterruptedException {
    List<String> operations = operations(setup.list("operations", ""));
    int workers = Integer.parseInt(setup.get("workers", String.valueOf(Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 8))));
    Queue<String> waiting = new ConcurrentLinkedQueue<>(operations);
    Map<String, Map<String, Object>> answers = new HashMap<>();
    List<Thread> threads = IntStream.range(0, Math.min(workers, operations.size())).mapToObj(number -> Thread.ofPlatform().start(() -> {
      try (Worker worker = setup.worker("conformance-" + number, UNTUNED, ConformanceWorker.class)) {
        for (String operation = waiting.poll(); operation != null; operation = waiting.poll()) {
          Map<String, Object> answer = worker.ask(operation, LONGEST, end);
          if (Results.isNotRun(answer)) {
            break;
          }
          String name = operation;
          failures(answer)
              .forEach((check, message) -> System.out.println(name + ", " + check + ": " + message.lines().findFirst().orElse("")));
          synchronized (answers) {
            answers.put(operation, answer);
            found.accept(summary(operations, answers));
          }
        }
      }
    })).toList();
    for (Thread thread : threads) {
      thread.join();
    }
    Map<String, Object> summary = summary(operations, answers);
    found.accept(summary);
    System.out.println(summary.get("right") + " of " + summary.get("all") + " operations are right, " + summary.get("run") + " were run");
  }

  private static List<String> operations(List<String> named) {
    List<String> all = OpTable.all().stream().map(OpInfo::name).toList();
    for (String name : named) {
      if (!all.contains(name)) {
        throw new IllegalArgumentException("expected names of operations of the table, got " + name);
      }
    }
    return named.isEmpty() ? all : named;
  }

  private static Map<String, Object> summary(List<String> operations, Map<String, Map<String, Object>> answers) {
    Map<String, Object> all = new LinkedHashMap<>();
    int right = 0;
    int asked = 0;
    for (String operation : operations) {
      Map<String, Object> answer = answers.getOrDefault(operation, Map.of("error", Results.NOT_RUN));
      all.put(operation, answer);
      asked += answers.containsKey(operation) ? 1 : 0;
      right += failures(answer).isEmpty() ? 1 : 0;
    }
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
    if (answer.get(Worker.LAUNCH_BY_LAUNCH) instanceof Map<?, ?> again) {
      Map<String, Object> second = new LinkedHashMap<>();
      again.forEach((name, value) -> second.put(name.toString(), value));
      failures(second).forEach((check, message) -> failures.put(check + ", launch by launch", message));
    }
    return failures;
  }
}
