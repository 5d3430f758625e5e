package org.flambeau.nn;

import org.flambeau.Tensor;

/// `exp(−x)/Σ exp(−x)` along a dimension: [Functional#softmax] of −x.
public final class Softmin extends Module {
  private final int dim;

  /// @param dim the dimension
  public Softmin(int dim) {
    this.dim = dim;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.softmax(x.neg(), dim);
  }

  @Override
  protected String extraRepr() {
    return "dim=" + dim;
  }
}
