package org.flambeau.nn;

import java.util.function.Supplier;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Normalisation of each channel over the batch, then scaled and shifted: [Functional#batchNorm].
///
/// While training it uses the batch's mean and variance and moves the running ones towards them; in evaluation it uses the running ones.
///
/// Reference: Ioffe and Szegedy, "Batch Normalization", 2015.
public abstract sealed class BatchNorm extends ChannelNorm permits BatchNorm1d, BatchNorm2d, BatchNorm3d {
  BatchNorm(int features, double eps, @Nullable Double momentum, boolean affine, boolean trackRunningStats) {
    super(features, eps, momentum, affine, trackRunningStats);
  }

  /// @throws IllegalArgumentException if x has not the number of dimensions that this layer is for
  abstract void checkDimensions(Tensor x);

  @Override
  protected final Tensor forward(Tensor x) {
    double factor = nextFactor(x);
    return LayerFunctions.batchNorm(x, meanOfCall(), varOfCall(), batchesOfCall(), weight(), bias(), usesInputStats(), factor, eps());
  }

  /// relu(this(x) + residual), without a residual where that is null, of a norm that [is called plainly][Module#isCalledPlainly()]. The residual
  /// is there beside x.
  final Tensor callAndActivate(@Nullable Supplier<Tensor> residual, Tensor x) {
    Tensor addend = residual == null ? null : residual.get();
    double factor = nextFactor(x);
    return LayerFunctions.batchNormAddRelu(x, meanOfCall(), varOfCall(), batchesOfCall(), weight(), bias(), addend, usesInputStats(),
        factor,
        eps());
  }

  /// How far a call with `x` moves the running statistics: for their average over all batches, by this one's share.
  private double nextFactor(Tensor x) {
    checkDimensions(x);
    Double momentum = momentum();
    Tensor batches = batchesOfCall();
    if (momentum != null) {
      return momentum;
    }
    return batches == null ? 0 : 1 / (batches.toDouble() + 1);
  }

  /// What counts a call as it moves the statistics.
  private @Nullable Tensor batchesOfCall() {
    return movesStatistics() ? batches() : null;
  }
}
