package org.flambeau.nn.optim;

import java.util.Map;

/// Learning rates that fall to `etaMin` along half a cosine and begin anew: the first time over `t0` epochs, then each time over `tMult`
/// times as many.
///
/// Reference: Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017.
public final class CosineAnnealingWarmRestarts extends EpochScheduler {
  private final long t0;
  private final long tMult;
  private final double etaMin;
  private double current;
  private long length;

  /// Falls to 0, each time over `t0` epochs.
  public CosineAnnealingWarmRestarts(Optimizer<?> optimizer, long t0) {
    this(optimizer, t0, 1, 0);
  }

  /// @throws IllegalArgumentException if `t0` or `tMult` is not positive
  public CosineAnnealingWarmRestarts(Optimizer<?> optimizer, long t0, long tMult, double etaMin) {
    if (t0 <= 0) {
      throw new IllegalArgumentException("[CosineAnnealingWarmRestarts] Expected positive integer T_0, but got " + t0);
    }
    if (tMult < 1) {
      throw new IllegalArgumentException("[CosineAnnealingWarmRestarts] Expected integer T_mult >= 1, but got " + tMult);
    }
    this.t0 = t0;
    this.tMult = tMult;
    this.etaMin = etaMin;
    super(optimizer);
  }

  /// Goes to `epoch`, which may be a fraction: after each batch, `step(epoch + batch / (double) batches)`. The next [#step()] is an epoch later.
  ///
  /// @throws IllegalArgumentException if it is negative
  public void step(double epoch) {
    if (!(epoch >= 0)) {
      throw new IllegalArgumentException("[CosineAnnealingWarmRestarts] Expected non-negative epoch, but got " + epoch);
    }
    if (epoch < t0) {
      length = t0;
      current = epoch;
    } else if (tMult == 1) {
      current = epoch % t0;
    } else {
      double longer = Math.pow(tMult, (int) (Math.log(epoch / t0 * (tMult - 1) + 1) / Math.log(tMult)));
      current = epoch - t0 * (longer - 1) / (tMult - 1);
      length = (long) (t0 * longer);
    }
    goTo((long) epoch);
  }

  @Override
  void enterEpoch() {
    if (lastEpoch() == 0) {
      current = 0;
      length = t0;
    } else if (++current >= length) {
      current %= length;
      length *= tMult;
    }
  }

  @Override
  protected double nextLr(int group) {
    return etaMin + (baseLr(group) - etaMin) * (1 + Math.cos(Math.PI * current / length)) / 2;
  }

  @Override
  void save(Map<String, Object> state) {
    super.save(state);
    state.put("T_cur", current % 1 == 0 ? (Number) (long) current : (Number) current);
    state.put("T_i", length);
  }

  @Override
  void load(SavedSchedule state) {
    double savedCurrent = state.number("T_cur");
    long savedLength = (long) state.number("T_i");
    super.load(state);
    current = savedCurrent;
    length = savedLength;
  }
}
