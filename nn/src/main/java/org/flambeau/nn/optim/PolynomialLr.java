package org.flambeau.nn.optim;

/// Learning rates that fall to 0 over `totalIters` epochs, and stay there: `base·(1 − epoch/totalIters)^power`.
public final class PolynomialLr extends EpochScheduler {
  private final long totalIters;
  private final double power;

  /// In a straight line.
  public PolynomialLr(Optimizer<?> optimizer, long totalIters) {
    this(optimizer, totalIters, 1);
  }

  /// @throws IllegalArgumentException if `totalIters` is not positive
  public PolynomialLr(Optimizer<?> optimizer, long totalIters, double power) {
    if (totalIters <= 0) {
      throw new IllegalArgumentException("[PolynomialLr] expected a positive number of epochs, but got " + totalIters);
    }
    this.totalIters = totalIters;
    this.power = power;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    if (isInitial() || lastEpoch() > totalIters) {
      return lr(group);
    }
    double left = 1.0 - (double) lastEpoch() / totalIters;
    double before = 1.0 - (double) (lastEpoch() - 1) / totalIters;
    return lr(group) * Math.pow(left / before, power);
  }

  @Override
  double firstLr(int group) {
    return baseLr(group);
  }
}
