package org.flambeau.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressState;
import org.flambeau.cli.training.EpochReport;
import org.flambeau.cli.training.LossScale;
import org.flambeau.cli.training.Metrics;
import org.flambeau.cli.training.StepReport;
import org.flambeau.cli.training.TrainingListener;
import org.jspecify.annotations.Nullable;

/// Shows on a terminal how far an epoch is, and leaves one line behind each.
///
/// ```
/// epoch 2/6  ████████████▌          52%  loss 0.5121  accuracy 81.9%  243 images/s  1:23 left
/// epoch 2/6  loss 0.5034  accuracy 82.21%  validation loss 0.4312  accuracy 84.90%  243 images/s  0:19
/// ```
final class ProgressLine implements TrainingListener {
  private static final String EIGHTHS = " ▏▎▍▌▋▊▉";
  private static final int INTERVAL_MILLIS = 200;

  private final PrintWriter out;
  private final PrintWriter err;
  private final int columns;
  private final int epochs;
  private @Nullable ProgressBar bar;
  private String title = "";

  /// @param columns how wide the terminal is behind `err`, 0 where there is none: then no bar is drawn
  ProgressLine(PrintWriter out, PrintWriter err, int columns, int epochs) {
    this.out = out;
    this.err = err;
    this.columns = columns;
    this.epochs = epochs;
  }

  @Override
  public void step(StepReport report) {
    Metrics soFar = report.epochSoFar();
    draw("epoch " + report.epoch() + "/" + epochs, soFar.images(), report.epochImages(),
        String.format(Locale.ROOT, "loss %.4f  accuracy %.1f%%  %.0f images/s  %s left", soFar.loss(), 100 * soFar.accuracy(),
            report.imagesPerSecond(), Quantities.duration(report.secondsLeft())));
  }

  @Override
  public void evaluated(int epoch, long images, long ofImages) {
    draw("validation", images, ofImages, "");
  }

  @Override
  public void epoch(List<EpochReport> history) {
    erase();
    EpochReport report = history.getLast();
    Metrics validation = report.validation();
    LossScale scale = report.lossScale();
    out.println(String.format(Locale.ROOT, "epoch %d/%d  loss %.4f  accuracy %.2f%%%s%s  %.0f images/s  %s", report.epoch(), epochs,
        report.training().loss(), 100 * report.training().accuracy(),
        validation == null
            ? ""
            : String.format(Locale.ROOT, "  validation loss %.4f  accuracy %.2f%%", validation.loss(), 100 * validation.accuracy()),
        scale == null
            ? ""
            : String.format(Locale.ROOT, "  loss scale %.0f, %s skipped", scale.factor(),
                Quantities.counted(scale.skippedSteps(), "step", "steps")),
        report.imagesPerSecond(), Quantities.duration(report.seconds())));
    out.flush();
  }

  @Override
  public void close() {
    erase();
  }

  private void draw(String title, long done, long of, String figures) {
    if (columns == 0) {
      return;
    }
    if (!title.equals(this.title)) {
      erase();
      this.title = title;
    }
    ProgressBar current = bar;
    if (current == null) {
      bar = current = new ProgressBarBuilder().setTaskName(title).setInitialMax(of).setUpdateIntervalMillis(INTERVAL_MILLIS)
          .setRenderer(ProgressLine::render).setConsumer(new DelegatingProgressBarConsumer(this::show, columns - 1)).build();
    }
    current.setExtraMessage(figures);
    current.stepTo(done);
  }

  private void show(String line) {
    err.print("\r" + line);
    err.flush();
  }

  private void erase() {
    ProgressBar current = bar;
    if (current != null) {
      bar = null;
      current.close();
      show(" ".repeat(columns - 1) + "\r");
    }
  }

  static String render(ProgressState state, int width) {
    double done = state.getMax() <= 0 ? 0 : Math.clamp((double) state.getCurrent() / state.getMax(), 0, 1);
    String left = state.getTaskName() + "  ";
    String right = String.format(Locale.ROOT, " %3.0f%%  %s", 100 * done, state.getExtraMessage());
    String line = left + bar(done, Math.clamp(width - left.length() - right.length(), 8, 30)) + right;
    return line.length() > width ? line.substring(0, width) : line + " ".repeat(width - line.length());
  }

  private static String bar(double done, int width) {
    int eighths = (int) (done * width * 8);
    String full = "█".repeat(eighths / 8);
    String begun = eighths % 8 == 0 ? "" : EIGHTHS.substring(eighths % 8, eighths % 8 + 1);
    return full + begun + " ".repeat(width - full.length() - begun.length());
  }
}
