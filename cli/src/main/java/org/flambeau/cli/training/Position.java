package org.flambeau.cli.training;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// How far a run is, between two steps.
final class Position {
  /// The present epoch, from 1.
  int epoch = 1;
  /// Steps done in this epoch.
  long epochSteps;
  /// Steps done in all.
  long steps;
  /// Of the last step.
  double learningRate;

  // Over the images of this epoch.
  double lossSum;
  long correct;
  long images;
  /// Steps that the scaler left out.
  long skippedSteps;

  final List<EpochReport> history = new ArrayList<>();

  Position() {}

  /// What [#toTree()] became.
  Position(Tree tree) {
    epoch = Math.toIntExact(tree.whole("epoch"));
    epochSteps = tree.whole("epoch_steps");
    steps = tree.whole("steps");
    learningRate = tree.real("learning_rate");
    lossSum = tree.real("loss_sum");
    correct = tree.whole("correct");
    images = tree.whole("images");
    skippedSteps = tree.has("skipped_steps") ? tree.whole("skipped_steps") : 0;
    tree.trees("history").forEach(report -> history.add(report(report)));
  }

  Map<String, Object> toTree() {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("epoch", (long) epoch);
    tree.put("epoch_steps", epochSteps);
    tree.put("steps", steps);
    tree.put("learning_rate", learningRate);
    tree.put("loss_sum", lossSum);
    tree.put("correct", correct);
    tree.put("images", images);
    tree.put("skipped_steps", skippedSteps);
    tree.put("history", history.stream().map(Position::tree).toList());
    return tree;
  }

  Metrics metrics() {
    return images == 0 ? new Metrics(0, 0, 0) : new Metrics(lossSum / images, (double) correct / images, images);
  }

  /// Whether the last epoch was better than all before.
  boolean isBest() {
    EpochReport last = history.getLast();
    return history.stream().allMatch(report -> report == last || report.score() < last.score());
  }

  void nextEpoch() {
    epoch++;
    epochSteps = 0;
    lossSum = 0;
    correct = 0;
    images = 0;
    skippedSteps = 0;
  }

  private static Map<String, Object> tree(EpochReport report) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("epoch", (long) report.epoch());
    tree.put("step", report.step());
    tree.put("learning_rate", report.learningRate());
    tree.put("training", tree(report.training()));
    Metrics validation = report.validation();
    if (validation != null) {
      tree.put("validation", tree(validation));
    }
    LossScale lossScale = report.lossScale();
    if (lossScale != null) {
      tree.put("loss_scale", lossScale.factor());
      tree.put("skipped_steps", lossScale.skippedSteps());
    }
    tree.put("images_per_second", report.imagesPerSecond());
    tree.put("seconds", report.seconds());
    return tree;
  }

  private static EpochReport report(Tree tree) {
    return new EpochReport(Math.toIntExact(tree.whole("epoch")), tree.whole("step"), tree.real("learning_rate"),
        metrics(tree.tree("training")),
        tree.has("validation") ? metrics(tree.tree("validation")) : null,
        tree.has("loss_scale") ? new LossScale(tree.real("loss_scale"), tree.whole("skipped_steps")) : null, tree.real("images_per_second"),
        tree.real("seconds"));
  }

  private static Map<String, Object> tree(Metrics metrics) {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("loss", metrics.loss());
    tree.put("accuracy", metrics.accuracy());
    tree.put("images", metrics.images());
    return tree;
  }

  private static Metrics metrics(Tree tree) {
    return new Metrics(tree.real("loss"), tree.real("accuracy"), tree.whole("images"));
  }
}
