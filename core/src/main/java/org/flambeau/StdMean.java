package org.flambeau;

/// A standard deviation, and the mean around which it was taken.
public record StdMean(Tensor std, Tensor mean) {}
