package org.flambeau.nn.optim;

import java.util.Collections;
import java.util.List;
import org.flambeau.nn.optim.OneCycleLr.Annealing;

/// Learning rates that go to a constant one within `annealEpochs` epochs, and stay there: for an [AveragedModel], whose average needs weights that
/// keep on moving.
///
/// Reference: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
public final class SwaLr extends EpochScheduler {
  private static final String SWA_LR = "swa_lr";

  private final long annealEpochs;
  private final Annealing annealing;

  /// To `swaLr` in all groups, along a cosine, within ten epochs.
  public SwaLr(Optimizer<?> optimizer, double swaLr) {
    this(optimizer, Collections.nCopies(optimizer.parameterGroups().size(), swaLr), 10, Annealing.COS);
  }

  /// @param swaLrs where each group's learning rate goes
  /// @throws IllegalArgumentException if there is not one for each group, or `annealEpochs` is negative
  public SwaLr(Optimizer<?> optimizer, List<Double> swaLrs, long annealEpochs, Annealing annealing) {
    int groups = optimizer.parameterGroups().size();
    if (swaLrs.size() != groups) {
      throw new IllegalArgumentException("[SwaLr] swa_lr must have the same length as optimizer.param_groups. swa_lr has " + swaLrs.size()
          + " values, param_groups has " + groups + ".");
    }
    if (annealEpochs < 0) {
      throw new IllegalArgumentException("[SwaLr] anneal_epochs must be equal or greater than 0, got " + annealEpochs);
    }
    this.annealEpochs = annealEpochs;
    this.annealing = annealing;
    for (int i = 0; i < groups; i++) {
      optimizer.parameterGroups().get(i).schedule().put(SWA_LR, swaLrs.get(i));
    }
    super(optimizer);
  }

  /// From where the last epoch's learning rate says that the way began, which another scheduler may have changed meanwhile.
  @Override
  protected double nextLr(int group) {
    long epoch = annealEpochs == 0 ? Math.max(1, lastEpoch()) : lastEpoch();
    double end = noted(optimizer().parameterGroups().get(group), SWA_LR);
    double before = way(epoch - 1);
    double start = before == 1 ? end : (lr(group) - before * end) / (1 - before);
    double now = way(epoch);
    return end * now + start * (1 - now);
  }

  private double way(long epoch) {
    double fraction = Math.clamp(epoch / (double) Math.max(1, annealEpochs), 0, 1);
    return annealing == Annealing.COS ? (1 - Math.cos(Math.PI * fraction)) / 2 : fraction;
  }
}
