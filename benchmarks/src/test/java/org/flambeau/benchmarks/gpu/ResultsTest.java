package org.flambeau.benchmarks.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.cli.bench.Json;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What was found is on disk as soon as it was found.
class ResultsTest {
  @TempDir private Path folder;

  private Map<String, Object> json() throws IOException {
    return Json.readObject(Files.readString(folder.resolve("results.json")));
  }

  private static Map<String, Object> row(String name, Map<String, Object> ours) {
    return new LinkedHashMap<>(Map.of("name", name, Beside.OURS, ours));
  }

  @Test
  void each_answer_is_there_before_the_next_is_asked_for() throws IOException {
    Results results = new Results(folder);
    List<Map<String, Object>> rows = new ArrayList<>();
    for (String name : List.of("first", "second")) {
      rows.add(row(name, Map.of("milliseconds", 1.5)));
      results.put("models", Map.of("rows", rows));
      assertEquals(Map.of("models", Map.of("rows", rows)), json());
      assertTrue(Files.readString(folder.resolve("results.md")).contains("| " + name + " | 1.500 |"));
    }
  }

  @Test
  void of_two_answers_the_better_time_counts_and_what_went_wrong_once_is_told_beside_it() {
    Map<String, Object> slow = Map.of("milliseconds", 2.5, "turns", 3);
    Map<String, Object> fast = Map.of("milliseconds", 1.5, "turns", 4);
    Map<String, Object> broken = Map.of("error", "out of memory");
    Map<String, Object> late = Map.of("error", Results.NOT_RUN);
    assertEquals(fast, Beside.both(slow, fast));
    assertEquals(fast, Beside.both(fast, slow));
    assertEquals(fast, Beside.both(fast, late));
    assertEquals(broken, Beside.both(broken, late));
    Map<String, Object> both = Map.of("milliseconds", 1.5, "turns", 4, "error", "out of memory");
    assertEquals(both, Beside.both(fast, broken));
    assertEquals(both, Beside.both(broken, fast));
  }

  @Test
  void a_part_that_breaks_off_keeps_what_it_had() throws IOException {
    Results results = new Results(folder);
    List<Map<String, Object>> rows = List.of(row("first", Map.of("milliseconds", 1.5)));
    results.put("profile", Map.of("rows", rows));
    results.fail("profile", new IllegalStateException("broken"));
    assertEquals(Map.of("profile", Map.of("rows", rows, "error", "java.lang.IllegalStateException: broken")), json());
    String report = Files.readString(folder.resolve("results.md"));
    assertTrue(report.contains("Broken off: java.lang.IllegalStateException: broken") && report.contains("| first | 1.500 |"), report);
  }

  @Test
  void what_was_not_run_and_what_pytorch_got_wrong_are_no_failures_of_ours() {
    Results results = new Results(folder);
    Map<String, Object> row = row("a", Map.of("error", Results.NOT_RUN));
    row.put(Beside.EAGER, Map.of("error", "out of memory"));
    results.put("models", Map.of("rows", List.of(row), "pytorch", Map.of("error", "none")));
    assertEquals(0, results.failures());
    results.put("profile", Map.of("rows", List.of(row("b", Map.of("error", "out of memory")))));
    results.put("conformance", Map.of("operations", Map.of("add", Map.of("checks", Map.of("forward", Map.of("status", "failed"))))));
    assertEquals(2, results.failures());
  }

  @Test
  void the_report_lists_what_failed_on_either_side_and_not_what_was_skipped() throws IOException {
    Results results = new Results(folder);
    Map<String, Object> row = row("a", Map.of("milliseconds", 3.0));
    row.put(Beside.EAGER, Map.of("error", Results.SKIPPED + ": there is no PyTorch to ask"));
    results.put("models", Map.of("rows", List.of(row)));
    assertTrue(!Files.readString(folder.resolve("results.md")).contains("Failed"));

    row.put(Beside.EAGER, Map.of("error", "out of memory"));
    results.put("models", Map.of("rows", List.of(row)));
    assertTrue(Files.readString(folder.resolve("results.md")).contains("Failed:\n\n- a, pytorch: out of memory"));
  }

  @Test
  void a_fault_that_was_looked_at_twice_is_one_failure_and_names_who_is_to_blame() throws IOException {
    Results results = new Results(folder);
    Map<String, Object> fault = Map.of("error", "illegal address", "fault", "illegal address", Worker.LAUNCH_BY_LAUNCH,
        Map.of("error", "illegal address, in gelu", "fault", "illegal address"));
    results.put("conformance", Map.of("operations", Map.of("add", fault)));
    assertEquals(1, results.failures());
    assertTrue(Files.readString(folder.resolve("results.md")).contains("- **add**, error, launch by launch: illegal address, in gelu"));
  }

  @Test
  void of_two_layouts_the_better_one_of_each_side_counts() throws IOException {
    Map<String, Object> row = row("a", Map.of("milliseconds", 3.0));
    row.put("flambeau channels_last", Map.of("milliseconds", 2.0));
    row.put("pytorch", Map.of("milliseconds", 4.0));
    row.put("pytorch channels_last", Map.of("milliseconds", 5.0));
    new Results(folder).put("models", Map.of("rows", List.of(row)));
    String report = Files.readString(folder.resolve("results.md"));
    assertTrue(report.contains("| a | 3.000 | 2.000 | – | – | – | – | 4.000 | 5.000 | – | – | 0.50 | – |"), report);
  }
}
