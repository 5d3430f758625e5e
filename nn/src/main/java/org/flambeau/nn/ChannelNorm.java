package org.flambeau.nn;

import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Checkpoint;
import org.jspecify.annotations.Nullable;

/// Normalisation of each channel with its own mean and variance, then scaled and shifted.
///
/// Parameters, where affine: `weight` (c) of ones and `bias` (c) of zeros. Buffers, where it tracks: `running_mean` and `running_var` (c), and
/// `num_batches_tracked` () of int64.
public abstract sealed class ChannelNorm extends Module permits BatchNorm, InstanceNorm {
  private final int features;
  private final double eps;
  private @Nullable Double momentum;
  private final @Nullable Tensor weight;
  private final @Nullable Tensor bias;
  private final @Nullable Tensor runningMean;
  private final @Nullable Tensor runningVar;
  private final @Nullable Tensor batches;

  ChannelNorm(int features, double eps, @Nullable Double momentum, boolean affine, boolean trackRunningStats) {
    this.features = Sizes.positiveOrZero(name(), "num_features", features);
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? parameter("weight", Tensor.ones(features)) : null;
    this.bias = affine ? parameter("bias", Tensor.zeros(features)) : null;
    this.runningMean = trackRunningStats ? buffer("running_mean", Tensor.zeros(features)) : null;
    this.runningVar = trackRunningStats ? buffer("running_var", Tensor.ones(features)) : null;
    this.batches = trackRunningStats ? buffer("num_batches_tracked", Tensor.zeros(DType.INT64)) : null;
  }

  /// The number of channels.
  public final int features() {
    return features;
  }

  public final double eps() {
    return eps;
  }

  /// The scale, or null.
  public final @Nullable Tensor weight() {
    return weight;
  }

  /// The shift, or null.
  public final @Nullable Tensor bias() {
    return bias;
  }

  /// The running mean, or null.
  public final @Nullable Tensor runningMean() {
    return runningMean;
  }

  /// The running variance, or null.
  public final @Nullable Tensor runningVar() {
    return runningVar;
  }

  /// How far the running statistics move towards a batch's; null for their plain average over all batches.
  public final @Nullable Double momentum() {
    return momentum;
  }

  /// Changes how far the running statistics move from the next call on; null for their plain average over all batches since they were reset.
  public final void setMomentum(@Nullable Double momentum) {
    this.momentum = momentum;
  }

  /// Sets the running statistics, where there are some, back to those of a new layer.
  public final void resetRunningStats() {
    if (runningMean != null && runningVar != null && batches != null) {
      runningMean.zero_();
      runningVar.fill_(1);
      batches.zero_();
    }
  }

  /// How many batches it was trained with, or null.
  final @Nullable Tensor batches() {
    return batches;
  }

  /// Whether it normalises with the statistics of what it is given, not with the running ones.
  final boolean usesInputStats() {
    return isTraining() || runningMean == null;
  }

  /// Whether this call is one that running statistics learn from: they have learnt from it already where a checkpoint runs it again.
  final boolean movesStatistics() {
    return isTraining() && !Checkpoint.isRunningAgain();
  }

  /// What a call gets of the running mean: nothing where it neither moves nor uses it.
  final @Nullable Tensor meanOfCall() {
    return usesInputStats() && !movesStatistics() ? null : runningMean;
  }

  /// As [#meanOfCall()], of the running variance.
  final @Nullable Tensor varOfCall() {
    return usesInputStats() && !movesStatistics() ? null : runningVar;
  }

  @Override
  protected final long version() {
    return 2;
  }

  /// Files of before version 2 do not count batches.
  @Override
  protected final void upgrade(Map<String, Tensor> state, String prefix, long version) {
    if (version < 2 && batches != null) {
      state.putIfAbsent(prefix + "num_batches_tracked", batches);
    }
  }

  @Override
  protected final String extraRepr() {
    return features + ", eps=" + PythonText.of(eps) + ", momentum=" + (momentum == null ? "None" : PythonText.of(momentum)) + ", affine="
        + PythonText.of(weight != null) + ", bias=" + PythonText.of(bias != null) + ", track_running_stats="
        + PythonText.of(runningMean != null);
  }
}
