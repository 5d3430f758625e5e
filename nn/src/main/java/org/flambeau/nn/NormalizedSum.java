package org.flambeau.nn;

import org.flambeau.Tensor;

/// A sum, and what a normalisation made of it: [Functional#addLayerNorm].
///
/// @param sum what goes past the next part of a residual network
/// @param normalized what goes through it
public record NormalizedSum(Tensor sum, Tensor normalized) {}
