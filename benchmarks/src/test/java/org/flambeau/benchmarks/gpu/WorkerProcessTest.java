package org.flambeau.benchmarks.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.flambeau.cli.bench.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What goes wrong in a process costs the answer to one question.
class WorkerProcessTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  @TempDir private Path folder;

  /// A shell that answers `answer` by the number of its process, and does as it is told otherwise.
  private WorkerProcess shell() {
    String script = """
        while read -r question; do
          case $question in
            answer) echo "@answer {\\"process\\":$$}" ;;
            *) eval "$question" ;;
          esac
        done
        """;
    return new WorkerProcess(List.of("sh", "-c", script), folder.resolve("log"));
  }

  private static String error(Map<String, Object> answer) {
    return String.valueOf(answer.get("error"));
  }

  @Test
  void one_process_answers_one_question_after_the_other() {
    try (WorkerProcess worker = shell()) {
      assertEquals(worker.ask("answer", LONG), worker.ask("answer", LONG));
    }
  }

  @Test
  void after_a_process_that_hangs_a_new_one_is_asked() {
    try (WorkerProcess worker = shell()) {
      Object first = worker.ask("answer", LONG).get("process");
      assertEquals("no answer within 0 s", error(worker.ask("exec sleep 600", Duration.ofMillis(300))));
      Object second = worker.ask("answer", LONG).get("process");
      assertTrue(second instanceof Long && !second.equals(first), first + ", " + second);
    }
  }

  @Test
  void what_the_end_of_the_time_cuts_off_was_not_run() {
    try (WorkerProcess worker = shell()) {
      assertTrue(Results.isNotRun(worker.ask("exec sleep 600", LONG, Instant.now().plusMillis(300))));
      assertTrue(Results.isNotRun(worker.ask("answer", LONG, Instant.now())));
      assertEquals("no answer within 0 s", error(worker.ask("exec sleep 600", Duration.ofMillis(300), Instant.now().plus(LONG))));
    }
  }

  @Test
  void one_that_ends_leaves_its_status_and_last_words() {
    try (WorkerProcess worker = shell()) {
      assertEquals("the process ended with status 7: out of luck", error(worker.ask("echo out of luck >&2; exit 7", LONG)));
      assertTrue(worker.ask("answer", LONG).get("process") instanceof Long);
    }
  }

  @Test
  void the_last_words_are_those_of_the_process_that_ended() throws IOException {
    try (WorkerProcess worker = shell()) {
      Map<String, Object> _ = worker.ask("echo of the first >&2; exit 7", LONG);
      assertEquals("the process ended with status 8: of the second", error(worker.ask("echo of the second >&2; exit 8", LONG)));
      assertEquals("of the first\nof the second\n", Files.readString(folder.resolve("log")));
    }
  }

  @Test
  void what_leaves_the_device_beyond_use_is_asked_again_of_one_that_waits_after_each_launch() {
    WorkerProcess blocking = new WorkerProcess(List.of("sh", "-c", "read -r question; echo \"@answer {\\\"error\\\":\\\"in gelu\\\"}\""),
        folder.resolve("blocking"));
    try (Worker worker = new Worker(shell(), blocking)) {
      String fault = "echo '@answer {\"error\":\"illegal address\",\"fault\":\"still\"}'";

      assertEquals(Map.of("error", "illegal address", "fault", "still", Worker.LAUNCH_BY_LAUNCH, Map.of("error", "in gelu")),
          worker.ask(fault, LONG, Instant.MAX));
      assertEquals(Set.of("process"), worker.ask("answer", LONG, Instant.MAX).keySet());
    }
  }

  @Test
  void numbers_that_are_none_are_read_as_python_writes_them() {
    try (WorkerProcess worker = shell()) {
      Map<String, Object> answer = worker.ask("echo '@answer {\"a\":NaN,\"b\":-Infinity}'", LONG);
      assertEquals(Map.of("a", Double.NaN, "b", Double.NEGATIVE_INFINITY), answer);
      assertEquals("{\"a\":\"NaN\"}", Json.write(Map.of("a", Double.NaN)));
    }
  }

  @Test
  void what_is_no_json_is_an_error() {
    try (WorkerProcess worker = shell()) {
      assertTrue(worker.ask("echo '@answer {\"a\":'", LONG).containsKey("error"));
      assertTrue(worker.ask("answer", LONG).get("process") instanceof Long);
    }
  }
}
