package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x` where it is positive, else `alpha·(exp(x) − 1)`: [Functional#elu].
public final class ELU extends Module {
  private final double alpha;

  /// With an alpha of 1.0.
  public ELU() {
    this(1.0);
  }

  /// @param alpha an alpha
  public ELU(double alpha) {
    this.alpha = alpha;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.elu(x, alpha);
  }

  @Override
  protected String extraRepr() {
    return "alpha=" + PythonText.of(alpha);
  }
}
