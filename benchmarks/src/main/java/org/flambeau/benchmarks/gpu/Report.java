package org.flambeau.benchmarks.gpu;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
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
      report.line("| what | Flambeau | issue | PyTorch | issue | Flambeau / PyTorch |\n|---|---:|---:|---:|---:|---:|");
      report.times(profile, Report::operationCells);
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
        "\n## Models\n\nMilliseconds of a batch, medians; the two sides took turns, twice. `bf16`: weights and activations; `amp`: autocast to "
            + "bfloat16, float32 parameters; `tf32`, `fp32`: TF32 on or off, in matrix products and convolutions on both sides "
            + "(`matmul.allow_tf32`, `cudnn.allow_tf32`). `whole`: compiled in inference, one CUDA graph in training; `nhwc`: channels last; "
            + "`untuned`: engines and algorithms as proposed, none tried. Both sides try them elsewhere (`cudnn.benchmark`). `issue` is the time until "
            + "the host could go on. The ratios are of the better layout each.\n");
    line(
        "| what | Flambeau | nhwc | issue | whole | nhwc, whole | untuned | PyTorch | nhwc | issue | torch.compile | Flambeau / PyTorch | whole / compile |\n"
            + "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    times(models, Report::cells);
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

  private static final String OURS = Beside.OURS, THEIRS = Beside.EAGER;

  /// The answers of a row of models, each with how it is shown.
  private static List<String> cells(Map<?, ?> row) {
    String whole = row.containsKey(OURS + " graph") ? " graph" : " compiled", last = " channels_last";
    return List.of(time(row, OURS), time(row, OURS + last), issue(row, OURS), time(row, OURS + whole),
        time(row, OURS + last + "+" + whole.strip()), time(row, OURS + " untuned"), time(row, THEIRS), time(row, THEIRS + last),
        issue(row, THEIRS), time(row, Beside.COMPILED), ratio(least(row, OURS, OURS + last), least(row, THEIRS, THEIRS + last)),
        ratio(least(row, OURS + whole, OURS + last + "+" + whole.strip()), least(row, Beside.COMPILED)));
  }

  private static List<String> operationCells(Map<?, ?> row) {
    return List.of(time(row, OURS), issue(row, OURS), time(row, THEIRS), issue(row, THEIRS), ratio(least(row, OURS), least(row, THEIRS)));
  }

  private void times(Map<?, ?> part, Function<Map<?, ?>, List<String>> cells) {
    error(part);
    if (!(part.get("rows") instanceof List<?> rows)) {
      return;
    }
    List<String> failures = new ArrayList<>();
    for (Object each : rows) {
      Map<?, ?> row = (Map<?, ?>) each;
      line("| " + row.get("name") + " | " + String.join(" | ", cells.apply(row)) + " |");
      row.forEach((side, answer) -> {
        if (answer instanceof Map<?, ?> values && values.containsKey("error") && Results.isFailure(values)) {
          failures.add("- " + row.get("name") + ", " + side + ": " + cell(values.get("error")));
        }
        if (answer instanceof Map<?, ?> values && values.get(Worker.LAUNCH_BY_LAUNCH) instanceof Map<?, ?> again) {
          failures.add("- " + row.get("name") + ", " + side + ", launch by launch: " + cell(again.get("error")));
        }
      });
    }
    if (!failures.isEmpty()) {
      line("\nFailed:\n");
      failures.forEach(this::line);
    }
  }

  /// What ended a part before its time.
  private void error(Map<?, ?> part) {
    if (part.containsKey("error")) {
      line("Broken off: " + cell(part.get("error")) + "\n");
    }
  }

  private static double number(Map<?, ?> row, String side, String what) {
    return row.get(side) instanceof Map<?, ?> values && values.get(what) instanceof Number number ? number.doubleValue() : Double.NaN;
  }

  private static String time(Map<?, ?> row, String side) {
    return format("%.3f", number(row, side, "milliseconds"));
  }

  private static String issue(Map<?, ?> row, String side) {
    return format("%.3f", number(row, side, "issue_milliseconds"));
  }

  private static double least(Map<?, ?> row, String... sides) {
    return Stream.of(sides).mapToDouble(side -> number(row, side, "milliseconds")).filter(time -> time > 0).min().orElse(Double.NaN);
  }

  private static String ratio(double ours, double theirs) {
    return format("%.2f", ours / theirs);
  }

  private static String format(String format, double value) {
    return Double.isNaN(value) ? "–" : String.format(Locale.ROOT, format, value);
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
