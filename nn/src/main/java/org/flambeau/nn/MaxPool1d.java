package org.flambeau.nn;

import org.flambeau.Tensor;

/// The largest element of each window of a row: [Functional#maxPool1d].
///
/// Shapes: x (n, c, l) or (c, l) → (…, l′).
public final class MaxPool1d extends Module {
  private final PoolOptions options;

  /// Windows that do not overlap.
  public MaxPool1d(int kernel) {
    this(PoolOptions.kernel(kernel));
  }

  /// Windows as `options` say for columns.
  public MaxPool1d(PoolOptions options) {
    this.options = options;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.maxPool1d(x, options);
  }

  @Override
  protected String extraRepr() {
    PoolOptions o = options;
    return "kernel_size=" + o.kernelW() + ", stride=" + o.strideW() + ", padding=" + o.padW() + ", dilation=" + o.dilationW()
        + ", ceil_mode="
        + PythonText.of(o.ceilMode());
  }
}
