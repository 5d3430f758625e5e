package org.flambeau.nn.optim;

import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A scheduler that counts epochs and says each group's learning rate in the next one; the base of schedules of one's own.
///
/// Fields that [#nextLr] reads are to be set before `super(optimizer)`, which asks for the first learning rates.
public abstract non-sealed class EpochScheduler extends LrScheduler {
  private static final Logger LOG = LoggerFactory.getLogger(EpochScheduler.class);
  static final String INITIAL_LR = "initial_lr";

  private List<Double> baseLrs;
  private List<Double> lastLr = List.of();
  private long lastEpoch = -1;
  private long stepCount;
  private boolean initial;

  /// Starts from the learning rates that the groups have, or had when their first scheduler was made.
  protected EpochScheduler(Optimizer<?> optimizer) {
    super(optimizer);
    optimizer.parameterGroups().forEach(group -> group.schedule().putIfAbsent(INITIAL_LR, group.lr()));
    this.baseLrs = optimizer.parameterGroups().stream().map(group -> group.schedule().getOrDefault(INITIAL_LR, group.lr())).toList();
    takeFirstStep();
  }

  private void takeFirstStep() {
    stepCount = 0;
    initial = true;
    advance();
    initial = false;
  }

  /// The learning rate of group `group` in epoch [#lastEpoch()].
  protected abstract double nextLr(int group);

  /// The learning rate of group `group` in epoch 0, when the schedule begins in the middle of a [SequentialLr].
  double firstLr(int group) {
    return nextLr(group);
  }

  /// The epoch it is in, from 0 on.
  protected final long lastEpoch() {
    return lastEpoch;
  }

  /// Whether the scheduler is only being made, so that recursions begin rather than go on.
  protected final boolean isInitial() {
    return initial;
  }

  /// The learning rate that the schedule of group `group` starts from.
  ///
  /// @throws IllegalStateException if the group was added after the schedule was made
  protected final double baseLr(int group) {
    if (group >= baseLrs.size()) {
      throw new IllegalStateException("[" + getClass().getSimpleName() + "] is a schedule of " + baseLrs.size()
          + " parameter groups, but the optimizer has " + optimizer().parameterGroups().size() + ": make schedules after all groups");
    }
    return baseLrs.get(group);
  }

  /// The learning rate that group `group` has now.
  protected final double lr(int group) {
    return optimizer().parameterGroups().get(group).lr();
  }

  /// What a schedule of this kind noted down of `group` under `name` when it was made.
  final double noted(ParameterGroup<?> group, String name) {
    Double value = group.schedule().get(name);
    if (value == null) {
      throw new IllegalStateException(
          "[" + getClass().getSimpleName() + "] the group has no " + name + ": it was added, or loaded, without this schedule");
    }
    return value;
  }

  /// Called with each new epoch, before its learning rates are asked for.
  void enterEpoch() {}

  @Override
  public final void step() {
    if (stepCount == 1 && !optimizer().hasStepped()) {
      LOG.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`. You should call them in the opposite order: "
          + "`optimizer.step()` before `lr_scheduler.step()`. Failure to do this will result in skipping the first value of the "
          + "learning rate schedule.");
    }
    advance();
  }

  private void advance() {
    stepCount++;
    lastEpoch++;
    enterEpoch();
    setLrs(this::nextLr);
  }

  /// Goes to `epoch`, for learning rates that do not depend on those before.
  final void goTo(long epoch) {
    lastEpoch = epoch;
    setLrs(this::nextLr);
  }

  /// Begins the schedule in the middle of a sequence, from its base learning rates.
  final void beginAnew() {
    lastEpoch = 0;
    setLrs(this::firstLr);
  }

  private interface Schedule {
    double lr(int group);
  }

  private void setLrs(Schedule schedule) {
    var groups = optimizer().parameterGroups();
    double[] lrs = new double[groups.size()];
    for (int i = 0; i < lrs.length; i++) {
      lrs[i] = schedule.lr(i);
    }
    for (int i = 0; i < lrs.length; i++) {
      groups.get(i).setLr(lrs[i]);
    }
    lastLr = lrsOf(optimizer());
  }

  @Override
  public final List<Double> getLastLr() {
    return lastLr;
  }

  @Override
  void save(Map<String, Object> state) {
    state.put("base_lrs", baseLrs);
    state.put("last_epoch", lastEpoch);
    state.put("_step_count", stepCount);
    state.put("_last_lr", lastLr);
  }

  @Override
  void load(SavedSchedule state) {
    List<Double> bases = state.numbers("base_lrs");
    if (bases.size() != optimizer().parameterGroups().size()) {
      throw new IllegalArgumentException("[" + getClass().getSimpleName() + "] loaded state dict is of " + bases.size()
          + " parameter groups, but the optimizer has " + optimizer().parameterGroups().size());
    }
    long epoch = (long) state.number("last_epoch");
    long count = (long) state.number("_step_count");
    lastLr = state.numbers("_last_lr");
    baseLrs = bases;
    lastEpoch = epoch;
    stepCount = count;
  }

  @Override
  final void undo() {
    lastEpoch--;
  }

  @Override
  final void begin() {
    takeFirstStep();
  }
}
