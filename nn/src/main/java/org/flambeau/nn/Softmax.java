package org.flambeau.nn;

import org.flambeau.Tensor;

/// `exp(x)/Σ exp(x)` along a dimension: [Functional#softmax].
public final class Softmax extends Module {
  private final int dim;

  /// @param dim the dimension
  public Softmax(int dim) {
    this.dim = dim;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.softmax(x, dim);
  }

  @Override
  protected String extraRepr() {
    return "dim=" + dim;
  }
}
