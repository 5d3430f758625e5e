package org.flambeau.data;

import org.flambeau.Generator;
import org.flambeau.Tensor;

/// Samples that lie in two tensors, one behind the other along the first dimension.
public final class TensorDataset implements Dataset {
  private final Tensor inputs;
  private final Tensor targets;

  private TensorDataset(Tensor inputs, Tensor targets) {
    this.inputs = inputs;
    this.targets = targets;
  }

  /// The samples `(inputs[i], targets[i])`. The tensors are not copied; no gradient flows back into them.
  ///
  /// Shapes: inputs (n, …), targets (n, …).
  ///
  /// @throws IllegalArgumentException where the first sizes differ
  public static TensorDataset of(Tensor inputs, Tensor targets) {
    if (inputs.dim() == 0 || targets.dim() == 0 || inputs.size(0) != targets.size(0)) {
      throw new IllegalArgumentException("[TensorDataset] Size mismatch between tensors: expected as many targets as inputs, got inputs "
          + inputs.describe() + " and targets " + targets.describe());
    }
    return new TensorDataset(inputs.detach(), targets.detach());
  }

  @Override
  public long size() {
    return inputs.size(0);
  }

  @Override
  public Sample get(long index, Generator random) {
    return new Sample(inputs.select(0, index), targets.select(0, index));
  }
}
