package org.flambeau.cli.training;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Every step's loss, learning rate and speed, and every epoch's losses and accuracies, in a file for TensorBoard. A resumed run adds a file.
public final class TensorBoardLog implements TrainingListener {
  private final EventFile events;

  public TensorBoardLog(Path folder) {
    events = EventFile.create(folder);
  }

  @Override
  public void step(StepReport report) {
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("step/loss", report.loss());
    values.put("step/learning_rate", report.learningRate());
    LossScale scale = report.lossScale();
    if (scale != null) {
      values.put("step/loss_scale", scale.factor());
    }
    values.put("step/images_per_second", report.imagesPerSecond());
    events.scalars(report.step(), values);
  }

  @Override
  public void epoch(List<EpochReport> history) {
    EpochReport report = history.getLast();
    Map<String, Double> values = new LinkedHashMap<>();
    values.put("loss/training", report.training().loss());
    values.put("accuracy/training", report.training().accuracy());
    Metrics validation = report.validation();
    if (validation != null) {
      values.put("loss/validation", validation.loss());
      values.put("accuracy/validation", validation.accuracy());
    }
    events.scalars(report.step(), values);
  }

  @Override
  public void close() {
    events.close();
  }
}
