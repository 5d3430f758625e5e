package org.flambeau.nn;

import org.flambeau.Tensor;

/// Normalisation of each channel of each sample over its places, then, where affine, scaled and shifted: [Functional#instanceNorm].
///
/// It has neither parameters nor running statistics, unless asked to: with running statistics it uses those in evaluation.
///
/// Reference: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.
public abstract sealed class InstanceNorm extends ChannelNorm permits InstanceNorm1d, InstanceNorm2d {
  private final int placeDims;
  private final double momentum;

  /// @param placeDims how many dimensions the places of a channel have
  InstanceNorm(int placeDims, int features, double eps, double momentum, boolean affine, boolean trackRunningStats) {
    super(features, eps, momentum, affine, trackRunningStats);
    this.placeDims = placeDims;
    this.momentum = momentum;
  }

  @Override
  protected final Tensor forward(Tensor x) {
    int one = placeDims + 1;
    if (x.dim() != one && x.dim() != one + 1) {
      throw new IllegalArgumentException(
          "[" + name() + "] expected " + one + "D or " + (one + 1) + "D input (got " + x.dim() + "D input)");
    }
    int channelDim = x.dim() - one;
    if (weight() != null && x.size(channelDim) != features()) {
      throw new IllegalArgumentException("[" + name() + "] expected input's size at dim=" + channelDim + " to match num_features ("
          + features() + "), but got: " + x.size(channelDim));
    }
    return channelDim == 0 ? normalized(x.unsqueeze(0)).squeeze(0) : normalized(x);
  }

  private Tensor normalized(Tensor x) {
    return Functional.instanceNorm(x, meanOfCall(), varOfCall(), weight(), bias(), usesInputStats(), momentum, eps());
  }
}
