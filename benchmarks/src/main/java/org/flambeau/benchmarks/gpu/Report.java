package org.flambeau.benchmarks.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The results as Markdown.
final class Report {
  private static final int LONGEST_MESSAGE = 400;

  private final StringBuilder text = new StringBuilder();

  private Report() {}

  static String of(Map<String, Object> results) {
    Report report = new Report();
    report.line("# Flambeau on " + results.get("gpu"));
    report.line("");
    report.line(results.get("date") + ", commit " + results.get("commit") + ", " + results.get("device"));
    if (results.get("unusable") instanceof String why) {
      report.line("\nNothing was measured: " + why);
    }
    if (results.get("models") instanceof Map<?, ?> models) {
      report.models(models);
    }
    if (results.get("profile") instanceof Map<?, ?> profile) {
      report.line("\n## Operations\n\nMilliseconds of a call, TF32 allowed on both sides.\n");
      report.times(profile);
    }
    if (results.get("conformance") instanceof Map<?, ?> conformance) {
      report.conformance(conformance);
    }
    if (results.get("doctor") instanceof Map<?, ?> doctor) {
      report.line("\n## The machine\n\n```");
      report.line(String.valueOf(doctor.get("text")));
      report.line("```");
    }
    return report.text.toString();
  }

  private void line(String line) {
    text.append(line).append('\n');
  }

  // ---- models ----

  private void models(Map<?, ?> models) {
    line(
        "\n## Models\n\nMilliseconds of a batch, medians; the two sides took turns. `fp32`: TF32 off, `tf32`: TF32 on, in matrix products and "
            + "convolutions on both sides (`matmul.allow_tf32`, `cudnn.allow_tf32`); `bf16`: weights and activations. `issue` is the time until "
            + "the host could go on.\n");
    times(models);
    if (models.get("comparisons") instanceof Map<?, ?> comparisons) {
      line("\n### Results on the same weights\n\nErrors against float64 as a share of the norm, over all elements.\n");
      line("| model | what | ours | PyTorch's | ours to PyTorch's | worst tensor |\n|---|---|---|---|---|---|");
      comparisons.forEach((name, found) -> comparison(name.toString(), (Map<?, ?>) found));
    }
    if (models.get("pytorch") instanceof Map<?, ?> versions) {
      line("\nPyTorch: " + cell(versions));
    }
  }

  private void comparison(String name, Map<?, ?> found) {
    if (found.containsKey("error")) {
      line("| " + name + " | " + cell(found.get("error")) + " | | | | |");
    }
    for (String what : List.of("logits", "gradient")) {
      if (found.get(what) instanceof Map<?, ?> errors) {
        line("| " + String.join(" | ", name, what, small(errors.get("ours_to_float64")), small(errors.get("pytorch_to_float64")),
            small(errors.get("ours_to_pytorch")), cell(errors.get("worst"))) + " |");
      }
    }
  }

  private static String small(@Nullable Object value) {
    return value instanceof Number number ? String.format(Locale.ROOT, "%.1e", number.doubleValue()) : cell(value);
  }

  private void times(Map<?, ?> part) {
    error(part);
    if (!(part.get("rows") instanceof List<?> rows)) {
      return;
    }
    line("| what | Flambeau | issue | PyTorch eager | issue | torch.compile | Flambeau / eager | Flambeau / compile |\n"
        + "|---|---:|---:|---:|---:|---:|---:|---:|");
    List<String> failures = new ArrayList<>();
    for (Object each : rows) {
      Map<?, ?> row = (Map<?, ?>) each;
      Map<?, ?> ours = side(row, Beside.OURS), eager = side(row, Beside.EAGER), compiled = side(row, Beside.COMPILED);
      line("| " + String.join(" | ", String.valueOf(row.get("name")), time(ours, "milliseconds"), time(ours, "issue_milliseconds"),
          time(eager, "milliseconds"), time(eager, "issue_milliseconds"), time(compiled, "milliseconds"), ratio(ours, eager),
          ratio(ours, compiled)) + " |");
      if (ours.containsKey("error") && !Results.isNotRun(ours)) {
        failures.add("- " + row.get("name") + ": " + cell(ours.get("error")));
      }
    }
    if (!failures.isEmpty()) {
      line("\nFailed here:\n");
      failures.forEach(this::line);
    }
  }

  /// What ended a part before its time.
  private void error(Map<?, ?> part) {
    if (part.containsKey("error")) {
      line("Broken off: " + cell(part.get("error")) + "\n");
    }
  }

  private static Map<?, ?> side(Map<?, ?> row, String side) {
    return row.get(side) instanceof Map<?, ?> values ? values : Map.of();
  }

  private static String time(Map<?, ?> side, String what) {
    return side.get(what) instanceof Number time ? String.format(Locale.ROOT, "%.3f", time.doubleValue()) : "–";
  }

  private static String ratio(Map<?, ?> ours, Map<?, ?> theirs) {
    return ours.get("milliseconds") instanceof Number a && theirs.get("milliseconds") instanceof Number b
        ? String.format(Locale.ROOT, "%.2f", a.doubleValue() / b.doubleValue()) : "–";
  }

  // ---- conformance ----

  @SuppressWarnings("unchecked")
  private void conformance(Map<?, ?> part) {
    line("\n## Conformance\n");
    error(part);
    if (!(part.get("operations") instanceof Map<?, ?> operations)) {
      return;
    }
    line(part.get("right") + " of " + part.get("all") + " operations are right; " + part.get("run") + " were run.\n");
    List<String> notRun = new ArrayList<>();
    operations.forEach((name, answer) -> {
      if (Results.isNotRun((Map<?, ?>) answer)) {
        notRun.add(name.toString());
        return;
      }
      Map<String, String> failures = Conformance.failures((Map<String, Object>) answer);
      failures.forEach((check, message) -> line("- **" + name + "**, " + check + ": " + cell(message)));
    });
    if (!notRun.isEmpty()) {
      line("\nNot run, since the time was up: " + String.join(", ", notRun));
    }
  }

  /// One line, not too long, without what would end a table's cell.
  static String cell(@Nullable Object value) {
    String text = String.valueOf(value).replace("\n", " / ").replace("|", "\\|");
    return text.length() <= LONGEST_MESSAGE ? text : text.substring(0, LONGEST_MESSAGE) + " …";
  }
}
