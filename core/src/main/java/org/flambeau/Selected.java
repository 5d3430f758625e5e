package org.flambeau;

/// Elements that were selected from a tensor, and where they stood.
///
/// @param values the elements; gradients go back to where they stood
/// @param indices their positions along the dimension in question, int64
public record Selected(Tensor values, Tensor indices) {}
