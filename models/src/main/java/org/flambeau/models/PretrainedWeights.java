package org.flambeau.models;

/// Which trained weights a model starts from: those of one file, or [TorchvisionWeights#DEFAULT], whose file depends on the model.
@FunctionalInterface
public interface PretrainedWeights {
  /// The weights for the model that torchvision calls `model`, such as `resnet18`.
  ///
  /// @throws IllegalArgumentException if there are none
  TorchvisionWeights of(String model);
}
