package org.flambeau;

/// A variance, and the mean around which it was taken.
public record VarMean(Tensor var, Tensor mean) {}
