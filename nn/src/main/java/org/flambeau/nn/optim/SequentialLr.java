package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Schedulers one after the other: the next begins, from the learning rates that the optimizer started with, where a milestone is reached.
///
/// ```java
/// new SequentialLr(List.of(new LinearLr(optimizer, 5), new CosineAnnealingLr(optimizer, 85)), List.of(5))
/// ```
public final class SequentialLr extends LrScheduler {
  private final List<LrScheduler> schedulers;
  private final List<Integer> milestones;
  private long lastEpoch;
  private List<Double> lastLr;

  /// @param milestones the epochs in which the second scheduler and those after it begin, ascending
  /// @throws IllegalArgumentException if there are no schedulers, they have several optimizers, or there is not one milestone less
  public SequentialLr(List<? extends LrScheduler> schedulers, List<Integer> milestones) {
    Optimizer<?> optimizer = ChainedScheduler.commonOptimizer("SequentialLr", schedulers);
    if (milestones.size() != schedulers.size() - 1) {
      throw new IllegalArgumentException(
          "[SequentialLr] Sequential Schedulers expects number of schedulers provided to be one more than the "
              + "number of milestone points, but got number of schedulers " + schedulers.size()
              + " and the number of milestones to be equal to " + milestones.size());
    }
    for (LrScheduler later : schedulers.subList(1, schedulers.size())) {
      if (!(later instanceof EpochScheduler)) {
        throw new IllegalArgumentException("[SequentialLr] expected a single schedule after a milestone, but got "
            + later.getClass().getSimpleName() + ": it cannot begin in the middle");
      }
    }
    super(optimizer);
    this.schedulers = List.copyOf(schedulers);
    this.milestones = List.copyOf(milestones);
    optimizer.parameterGroups().forEach(group -> group.setLr(group.schedule().getOrDefault(EpochScheduler.INITIAL_LR, group.lr())));
    undoAll();
    LrScheduler first = this.schedulers.get(present());
    first.begin();
    this.lastLr = first.getLastLr();
  }

  /// The scheduler that this epoch belongs to.
  private int present() {
    int i = 0;
    while (i < milestones.size() && milestones.get(i) <= lastEpoch) {
      i++;
    }
    return i;
  }

  @Override
  public void step() {
    lastEpoch++;
    int i = present();
    LrScheduler scheduler = schedulers.get(i);
    if (i > 0 && milestones.get(i - 1) == lastEpoch && scheduler instanceof EpochScheduler beginning) {
      beginning.beginAnew();
    } else {
      scheduler.step();
    }
    lastLr = scheduler.getLastLr();
  }

  @Override
  public List<Double> getLastLr() {
    return lastLr;
  }

  @Override
  void undo() {
    undoAll();
  }

  private void undoAll() {
    schedulers.forEach(LrScheduler::undo);
  }

  @Override
  void begin() {
    step();
  }

  @Override
  void save(Map<String, Object> state) {
    state.put("last_epoch", lastEpoch);
    state.put("_last_lr", lastLr);
    state.put("_schedulers", new ArrayList<>(schedulers.stream().map(LrScheduler::stateDict).toList()));
  }

  @Override
  void load(SavedSchedule state) {
    List<Map<?, ?>> states = state.states("_schedulers", schedulers.size());
    List<Double> saved = state.numbers("_last_lr");
    lastEpoch = (long) state.number("last_epoch");
    lastLr = saved;
    for (int i = 0; i < states.size(); i++) {
      schedulers.get(i).loadStateDict(states.get(i));
    }
  }
}
