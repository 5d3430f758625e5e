package org.flambeau.nn;

import org.flambeau.Tensor;

/// `min(max(x, low), high)`: [Functional#hardtanh].
public final class Hardtanh extends Module {
  private final double low;
  private final double high;

  /// With a lower bound of -1.0 and an upper bound of 1.0.
  public Hardtanh() {
    this(-1.0, 1.0);
  }

  /// @param low a lower bound
  /// @param high an upper bound
  public Hardtanh(double low, double high) {
    if (!(high > low)) {
      throw new IllegalArgumentException(
          "[hardtanh] max_val (" + PythonText.of(high) + ") must be greater than min_val (" + PythonText.of(low) + ")");
    }
    this.low = low;
    this.high = high;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.hardtanh(x, low, high);
  }

  @Override
  protected String extraRepr() {
    return "min_val=" + PythonText.of(low) + ", max_val=" + PythonText.of(high);
  }
}
