package org.flambeau.nn.optim;

import java.util.List;
import java.util.stream.IntStream;

/// Learning rates that are multiplied by `gamma` in each of some epochs; as often as the epoch is named.
public final class MultiStepLr extends EpochScheduler {
  private final List<Integer> milestones;
  private final double gamma;

  /// With a gamma of 0.1.
  public MultiStepLr(Optimizer<?> optimizer, int... milestones) {
    this(optimizer, IntStream.of(milestones).boxed().toList(), 0.1);
  }

  public MultiStepLr(Optimizer<?> optimizer, List<Integer> milestones, double gamma) {
    this.milestones = List.copyOf(milestones);
    this.gamma = gamma;
    super(optimizer);
  }

  @Override
  protected double nextLr(int group) {
    long times = milestones.stream().filter(milestone -> milestone == lastEpoch()).count();
    return times == 0 ? lr(group) : lr(group) * Math.pow(gamma, times);
  }

  @Override
  double firstLr(int group) {
    return baseLr(group) * Math.pow(gamma, milestones.stream().filter(milestone -> milestone <= 0).count());
  }
}
