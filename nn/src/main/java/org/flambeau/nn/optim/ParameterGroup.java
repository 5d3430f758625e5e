package org.flambeau.nn.optim;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.Tensor;

/// Parameters that an optimizer updates by the same options.
///
/// @param <O> the optimizer's options
public final class ParameterGroup<O extends OptimizerOptions<O>> {
  private final List<Tensor> parameters;
  private final Map<String, Double> schedule = new LinkedHashMap<>();
  private O options;

  ParameterGroup(List<Tensor> parameters, O options) {
    this.parameters = List.copyOf(parameters);
    this.options = options;
  }

  public List<Tensor> parameters() {
    return parameters;
  }

  public O options() {
    return options;
  }

  /// Replaces the options from the next step on.
  public void setOptions(O options) {
    options.validate();
    this.options = options;
  }

  /// What schedulers note down of the group, by PyTorch's names; saved and loaded with it.
  Map<String, Double> schedule() {
    return schedule;
  }

  /// The learning rate.
  public double lr() {
    return options.lr();
  }

  /// Changes the momentum from the next step on, where the optimizer has one.
  void setMomentum(double momentum) {
    if (options instanceof MomentumOptions<?> cycled) {
      @SuppressWarnings("unchecked") // a changed copy is of the options' own type
      O changed = (O) cycled.momentum(momentum);
      setOptions(changed);
    }
  }

  /// Changes the learning rate from the next step on.
  public void setLr(double lr) {
    setOptions(options.lr(lr));
  }
}
