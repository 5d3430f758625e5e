package org.flambeau.nn.optim;

/// Options of optimizers in which past gradients carry on, so that [OneCycleLr] can cycle by how much.
///
/// @param <O> the options themselves
public interface MomentumOptions<O extends MomentumOptions<O>> extends OptimizerOptions<O> {
  /// How much of the past stays from step to step: the momentum, or Adam's beta1.
  double momentum();

  /// These options with another momentum.
  O momentum(double momentum);
}
