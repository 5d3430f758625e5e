package org.flambeau.cli.training;

import org.jspecify.annotations.Nullable;

/// What is known after an epoch.
///
/// @param epoch which one, from 1
/// @param step how many steps the run has done
/// @param learningRate of its last step
/// @param training over the epoch's images, while the model changed
/// @param validation after the epoch; null where there are no images for it
/// @param lossScale after it; null where the loss is not scaled
/// @param imagesPerSecond in training
/// @param seconds what the epoch took, validation included
public record EpochReport(int epoch, long step, double learningRate, Metrics training, @Nullable Metrics validation,
    @Nullable LossScale lossScale, double imagesPerSecond, double seconds) {
  /// What decides which epoch was the best: the accuracy in validation, else in training.
  public double score() {
    return validation == null ? training.accuracy() : validation.accuracy();
  }
}
