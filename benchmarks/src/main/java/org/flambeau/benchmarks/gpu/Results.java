package org.flambeau.benchmarks.gpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.cli.bench.Json;
import org.jspecify.annotations.Nullable;

/// What was found so far. It is on disk, as JSON and as Markdown, after every [#put(String, Object)], so that a run that is cut off
/// leaves what it had.
final class Results {
  /// How an error begins that is nobody's failure.
  static final String NOT_RUN = "not run: the time was up", SKIPPED = "skipped";

  private final Path folder;
  private final Map<String, Object> found = new LinkedHashMap<>();

  /// @param folder where `results.json` and `results.md` go
  Results(Path folder) {
    this.folder = folder;
  }

  synchronized void put(String name, Object value) {
    found.put(name, value);
    try {
      replace("results.json", Json.write(found) + "\n");
      replace("results.md", Report.of(found));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Ends a part with an error, beside what it had found.
  synchronized void fail(String part, Exception error) {
    Map<String, Object> all = new LinkedHashMap<>();
    if (found.get(part) instanceof Map<?, ?> before) {
      before.forEach((name, value) -> all.put(name.toString(), value));
    }
    all.put("error", error.toString());
    put(part, all);
  }

  /// At every moment there is a whole file, the one before or the new one.
  private void replace(String name, String text) throws IOException {
    Path next = folder.resolve(name + ".next");
    Files.writeString(next, text);
    Files.move(next, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
  }

  /// How many checks, measurements and parts of ours went wrong.
  synchronized long failures() {
    return failures(found);
  }

  private static long failures(@Nullable Object value) {
    return switch (value) {
      case Map<?, ?> map -> (isFailure(map) ? 1 : 0)
          + map.entrySet().stream().filter(Results::isOurs).mapToLong(e -> failures(e.getValue())).sum();
      case List<?> list -> list.stream().mapToLong(Results::failures).sum();
      case null, default -> 0;
    };
  }

  /// Neither the peer's, nor what was asked twice.
  private static boolean isOurs(Map.Entry<?, ?> entry) {
    String name = entry.getKey().toString();
    return !name.startsWith("pytorch") && !name.equals(Worker.LAUNCH_BY_LAUNCH);
  }

  /// Whether there was no time left for it.
  static boolean isNotRun(Map<?, ?> answer) {
    return NOT_RUN.equals(answer.get("error"));
  }

  /// Whether something went wrong.
  static boolean isFailure(Map<?, ?> answer) {
    return "failed".equals(answer.get("status")) || answer.containsKey("fault")
        || answer.get("error") instanceof String error && !isNotRun(answer) && !error.startsWith(SKIPPED);
  }
}
