package org.flambeau.nn.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Reduces learning rates when a metric has stopped improving. It stands beside [LrScheduler]: its step needs the metric.
public final class ReduceLrOnPlateau {
  /// What an improvement is.
  public enum Mode {
    /// A smaller metric, as of a loss.
    MIN,
    /// A larger metric, as of an accuracy.
    MAX
  }

  /// What the threshold of an improvement is relative to.
  public enum ThresholdMode {
    /// The best metric so far.
    REL,
    /// Nothing.
    ABS
  }

  /// How [ReduceLrOnPlateau] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param mode what an improvement is, a smaller metric unless set
  /// @param factor what learning rates are multiplied by, 0.1 unless set
  /// @param patience how many epochs without improvement pass before that, 10 unless set
  /// @param threshold by how much a metric must be better, 10⁻⁴ unless set
  /// @param thresholdMode what that is relative to, the best metric unless set
  /// @param cooldown how many epochs do not count after a reduction
  /// @param minLr what learning rates do not fall below
  /// @param eps how small a reduction is no longer made, 10⁻⁸ unless set
  public record Options(Mode mode, double factor, long patience, double threshold, ThresholdMode thresholdMode, long cooldown, double minLr,
      double eps) {
    /// @throws IllegalArgumentException if `factor` is not less than 1
    public Options {
      if (!(factor < 1)) {
        throw new IllegalArgumentException("[ReduceLrOnPlateau] Factor should be < 1.0, but got " + factor);
      }
    }

    /// These options for another kind of metric.
    public Options mode(Mode mode) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }

    /// These options with another factor.
    public Options factor(double factor) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }

    /// These options with more or less patience.
    public Options patience(long patience) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }

    /// These options with another threshold.
    public Options threshold(double threshold, ThresholdMode thresholdMode) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }

    /// These options with another pause after a reduction.
    public Options cooldown(long cooldown) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }

    /// These options with another least learning rate.
    public Options minLr(double minLr) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }

    /// These options with another least reduction.
    public Options eps(double eps) {
      return new Options(mode, factor, patience, threshold, thresholdMode, cooldown, minLr, eps);
    }
  }

  private final Optimizer<?> optimizer;
  private final Options options;
  private List<Double> lastLr;
  private double best;
  private long badEpochs;
  private long cooldown;
  private long lastEpoch;

  /// PyTorch's defaults.
  public static Options options() {
    return new Options(Mode.MIN, 0.1, 10, 1e-4, ThresholdMode.REL, 0, 0, 1e-8);
  }

  public ReduceLrOnPlateau(Optimizer<?> optimizer, Options options) {
    this.optimizer = optimizer;
    this.options = options;
    this.lastLr = LrScheduler.lrsOf(optimizer);
    this.best = options.mode == Mode.MIN ? Double.POSITIVE_INFINITY : Double.NEGATIVE_INFINITY;
  }

  /// Takes note of an epoch's metric, and reduces the learning rates if it has been bad for too long.
  public void step(double metric) {
    lastEpoch++;
    if (isBetter(metric)) {
      best = metric;
      badEpochs = 0;
    } else {
      badEpochs++;
    }
    if (cooldown > 0) {
      cooldown--;
      badEpochs = 0;
    }
    if (badEpochs > options.patience) {
      optimizer.parameterGroups().forEach(this::reduce);
      cooldown = options.cooldown;
      badEpochs = 0;
    }
    lastLr = LrScheduler.lrsOf(optimizer);
  }

  private boolean isBetter(double metric) {
    boolean relative = options.thresholdMode == ThresholdMode.REL;
    double threshold = options.threshold;
    return switch (options.mode) {
      case MIN -> metric < (relative ? best * (1 - threshold) : best - threshold);
      case MAX -> metric > (relative ? best * (threshold + 1) : best + threshold);
    };
  }

  private void reduce(ParameterGroup<?> group) {
    double reduced = Math.max(group.lr() * options.factor, options.minLr);
    if (group.lr() - reduced > options.eps) {
      group.setLr(reduced);
    }
  }

  /// The learning rate of each group, as of the last step.
  public List<Double> getLastLr() {
    return lastLr;
  }

  /// How far it has come, by PyTorch's names. What it was made with is not part of it.
  public Map<String, Object> stateDict() {
    Map<String, Object> state = new LinkedHashMap<>();
    state.put("best", best);
    state.put("num_bad_epochs", badEpochs);
    state.put("cooldown_counter", cooldown);
    state.put("last_epoch", lastEpoch);
    state.put("_last_lr", lastLr);
    return state;
  }

  /// Continues from where [#stateDict()] had come.
  ///
  /// @throws IllegalArgumentException if something is missing
  public void loadStateDict(Map<?, ?> stateDict) {
    var saved = new SavedSchedule("ReduceLrOnPlateau", stateDict);
    double savedBest = saved.number("best");
    long savedBadEpochs = (long) saved.number("num_bad_epochs");
    long savedCooldown = (long) saved.number("cooldown_counter");
    long savedEpoch = (long) saved.number("last_epoch");
    lastLr = saved.numbers("_last_lr");
    lastEpoch = savedEpoch;
    best = savedBest;
    badEpochs = savedBadEpochs;
    cooldown = savedCooldown;
  }
}
