package org.flambeau.nn;

import org.flambeau.Tensor;

/// The largest element of each window: [Functional#maxPool2d].
///
/// Shapes: x (n, c, h, w) or (c, h, w) → (…, h′, w′).
public final class MaxPool2d extends Module {
  private final PoolOptions options;

  /// Square windows that do not overlap.
  public MaxPool2d(int kernel) {
    this(PoolOptions.kernel(kernel));
  }

  /// Square windows, `stride` apart.
  public MaxPool2d(int kernel, int stride) {
    this(PoolOptions.kernel(kernel).stride(stride));
  }

  /// Windows as `options` say.
  public MaxPool2d(PoolOptions options) {
    this.options = options;
  }

  PoolOptions options() {
    return options;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.maxPool2d(x, options);
  }

  @Override
  protected String extraRepr() {
    PoolOptions o = options;
    return "kernel_size=" + PythonText.pair(o.kernelH(), o.kernelW()) + ", stride=" + PythonText.pair(o.strideH(), o.strideW())
        + ", padding="
        + PythonText.pair(o.padH(), o.padW()) + ", dilation=" + PythonText.pair(o.dilationH(), o.dilationW()) + ", ceil_mode="
        + PythonText.of(o.ceilMode());
  }
}
