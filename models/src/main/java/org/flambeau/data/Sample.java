package org.flambeau.data;

import org.flambeau.Tensor;

/// What a dataset holds at one index: what a model is given, and what it should make of it.
public record Sample(Tensor input, Tensor target) {
}
