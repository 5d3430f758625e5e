package org.flambeau.nn;

import org.flambeau.Tensor;

/// The cross-correlation of images with learnt kernels: [Functional#conv2d].
///
/// Shapes: x (n, in, h, w) or (in, h, w) → (n, out, h′, w′) or (out, h′, w′). Parameters: `weight` (out, in/groups, kh, kw) and `bias` (out),
/// drawn uniformly within ±1/√(in/groups·kh·kw).
public final class Conv2d extends Convolution {
  /// A square kernel, a stride of 1, no padding, a bias.
  public Conv2d(int inChannels, int outChannels, int kernel) {
    this(inChannels, outChannels, kernel, ConvOptions.of());
  }

  /// A square kernel and a bias.
  public Conv2d(int inChannels, int outChannels, int kernel, ConvOptions options) {
    this(inChannels, outChannels, kernel, options, true);
  }

  /// A square kernel, with or without a bias.
  public Conv2d(int inChannels, int outChannels, int kernel, ConvOptions options, boolean bias) {
    this(inChannels, outChannels, kernel, kernel, options, bias);
  }

  /// A kernel of `kernelH` rows and `kernelW` columns, with or without a bias.
  public Conv2d(int inChannels, int outChannels, int kernelH, int kernelW, ConvOptions options, boolean bias) {
    super(inChannels, outChannels, new int[] {kernelH, kernelW}, options, false, bias);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.conv2d(x, weight(), bias(), options());
  }
}
