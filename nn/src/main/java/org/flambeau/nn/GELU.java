package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x·Φ(x)` with the normal distribution's Φ: [Functional#gelu], or its approximation by tanh: [Functional#geluTanh].
///
/// Reference: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
public final class GELU extends Module {
  private final boolean tanh;

  /// The exact form.
  public GELU() {
    this(false);
  }

  /// @param tanh whether Φ is approximated by tanh
  public GELU(boolean tanh) {
    this.tanh = tanh;
  }

  /// Whether it is not the approximation.
  boolean isExact() {
    return !tanh;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return tanh ? Functional.geluTanh(x) : Functional.gelu(x);
  }

  @Override
  protected String extraRepr() {
    return "approximate='" + (tanh ? "tanh" : "none") + "'";
  }
}
