package org.flambeau.nn;

import org.flambeau.Tensor;

/// While training, zeroes whole channels with probability p and divides the others by 1 − p: [Functional#featureDropout]. In evaluation, x itself.
public final class Dropout2d extends Module {
  private final double p;

  /// With a probability of 0.5.
  public Dropout2d() {
    this(0.5);
  }

  /// @throws IllegalArgumentException if p is not within [0, 1]
  public Dropout2d(double p) {
    this.p = Sizes.probability("Dropout2d", p);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.featureDropout(x, p, isTraining());
  }

  @Override
  protected String extraRepr() {
    return "p=" + PythonText.of(p) + ", inplace=False";
  }
}
