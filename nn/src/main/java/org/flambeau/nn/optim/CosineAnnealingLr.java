package org.flambeau.nn.optim;

/// Learning rates that fall to `etaMin` along half a cosine, over `tMax` epochs: `etaMin + (base − etaMin)·(1 + cos(π·epoch/tMax))/2`.
///
/// Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017; without the restarts.
public final class CosineAnnealingLr extends EpochScheduler {
  private final long tMax;
  private final double etaMin;

  /// Down to 0.
  public CosineAnnealingLr(Optimizer<?> optimizer, long tMax) {
    this(optimizer, tMax, 0);
  }

  /// @throws IllegalArgumentException if `tMax` is not positive
  public CosineAnnealingLr(Optimizer<?> optimizer, long tMax, double etaMin) {
    if (tMax <= 0) {
      throw new IllegalArgumentException("[CosineAnnealingLr] expected a positive number of epochs, but got " + tMax);
    }
    this.tMax = tMax;
    this.etaMin = etaMin;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    if (isInitial()) {
      return lr(group);
    }
    if (Math.floorMod(lastEpoch() - 1 - tMax, 2 * tMax) == 0) {
      return lr(group) + (baseLr(group) - etaMin) * (1 - Math.cos(Math.PI / tMax)) / 2;
    }
    return (1 + Math.cos(Math.PI * lastEpoch() / tMax)) / (1 + Math.cos(Math.PI * (lastEpoch() - 1) / tMax)) * (lr(group) - etaMin)
        + etaMin;
  }

  @Override
  double firstLr(int group) {
    return etaMin + (baseLr(group) - etaMin) * 2 / 2;
  }
}
