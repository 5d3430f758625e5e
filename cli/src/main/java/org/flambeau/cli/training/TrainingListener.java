package org.flambeau.cli.training;

import java.util.List;

/// Who wants to know how a run goes. Called on the thread that trains.
public interface TrainingListener extends AutoCloseable {
  default void step(StepReport report) {}

  /// While the model is evaluated after an epoch.
  default void evaluated(int epoch, long images, long ofImages) {}

  /// After an epoch and its checkpoint.
  ///
  /// @param history all epochs of the run, also those before it was resumed; the last one is new
  default void epoch(List<EpochReport> history) {}

  /// When the run ends, however it does.
  @Override
  default void close() {}
}
