package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x` where it is positive, else `alpha·(exp(x/alpha) − 1)`: [Functional#celu].
public final class CELU extends Module {
  private final double alpha;

  /// With an alpha of 1.
  public CELU() {
    this(1);
  }

  /// @param alpha minus the limit of small elements
  public CELU(double alpha) {
    this.alpha = alpha;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.celu(x, alpha);
  }

  @Override
  protected String extraRepr() {
    return "alpha=" + PythonText.of(alpha);
  }
}
