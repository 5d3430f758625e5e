package org.flambeau.nn;

import org.flambeau.Tensor;

/// The mean of each window: [Functional#avgPool2d].
///
/// Shapes: x (n, c, h, w) or (c, h, w) → (…, h′, w′).
public final class AvgPool2d extends Module {
  private final PoolOptions options;

  /// Square windows that do not overlap.
  public AvgPool2d(int kernel) {
    this(PoolOptions.kernel(kernel));
  }

  /// Square windows, `stride` apart.
  public AvgPool2d(int kernel, int stride) {
    this(PoolOptions.kernel(kernel).stride(stride));
  }

  /// Windows as `options` say.
  public AvgPool2d(PoolOptions options) {
    this.options = options;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.avgPool2d(x, options);
  }

  @Override
  protected String extraRepr() {
    PoolOptions o = options;
    return "kernel_size=" + PythonText.pair(o.kernelH(), o.kernelW()) + ", stride=" + PythonText.pair(o.strideH(), o.strideW())
        + ", padding="
        + PythonText.pair(o.padH(), o.padW());
  }
}
