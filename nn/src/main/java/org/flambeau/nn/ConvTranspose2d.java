package org.flambeau.nn;

import org.flambeau.Tensor;

/// Upsampling of images with learnt kernels: [Functional#convTranspose2d].
///
/// Shapes: x (n, in, h, w) or (in, h, w) → (n, out, h′, w′) or (out, h′, w′). Parameters: `weight` (in, out/groups, kh, kw) and `bias` (out),
/// drawn uniformly within ±1/√(out/groups·kh·kw).
public final class ConvTranspose2d extends Convolution {
  /// A square kernel and a bias.
  public ConvTranspose2d(int inChannels, int outChannels, int kernel, ConvOptions options) {
    this(inChannels, outChannels, kernel, kernel, options, true);
  }

  /// A kernel of `kernelH` rows and `kernelW` columns, with or without a bias.
  public ConvTranspose2d(int inChannels, int outChannels, int kernelH, int kernelW, ConvOptions options, boolean bias) {
    super(inChannels, outChannels, new int[] {kernelH, kernelW}, options, true, bias);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.convTranspose2d(x, weight(), bias(), options());
  }
}
