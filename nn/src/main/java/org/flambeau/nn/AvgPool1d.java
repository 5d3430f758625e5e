package org.flambeau.nn;

import org.flambeau.Tensor;

/// The mean of each window of a row: [Functional#avgPool1d].
///
/// Shapes: x (n, c, l) or (c, l) → (…, l′).
public final class AvgPool1d extends Module {
  private final PoolOptions options;

  /// Windows that do not overlap.
  public AvgPool1d(int kernel) {
    this(PoolOptions.kernel(kernel));
  }

  /// Windows as `options` say for columns.
  public AvgPool1d(PoolOptions options) {
    this.options = options;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.avgPool1d(x, options);
  }

  @Override
  protected String extraRepr() {
    PoolOptions o = options;
    return "kernel_size=" + PythonText.tuple(o.kernelW()) + ", stride=" + PythonText.tuple(o.strideW()) + ", padding="
        + PythonText.tuple(o.padW());
  }
}
