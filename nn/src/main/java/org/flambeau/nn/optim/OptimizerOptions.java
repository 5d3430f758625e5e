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

  /// Whether a step can be part of a [org.flambeau.CudaGraph]: the learning rate and the count of steps then lie on the device, so that a
  /// replay finds those of then. Not unless an optimizer says so.
  default boolean capturable() {
    return false;
  }

  /// Checks that the options make sense, also together. A learning rate of 0 does.
  ///
  /// @throws IllegalArgumentException if they do not
  void validate();

  /// [#validate()] for options that are in use: schedules leave learning rates just below 0 by rounding, as PyTorch's do.
  ///
  /// @throws IllegalArgumentException if anything but the learning rate makes no sense
  default void validateBesideLr() {
    lr(0).validate();
  }

  /// All options by PyTorch's names, in the order of the alphabet, but not whether they are capturable: that is a matter of the run, not of
  /// what is learned.
  Map<String, Object> describe();

  /// These options with the values that were saved of a group, as [#describe()] names them.
  ///
  /// @throws IllegalArgumentException if a number is missing
  O restore(SavedOptions saved);

  /// For [#validate()].
  ///
  /// @throws IllegalArgumentException of `optimizer`, with `message` and the value, unless it is valid
  static void require(String optimizer, boolean valid, String message, double value) {
    if (!valid) {
      throw new IllegalArgumentException("[" + optimizer + "] " + message + value);
    }
  }
}
