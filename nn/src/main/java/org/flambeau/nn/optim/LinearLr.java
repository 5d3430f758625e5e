package org.flambeau.nn.optim;

/// Learning rates that go from `startFactor` to `endFactor` times their size in a straight line, over `totalIters` epochs: a warm-up.
public final class LinearLr extends EpochScheduler {
  private final double startFactor;
  private final double endFactor;
  private final long totalIters;

  /// From a third to the whole.
  public LinearLr(Optimizer<?> optimizer, long totalIters) {
    this(optimizer, 1.0 / 3, 1, totalIters);
  }

  /// @throws IllegalArgumentException if `startFactor` is not within (0, 1], or `endFactor` not within [0, 1]
  public LinearLr(Optimizer<?> optimizer, double startFactor, double endFactor, long totalIters) {
    if (!(startFactor > 0 && startFactor <= 1)) {
      throw new IllegalArgumentException(
          "[LinearLr] Starting multiplicative factor expected to be greater than 0 and less or equal to 1, but got " + startFactor);
    }
    if (!(endFactor >= 0 && endFactor <= 1)) {
      throw new IllegalArgumentException("[LinearLr] Ending multiplicative factor expected to be between 0 and 1, but got " + endFactor);
    }
    this.startFactor = startFactor;
    this.endFactor = endFactor;
    this.totalIters = totalIters;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    if (lastEpoch() == 0) {
      return lr(group) * startFactor;
    }
    if (isInitial() || lastEpoch() > totalIters) {
      return lr(group);
    }
    double way = endFactor - startFactor;
    return lr(group) * (1 + way / (totalIters * startFactor + (lastEpoch() - 1) * way));
  }

  @Override
  double firstLr(int group) {
    return baseLr(group) * (startFactor + (endFactor - startFactor) * Math.min(totalIters, 0) / totalIters);
  }
}
