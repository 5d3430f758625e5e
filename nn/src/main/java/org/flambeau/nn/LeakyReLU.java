package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x` where it is positive, else `slope·x`: [Functional#leakyRelu].
public final class LeakyReLU extends Module {
  private final double slope;

  /// With a slope of 0.01.
  public LeakyReLU() {
    this(0.01);
  }

  /// @param slope a slope
  public LeakyReLU(double slope) {
    this.slope = slope;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.leakyRelu(x, slope);
  }

  @Override
  protected String extraRepr() {
    return "negative_slope=" + PythonText.of(slope);
  }
}
