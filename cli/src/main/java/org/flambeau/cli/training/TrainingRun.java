package org.flambeau.cli.training;

import java.nio.file.Path;
import java.util.Map;
import org.flambeau.Device;
import org.flambeau.data.DataLoader;
import org.flambeau.nn.Module;
import org.flambeau.nn.optim.LrScheduler;
import org.flambeau.nn.optim.Optimizer;
import org.jspecify.annotations.Nullable;

/// What is trained on what, and how.
///
/// @param model gives logits (n, classes) for a batch's input
/// @param optimizer of those parameters that learn
/// @param scheduler changes the optimizer's learning rate after each step, or null
/// @param training the batches of an epoch, whose targets are class indices
/// @param validation on what the model is evaluated after each epoch, or null
/// @param device where the model is
/// @param folder where checkpoints go, or null
/// @param description what a checkpoint says of the run, for whoever uses it: strings, numbers, lists and maps
public record TrainingRun(Module model, Optimizer<?> optimizer, @Nullable LrScheduler scheduler, DataLoader training,
    @Nullable DataLoader validation, Device device, Settings settings, @Nullable Path folder, Map<String, ?> description) {
  /// How a model is trained.
  ///
  /// @param epochs how many
  /// @param maxSteps after how many steps the run ends, in whichever epoch
  /// @param labelSmoothing how much of each target is spread over all classes
  /// @param maxGradNorm to what length the gradient of all parameters is shortened, or infinity
  /// @param precision in which the model computes, in training and evaluation
  public record Settings(int epochs, long maxSteps, double labelSmoothing, double maxGradNorm, Precision precision) {
    /// Some epochs, and nothing else.
    public static Settings ofEpochs(int epochs) {
      return new Settings(epochs, Long.MAX_VALUE, 0, Double.POSITIVE_INFINITY, Precision.FLOAT32);
    }
  }
}
