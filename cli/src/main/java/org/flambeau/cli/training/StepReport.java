package org.flambeau.cli.training;

import org.jspecify.annotations.Nullable;

/// What is known after a step.
///
/// @param epoch which one it belongs to, from 1
/// @param step how many steps the run has done, this one included
/// @param loss of this step
/// @param learningRate of this step
/// @param lossScale after it; null where the loss is not scaled
/// @param epochSoFar over the images of this epoch
/// @param epochImages how many images the epoch has
/// @param imagesPerSecond in this epoch so far, since the start or the resumption of the run
/// @param secondsLeft until the run ends, if it goes on as in this epoch
public record StepReport(int epoch, long step, double loss, double learningRate, @Nullable LossScale lossScale, Metrics epochSoFar,
    long epochImages, double imagesPerSecond, double secondsLeft) {}
