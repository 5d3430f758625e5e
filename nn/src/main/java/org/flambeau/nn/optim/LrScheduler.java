package org.flambeau.nn.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Changes the learning rates of an optimizer's groups from epoch to epoch, or from step to step.
///
/// ```java
/// for (int epoch = 0; epoch < epochs; epoch++) {
///   train(optimizer);
///   scheduler.step();
/// }
/// ```
/// Making a scheduler sets the first learning rates. The numbers are PyTorch's to the last digit, as far as the C library that PyTorch
/// stands on rounds cosines as Java does.
///
/// To continue a run: make the optimizer and the scheduler as before, then load both their states, the optimizer's last.
public abstract sealed class LrScheduler permits EpochScheduler, SequentialLr, ChainedScheduler {
  private final Optimizer<?> optimizer;

  LrScheduler(Optimizer<?> optimizer) {
    this.optimizer = optimizer;
  }

  /// The optimizer whose learning rates it changes.
  public final Optimizer<?> optimizer() {
    return optimizer;
  }

  /// Goes on to the next learning rates; to be called after the optimizer's steps.
  public abstract void step();

  /// The learning rate of each group, as of the last [#step()].
  public abstract List<Double> getLastLr();

  /// How far it has come, by PyTorch's names. What it was made with is not part of it.
  public final Map<String, Object> stateDict() {
    Map<String, Object> state = new LinkedHashMap<>();
    save(state);
    return state;
  }

  /// Continues from where [#stateDict()], or that of PyTorch's scheduler of this kind, had come.
  ///
  /// @throws IllegalArgumentException if something is missing
  public final void loadStateDict(Map<?, ?> stateDict) {
    load(new SavedSchedule(getClass().getSimpleName(), stateDict));
  }

  abstract void save(Map<String, Object> state);

  abstract void load(SavedSchedule state);

  /// Takes back the step that was taken when it was made.
  abstract void undo();

  /// Takes the first step again, as the one that begins a sequence.
  abstract void begin();

  static List<Double> lrsOf(Optimizer<?> optimizer) {
    return optimizer.parameterGroups().stream().map(ParameterGroup::lr).toList();
  }
}
