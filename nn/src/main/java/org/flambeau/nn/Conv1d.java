package org.flambeau.nn;

import org.flambeau.Tensor;

/// The cross-correlation of rows with learnt kernels: [Functional#conv1d]. Options for columns count.
///
/// Shapes: x (n, in, l) or (in, l) → (n, out, l′) or (out, l′). Parameters: `weight` (out, in/groups, k) and `bias` (out), drawn uniformly within
/// ±1/√(in/groups·k).
public final class Conv1d extends Convolution {
  /// A stride of 1, no padding, a bias.
  public Conv1d(int inChannels, int outChannels, int kernel) {
    this(inChannels, outChannels, kernel, ConvOptions.of());
  }

  /// With a bias.
  public Conv1d(int inChannels, int outChannels, int kernel, ConvOptions options) {
    this(inChannels, outChannels, kernel, options, true);
  }

  /// With or without a bias.
  public Conv1d(int inChannels, int outChannels, int kernel, ConvOptions options, boolean bias) {
    super(inChannels, outChannels, new int[] {kernel}, options, false, bias);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.conv1d(x, weight(), bias(), options());
  }
}
