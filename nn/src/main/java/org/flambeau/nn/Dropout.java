package org.flambeau.nn;

import org.flambeau.Tensor;

/// While training, zeroes elements with probability p and divides the others by 1 − p: [Functional#dropout]. In evaluation, x itself.
public final class Dropout extends Module {
  private final double p;

  /// With a probability of 0.5.
  public Dropout() {
    this(0.5);
  }

  /// @throws IllegalArgumentException if p is not within [0, 1]
  public Dropout(double p) {
    this.p = Sizes.probability("Dropout", p);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.dropout(x, p, isTraining());
  }

  @Override
  protected String extraRepr() {
    return "p=" + PythonText.of(p) + ", inplace=False";
  }
}
