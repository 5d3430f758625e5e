package org.flambeau.nn.optim;

/// Learning rates that are multiplied by `gamma` every `stepSize` epochs.
public final class StepLr extends EpochScheduler {
  private final long stepSize;
  private final double gamma;

  /// With a gamma of 0.1.
  public StepLr(Optimizer<?> optimizer, long stepSize) {
    this(optimizer, stepSize, 0.1);
  }

  /// @throws IllegalArgumentException if `stepSize` is not positive
  public StepLr(Optimizer<?> optimizer, long stepSize, double gamma) {
    if (stepSize <= 0) {
      throw new IllegalArgumentException("[StepLr] expected a positive step size, but got " + stepSize);
    }
    this.stepSize = stepSize;
    this.gamma = gamma;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    return lastEpoch() == 0 || lastEpoch() % stepSize != 0 ? lr(group) : lr(group) * gamma;
  }

  @Override
  double firstLr(int group) {
    return baseLr(group);
  }
}
