package org.flambeau.nn.optim;

/// Learning rates that are multiplied by `gamma` every epoch.
public final class ExponentialLr extends EpochScheduler {
  private final double gamma;

  public ExponentialLr(Optimizer<?> optimizer, double gamma) {
    this.gamma = gamma;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    return isInitial() ? lr(group) : lr(group) * gamma;
  }

  @Override
  double firstLr(int group) {
    return baseLr(group);
  }
}
