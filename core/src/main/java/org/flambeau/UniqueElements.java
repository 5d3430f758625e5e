package org.flambeau;

/// The distinct elements of a tensor.
///
/// @param values each once, in ascending order
/// @param inverse for each element of the tensor, of its sizes, which of `values` it is
/// @param counts how often each of `values` occurs
public record UniqueElements(Tensor values, Tensor inverse, Tensor counts) {}
