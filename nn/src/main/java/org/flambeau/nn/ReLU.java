package org.flambeau.nn;

import org.flambeau.Tensor;

/// `max(x, 0)`: [Functional#relu].
public final class ReLU extends Module {
  private final boolean inPlace;

  /// With memory of its own for the result.
  public ReLU() {
    this(false);
  }

  /// @param inPlace whether the result takes x's place in memory
  public ReLU(boolean inPlace) {
    this.inPlace = inPlace;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return inPlace ? x.relu_() : x.relu();
  }

  @Override
  protected String extraRepr() {
    return inPlace ? "inplace=True" : "";
  }
}
