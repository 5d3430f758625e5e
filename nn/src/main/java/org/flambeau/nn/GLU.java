package org.flambeau.nn;

import org.flambeau.Tensor;

/// The first half of a dimension times σ of the other half: [Functional#glu].
public final class GLU extends Module {
  private final int dim;

  /// With the dimension of -1.
  public GLU() {
    this(-1);
  }

  /// @param dim the dimension
  public GLU(int dim) {
    this.dim = dim;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.glu(x, dim);
  }

  @Override
  protected String extraRepr() {
    return "dim=" + dim;
  }
}
