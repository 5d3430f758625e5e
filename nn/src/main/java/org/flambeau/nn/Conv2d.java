package org.flambeau.nn;

import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// The cross-correlation of images with learnt kernels: [Functional#conv2d].
///
/// Shapes: x (n, in, h, w) or (in, h, w) → (n, out, h′, w′) or (out, h′, w′). Parameters: `weight` (out, in/groups, kh, kw) and `bias` (out),
/// drawn uniformly within ±1/√(in/groups·kh·kw).
public final class Conv2d extends Convolution {
  private volatile @Nullable FoldedNorm folded;

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

  /// Itself and the norm as one, from their content of now, for images x in `dtype`.
  FoldedNorm fold(BatchNorm2d norm, Tensor x, DType dtype) {
    FoldedNorm now = FoldedNorm.of(this, norm, x, dtype, folded);
    if (now != folded && !CudaGraph.isCapturing()) {
      folded = now;
    }
    return now;
  }

  @Override
  protected Tensor forward(Tensor x) {
    if (isTraining()) {
      folded = null; // it would be memory for nothing
    }
    return Functional.conv2d(x, weight(), bias(), options());
  }
}
