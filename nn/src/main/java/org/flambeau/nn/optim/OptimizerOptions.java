package org.flambeau.nn.optim;

import java.util.Map;

/// What every optimizer's options have: a learning rate. They are immutable; methods with an argument return changed copies.
///
/// @param <O> the options themselves
public interface OptimizerOptions<O extends OptimizerOptions<O>> {
  /// The learning rate.
  double lr();

  /// These options with another learning rate.
  O lr(double lr);

  /// Checks that the options make sense, also together.
  ///
  /// @throws IllegalArgumentException if they do not
  void validate();

  /// All options by PyTorch's names, in the order of the alphabet.
  Map<String, Object> describe();
}
