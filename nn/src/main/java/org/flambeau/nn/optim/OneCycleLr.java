package org.flambeau.nn.optim;

import java.util.List;

/// Learning rates that rise to their peak and fall far below where they began, in one cycle of `totalSteps` steps; momentum goes the other
/// way. To be stepped after each batch; the step after the last one goes on beyond the end, as PyTorch's does: along a straight line below 0, so
/// that no parameter should learn after it.
///
/// Reference: Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018.
public final class OneCycleLr extends EpochScheduler {
  private static final String MAX_LR = "max_lr";
  private static final String MIN_LR = "min_lr";
  private static final String BASE_MOMENTUM = "base_momentum";
  private static final String MAX_MOMENTUM = "max_momentum";

  /// How one gets from one value to another.
  public enum Annealing {
    /// Along half a cosine.
    COS {
      @Override
      double between(double start, double end, double fraction) {
        return end + (start - end) / 2 * (Math.cos(Math.PI * fraction) + 1);
      }
    },
    /// In a straight line.
    LINEAR {
      @Override
      double between(double start, double end, double fraction) {
        return (end - start) * fraction + start;
      }
    };

    abstract double between(double start, double end, double fraction);
  }

  /// How [OneCycleLr] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param maxLr the peaks, one for each group or one for all
  /// @param totalSteps how many steps the cycle has
  /// @param pctStart the fraction of the steps in which learning rates rise, 0.3 unless set
  /// @param annealing how they rise and fall, along a cosine unless set
  /// @param cycleMomentum whether momentum goes the other way, which it does unless set
  /// @param baseMomentum the momentum at the peak, 0.85 unless set
  /// @param maxMomentum the momentum at both ends, 0.95 unless set
  /// @param divFactor how much lower than the peak the beginning is, 25 unless set
  /// @param finalDivFactor how much lower than the beginning the end is, 10⁴ unless set
  /// @param threePhase whether learning rates first fall back to the beginning as they have risen
  public record Options(List<Double> maxLr, long totalSteps, double pctStart, Annealing annealing, boolean cycleMomentum,
      double baseMomentum, double maxMomentum, double divFactor, double finalDivFactor, boolean threePhase) {
    /// @throws IllegalArgumentException if `totalSteps` is not positive, or `pctStart` not within [0, 1]
    public Options {
      maxLr = List.copyOf(maxLr);
      if (totalSteps <= 0) {
        throw new IllegalArgumentException("[OneCycleLr] Expected positive integer total_steps, but got " + totalSteps);
      }
      if (!(pctStart >= 0 && pctStart <= 1)) {
        throw new IllegalArgumentException("[OneCycleLr] Expected float between 0 and 1 pct_start, but got " + pctStart);
      }
    }

    /// These options with another peak for each group.
    public Options maxLr(List<Double> maxLr) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor,
          threePhase);
    }

    /// These options with another fraction of rising steps.
    public Options pctStart(double pctStart) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor,
          threePhase);
    }

    /// These options with another way to rise and fall.
    public Options annealing(Annealing annealing) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor,
          threePhase);
    }

    /// These options, with or without a change of momentum.
    public Options cycleMomentum(boolean cycleMomentum) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor,
          threePhase);
    }

    /// These options with other limits of the momentum.
    public Options momentum(double base, double max) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, base, max, divFactor, finalDivFactor, threePhase);
    }

    /// These options with other learning rates at the beginning and the end.
    public Options divFactors(double divFactor, double finalDivFactor) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor,
          threePhase);
    }

    /// These options with two phases or three.
    public Options threePhase(boolean threePhase) {
      return new Options(maxLr, totalSteps, pctStart, annealing, cycleMomentum, baseMomentum, maxMomentum, divFactor, finalDivFactor,
          threePhase);
    }
  }

  /// A part of the cycle, from where the one before it ends.
  private record Phase(double end, String startLr, String endLr, String startMomentum, String endMomentum) {}

  private final Options options;
  private final List<Phase> phases;

  /// PyTorch's defaults, with the peak of all groups' learning rates.
  public static Options options(double maxLr, long totalSteps) {
    return new Options(List.of(maxLr), totalSteps, 0.3, Annealing.COS, true, 0.85, 0.95, 25, 1e4, false);
  }

  /// @throws IllegalArgumentException if there is not a peak for each group, or no momentum to cycle
  public OneCycleLr(Optimizer<?> optimizer, Options options) {
    this.options = options;
    this.phases = phases(options);
    prepare(optimizer.parameterGroups(), options);
    super(optimizer);
  }

  private static List<Phase> phases(Options o) {
    double rising = o.pctStart * o.totalSteps - 1;
    var rise = new Phase(rising, INITIAL_LR, MAX_LR, MAX_MOMENTUM, BASE_MOMENTUM);
    if (!o.threePhase) {
      return List.of(rise, new Phase(o.totalSteps - 1, MAX_LR, MIN_LR, BASE_MOMENTUM, MAX_MOMENTUM));
    }
    return List.of(rise, new Phase(2 * o.pctStart * o.totalSteps - 2, MAX_LR, INITIAL_LR, BASE_MOMENTUM, MAX_MOMENTUM),
        new Phase(o.totalSteps - 1, INITIAL_LR, MIN_LR, MAX_MOMENTUM, MAX_MOMENTUM));
  }

  private static void prepare(List<? extends ParameterGroup<?>> groups, Options o) {
    if (o.maxLr.size() != 1 && o.maxLr.size() != groups.size()) {
      throw new IllegalArgumentException("[OneCycleLr] max_lr must have " + groups.size() + " values, got " + o.maxLr.size());
    }
    if (o.cycleMomentum && !groups.stream().allMatch(group -> group.options() instanceof MomentumOptions<?>)) {
      throw new IllegalArgumentException("[OneCycleLr] optimizer must support momentum or beta1 with `cycle_momentum` option enabled");
    }
    for (int i = 0; i < groups.size(); i++) {
      var schedule = groups.get(i).schedule();
      double peak = o.maxLr.get(o.maxLr.size() == 1 ? 0 : i);
      schedule.put(INITIAL_LR, peak / o.divFactor);
      schedule.put(MAX_LR, peak);
      schedule.put(MIN_LR, peak / o.divFactor / o.finalDivFactor);
      if (o.cycleMomentum) {
        groups.get(i).setMomentum(o.maxMomentum);
        schedule.put(MAX_MOMENTUM, o.maxMomentum);
        schedule.put(BASE_MOMENTUM, o.baseMomentum);
      }
    }
  }

  @Override
  void enterEpoch() {
    if (lastEpoch() > options.totalSteps) {
      throw new IllegalStateException(
          "[OneCycleLr] Tried to step " + lastEpoch() + " times. The specified number of total steps is " + options.totalSteps);
    }
    if (options.cycleMomentum) {
      optimizer().parameterGroups().forEach(group -> group.setMomentum(between(group, false)));
    }
  }

  @Override
  protected double nextLr(int group) {
    return between(optimizer().parameterGroups().get(group), true);
  }

  private double between(ParameterGroup<?> group, boolean lr) {
    long step = lastEpoch();
    double start = 0;
    int i = 0;
    while (i < phases.size() - 1 && step > phases.get(i).end) {
      start = phases.get(i++).end;
    }
    Phase phase = phases.get(i);
    double from = noted(group, lr ? phase.startLr : phase.startMomentum);
    double to = noted(group, lr ? phase.endLr : phase.endMomentum);
    return options.annealing.between(from, to, (step - start) / (phase.end - start));
  }
}
