package org.flambeau.cli.training;

/// How the loss is scaled, in training with [Precision#FLOAT16].
///
/// @param factor what the loss is multiplied by before the next backward pass
/// @param skippedSteps how many of the epoch's steps were left out so far, since the factor was too large for their gradients
public record LossScale(double factor, long skippedSteps) {}
