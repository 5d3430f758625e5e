package org.flambeau.cli.training;

/// How well a model did on some images.
///
/// @param loss the mean over the images
/// @param accuracy the share of images whose most probable class was right, between 0 and 1
/// @param images how many there were
public record Metrics(double loss, double accuracy, long images) {}
