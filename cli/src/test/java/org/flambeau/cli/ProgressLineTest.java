package org.flambeau.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.flambeau.cli.training.EpochReport;
import org.flambeau.cli.training.LossScale;
import org.flambeau.cli.training.Metrics;
import org.flambeau.cli.training.StepReport;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
  private static final StepReport STEP = new StepReport(2, 30, 0.5, 0.1, null, new Metrics(0.5121, 0.819, 52), 100, 243.4, 83);
  private static final EpochReport EPOCH = new EpochReport(2, 60, 0.1, new Metrics(0.5034, 0.8221, 100), new Metrics(0.4312, 0.849, 20),
      null, 243.4, 19.2);

  private final StringWriter out = new StringWriter(), err = new StringWriter();

  private ProgressLine line(int columns) {
    return new ProgressLine(new PrintWriter(out), new PrintWriter(err), columns, 6);
  }

  @Test
  void aTerminalSeesABarThatFitsAndIsErasedBeforeTheLineOfTheEpoch() {
    try (var line = line(100)) {
      line.step(STEP);
      line.epoch(List.of(EPOCH));
    }

    assertEquals("epoch 2/6  loss 0.5034  accuracy 82.21%  validation loss 0.4312  accuracy 84.90%  243 images/s  0:19\n", out.toString());
    assertTrue(err.toString().contains("epoch 2/6  ███████████"), err.toString());
    assertTrue(err.toString().contains(" 52%  loss 0.5121  accuracy 81.9%  243 images/s  1:23 left"), err.toString());
    assertTrue(err.toString().endsWith("\r" + " ".repeat(99) + "\r"), err.toString());
    assertTrue(err.toString().lines().allMatch(shown -> shown.length() <= 99), err.toString());
  }

  @Test
  void theLineOfAnEpochShowsHowTheLossIsScaled() {
    try (var line = line(0)) {
      line.epoch(List.of(new EpochReport(1, 60, 0.1, new Metrics(0.5034, 0.8221, 100), null, new LossScale(32768, 1), 243.4, 19.2)));
    }

    assertEquals("epoch 1/6  loss 0.5034  accuracy 82.21%  loss scale 32768, 1 step skipped  243 images/s  0:19\n", out.toString());
  }

  @Test
  void withoutATerminalOnlyTheLinesOfEpochsAreWritten() {
    try (var line = line(0)) {
      line.step(STEP);
      line.epoch(List.of(EPOCH));
    }

    assertEquals(1, out.toString().lines().count());
    assertEquals("", err.toString());
  }
}
