package org.flambeau.nn;

import org.flambeau.Tensor;

/// Several dimensions as one: by default all but the batch.
///
/// Shapes: x (n, …) → (n, the product of the rest).
public final class Flatten extends Module {
  private final int startDim;
  private final int endDim;

  /// All dimensions from the second on.
  public Flatten() {
    this(1, -1);
  }

  /// The dimensions from `startDim` to `endDim`; negative ones count from the end.
  public Flatten(int startDim, int endDim) {
    this.startDim = startDim;
    this.endDim = endDim;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return x.flatten(startDim, endDim);
  }

  @Override
  protected String extraRepr() {
    return "start_dim=" + startDim + ", end_dim=" + endDim;
  }
}
