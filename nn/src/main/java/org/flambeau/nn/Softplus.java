package org.flambeau.nn;

import org.flambeau.Tensor;

/// `log(1 + exp(beta·x))/beta`, and x where `beta·x` exceeds the threshold: [Functional#softplus].
public final class Softplus extends Module {
  private final double beta;
  private final double threshold;

  /// With a beta of 1.0 and a threshold of 20.0.
  public Softplus() {
    this(1.0, 20.0);
  }

  /// @param beta a beta
  /// @param threshold a threshold
  public Softplus(double beta, double threshold) {
    this.beta = beta;
    this.threshold = threshold;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.softplus(x, beta, threshold);
  }

  @Override
  protected String extraRepr() {
    return "beta=" + PythonText.of(beta) + ", threshold=" + PythonText.of(threshold);
  }
}
