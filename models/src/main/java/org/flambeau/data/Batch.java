package org.flambeau.data;

import org.flambeau.MemoryScope;
import org.flambeau.Tensor;

/// Several samples' inputs, and their targets, stacked along a new first dimension.
///
/// A loader's batch lives until the loader moves on to the next one, unless it is kept: using it later throws
/// [org.flambeau.ClosedTensorException].
///
/// Shapes: input (n, …), target (n, …), n being [#size()].
public record Batch(Tensor input, Tensor target) {
  /// How many samples it holds.
  public long size() {
    return input.size(0);
  }

  /// Takes it from the loader: it lives as long as it can be reached.
  ///
  /// @return this batch
  public Batch keep() {
    MemoryScope.escape(input);
    MemoryScope.escape(target);
    return this;
  }
}
