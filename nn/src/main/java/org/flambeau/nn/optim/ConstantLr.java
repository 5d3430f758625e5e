package org.flambeau.nn.optim;

/// Learning rates `factor` times as large as they will be from epoch `totalIters` on.
public final class ConstantLr extends EpochScheduler {
  private final double factor;
  private final long totalIters;

  /// A third, for five epochs.
  public ConstantLr(Optimizer<?> optimizer) {
    this(optimizer, 1.0 / 3, 5);
  }

  /// @throws IllegalArgumentException if `factor` is not within [0, 1]
  public ConstantLr(Optimizer<?> optimizer, double factor, long totalIters) {
    if (!(factor >= 0 && factor <= 1)) {
      throw new IllegalArgumentException("[ConstantLr] Constant multiplicative factor expected to be between 0 and 1, but got " + factor);
    }
    this.factor = factor;
    this.totalIters = totalIters;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    if (lastEpoch() == 0) {
      return lr(group) * factor;
    }
    return lastEpoch() == totalIters ? lr(group) * (1 / factor) : lr(group);
  }

  @Override
  double firstLr(int group) {
    return baseLr(group) * (totalIters <= 0 ? factor + (1 - factor) : factor);
  }
}
