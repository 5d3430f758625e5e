package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/// Schedulers that all step, each from the learning rates that the one before it has left.
public final class ChainedScheduler extends LrScheduler {
  private final List<LrScheduler> schedulers;
  private List<Double> lastLr;

  /// @throws IllegalArgumentException if there are no schedulers, or they have several optimizers
  public ChainedScheduler(List<? extends LrScheduler> schedulers) {
    super(commonOptimizer("ChainedScheduler", schedulers));
    this.schedulers = List.copyOf(schedulers);
    this.lastLr = lrsOf(optimizer());
  }

  static Optimizer<?> commonOptimizer(String name, List<? extends LrScheduler> schedulers) {
    if (schedulers.isEmpty()) {
      throw new IllegalArgumentException("[" + name + "] expects at least one scheduler, but got no scheduler");
    }
    Optimizer<?> optimizer = schedulers.getFirst().optimizer();
    for (int i = 1; i < schedulers.size(); i++) {
      if (schedulers.get(i).optimizer() != optimizer) {
        throw new IllegalArgumentException("[" + name + "] expects all schedulers to belong to the same optimizer, but got scheduler "
            + schedulers.get(i).getClass().getSimpleName() + " at index " + i + " of another one");
      }
    }
    return optimizer;
  }

  @Override
  public void step() {
    schedulers.forEach(LrScheduler::step);
    lastLr = lrsOf(optimizer());
  }

  @Override
  public List<Double> getLastLr() {
    return lastLr;
  }

  @Override
  void undo() {
    schedulers.forEach(LrScheduler::undo);
  }

  @Override
  void begin() {
    step();
  }

  @Override
  void save(Map<String, Object> state) {
    state.put("_last_lr", lastLr);
    state.put("_schedulers", new ArrayList<>(schedulers.stream().map(LrScheduler::stateDict).toList()));
  }

  @Override
  void load(SavedSchedule state) {
    List<Map<?, ?>> states = state.states("_schedulers", schedulers.size());
    lastLr = state.numbers("_last_lr");
    for (int i = 0; i < states.size(); i++) {
      schedulers.get(i).loadStateDict(states.get(i));
    }
  }
}
