package org.flambeau.nn.optim;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Function;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm;
import org.flambeau.nn.Module;
import org.jspecify.annotations.Nullable;

/// A model whose parameters are the average of those that another has in the course of its training, which often generalises better.
///
/// ```java
/// var averaged = new AveragedModel(model, ResNet.resnet18(10), AveragedModel.exponential(0.999), true);
/// for (var batch : loader) {
///   train(model, batch);
///   averaged.updateParameters(model);
/// }
/// ```
/// Where buffers are not averaged, they are the other model's: then the running statistics of batch norms, which belong to other parameters, are
/// to be found anew with [#updateBatchNorms].
///
/// Reference: Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
public final class AveragedModel extends Module {
  /// How an average takes in another value.
  @FunctionalInterface
  public interface Average {
    /// Changes `averaged`, the average of `count` values, in place by `current`.
    void update(Tensor averaged, Tensor current, long count);
  }

  private final Module module;
  private final Tensor averages;
  private final Average average;
  private final boolean useBuffers;

  /// An average of equal weights, of parameters alone.
  public AveragedModel(Module model, Module copy) {
    this(model, copy, equal(), false);
  }

  /// @param model what is to be averaged
  /// @param copy another module of the same kind, which becomes the average; it takes over the values of `model` now
  /// @param useBuffers whether buffers are averaged too
  /// @throws IllegalArgumentException if the two differ in names or sizes
  public AveragedModel(Module model, Module copy, Average average, boolean useBuffers) {
    if (copy == model) {
      throw new IllegalArgumentException("[AveragedModel] expected another module of the same kind, got the model itself");
    }
    this.module = child("module", copy);
    this.averages = buffer("n_averaged", Tensor.zeros(DType.INT64));
    this.average = average;
    this.useBuffers = useBuffers;
    try (var _ = GradMode.noGrad()) {
      each(tensorsOf(copy, true), tensorsOf(model, true), (own, its) -> own.copy_(its).requiresGrad_(its.requiresGrad()));
    }
    Module _ = copy.train(model.isTraining());
  }

  /// All values have the same weight.
  public static Average equal() {
    return (averaged, current, count) -> averaged.copy_(averaged.add(current.sub(averaged).div(count + 1)));
  }

  /// Each value has `decay` times the weight of the one that came after it, as far as there were any.
  ///
  /// @throws IllegalArgumentException if `decay` does not lie between 0 and 1
  public static Average exponential(double decay) {
    if (!(decay >= 0 && decay <= 1)) {
      throw new IllegalArgumentException(
          "[AveragedModel] Invalid decay value " + decay + " provided. Please provide a value in [0,1] range.");
    }
    return (averaged, current, _) -> {
      if (averaged.dtype().isFloating()) {
        averaged.lerp_(current, 1 - decay);
      } else {
        averaged.copy_(averaged.mul(decay).add(current.mul(1 - decay)));
      }
    };
  }

  /// The average.
  public Module module() {
    return module;
  }

  @Override
  protected Tensor forward(Tensor... inputs) {
    return module.call(inputs);
  }

  /// Takes in what `model` is now; the first time, copies it.
  ///
  /// @throws IllegalArgumentException if it differs from the average in names or sizes
  public void updateParameters(Module model) {
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      long count = averages.toLong();
      each(tensorsOf(module, useBuffers), tensorsOf(model, useBuffers), (averaged, current) -> {
        if (count == 0) {
          averaged.copy_(current);
        } else {
          average.update(averaged, current.to(averaged.device()).to(averaged.dtype()), count);
        }
      });
      if (!useBuffers) {
        each(module.namedBuffers(), model.namedBuffers(), Tensor::copy_);
      }
      averages.add_(1);
    }
  }

  /// Finds the running statistics of all batch norms in `model` anew, as the plain average over `batches`; `input` says what the model is called
  /// with for each.
  public static <B> void updateBatchNorms(Module model, Iterable<B> batches, Function<? super B, Tensor> input) {
    Map<BatchNorm, @Nullable Double> momenta = new LinkedHashMap<>();
    for (Module part : model.modules()) {
      if (part instanceof BatchNorm norm) {
        norm.resetRunningStats();
        momenta.put(norm, norm.momentum());
      }
    }
    if (momenta.isEmpty()) {
      return;
    }
    boolean training = model.isTraining();
    try (var _ = GradMode.noGrad()) {
      Module _ = model.train();
      momenta.keySet().forEach(norm -> norm.setMomentum(null));
      for (B batch : batches) {
        try (var _ = MemoryScope.open()) {
          Tensor _ = model.call(input.apply(batch));
        }
      }
    } finally {
      momenta.forEach(BatchNorm::setMomentum);
      Module _ = model.train(training);
    }
  }

  private static Map<String, Tensor> tensorsOf(Module module, boolean withBuffers) {
    Map<String, Tensor> tensors = new LinkedHashMap<>(module.namedParameters());
    if (withBuffers) {
      tensors.putAll(module.namedBuffers());
    }
    return tensors;
  }

  /// Does `change` to each of the average's tensors with the one of the same name, where all fit.
  private static void each(Map<String, Tensor> averaged, Map<String, Tensor> current, BiConsumer<Tensor, Tensor> change) {
    if (!sizesOf(averaged).equals(sizesOf(current))) {
      throw new IllegalArgumentException("[AveragedModel] expected a model with the names and sizes of the average, " + sizesOf(averaged)
          + ", but got " + sizesOf(current));
    }
    averaged.forEach((name, tensor) -> change.accept(tensor, Objects.requireNonNull(current.get(name))));
  }

  private static Map<String, String> sizesOf(Map<String, Tensor> tensors) {
    Map<String, String> sizes = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> sizes.put(name, Arrays.toString(tensor.sizes())));
    return sizes;
  }
}
