package org.flambeau.nn.optim;

import java.util.List;
import org.flambeau.Tensor;

/// Parameters that an optimizer updates by the same options.
///
/// @param <O> the optimizer's options
public final class ParameterGroup<O extends OptimizerOptions<O>> {
  private final List<Tensor> parameters;
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

  /// The learning rate.
  public double lr() {
    return options.lr();
  }

  /// Changes the learning rate from the next step on.
  public void setLr(double lr) {
    setOptions(options.lr(lr));
  }
}
