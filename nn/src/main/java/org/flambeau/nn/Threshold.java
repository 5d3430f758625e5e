package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x` where it is above a threshold, else a value: [Functional#threshold].
public final class Threshold extends Module {
  private final double threshold;
  private final double value;

  /// `value` for all elements that are not above `threshold`.
  public Threshold(double threshold, double value) {
    this.threshold = threshold;
    this.value = value;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.threshold(x, threshold, value);
  }

  @Override
  protected String extraRepr() {
    return "threshold=" + PythonText.of(threshold) + ", value=" + PythonText.of(value);
  }
}
