package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.OptimizerSteps;
import org.flambeau.spi.FusedOp;
import org.jspecify.annotations.Nullable;

/// Adam: steps along an average of gradients, over the root of an average of their squares.
///
/// For each parameter p with gradient g, negated where `maximize`, learning rate γ and in step t:
/// ```
/// g ← g + weightDecay·p                     where it is decoupled: p ← p − γ·weightDecay·p
/// m ← beta1·m + (1 − beta1)·g
/// v ← beta2·v + (1 − beta2)·g²              u ← amsgrad ? max(u, v) : v
/// p ← p − γ/(1 − beta1ᵗ)·m/(√u/√(1 − beta2ᵗ) + eps)
/// ```
/// Reference: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Reddi, Kale and Kumar, "On the Convergence of
/// Adam and Beyond", ICLR 2018, for amsgrad.
public sealed class Adam extends Optimizer<Adam.Options> permits AdamW {
  private static final String AVERAGE = "exp_avg";
  private static final String SQUARE = "exp_avg_sq";
  private static final String LARGEST = "max_exp_avg_sq";

  /// How [Adam] and [AdamW] go. Immutable: methods with an argument return changed copies.
  ///
  /// @param lr the learning rate, 0.001 unless set
  /// @param beta1 how much of the average of gradients stays from step to step, 0.9 unless set
  /// @param beta2 how much of the average of their squares stays from step to step, 0.999 unless set
  /// @param eps keeps the divisor from 0, 10⁻⁸ unless set
  /// @param weightDecay how strongly parameters are drawn to 0
  /// @param decoupledWeightDecay whether the decay leaves gradients and averages alone, as AdamW's does
  /// @param amsgrad whether to divide by the largest average of squares so far
  /// @param maximize whether to climb rather than descend
  /// @param capturable whether steps can be part of a [org.flambeau.CudaGraph]
  public record Options(double lr, double beta1, double beta2, double eps, double weightDecay, boolean decoupledWeightDecay,
      boolean amsgrad, boolean maximize, boolean capturable)
      implements
        MomentumOptions<Options> {
    @Override
    public Options lr(double lr) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options with other averages.
    public Options betas(double beta1, double beta2) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options with another epsilon.
    public Options eps(double eps) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options with another weight decay.
    public Options weightDecay(double weightDecay) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options, with the weight decay beside the gradients or in them.
    public Options decoupledWeightDecay(boolean decoupledWeightDecay) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options with or without the largest average.
    public Options amsgrad(boolean amsgrad) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options, climbing or descending.
    public Options maximize(boolean maximize) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// These options, with the learning rate and the count of steps on the device, for steps in a [org.flambeau.CudaGraph], or on the host.
    public Options capturable(boolean capturable) {
      return new Options(lr, beta1, beta2, eps, weightDecay, decoupledWeightDecay, amsgrad, maximize, capturable);
    }

    /// beta1.
    @Override
    public double momentum() {
      return beta1;
    }

    @Override
    public Options momentum(double momentum) {
      return betas(momentum, beta2);
    }

    @Override
    public void validate() {
      String name = decoupledWeightDecay ? "AdamW" : "Adam";
      OptimizerOptions.require(name, lr >= 0, "Invalid learning rate: ", lr);
      OptimizerOptions.require(name, eps >= 0, "Invalid epsilon value: ", eps);
      OptimizerOptions.require(name, beta1 >= 0 && beta1 < 1, "Invalid beta parameter at index 0: ", beta1);
      OptimizerOptions.require(name, beta2 >= 0 && beta2 < 1, "Invalid beta parameter at index 1: ", beta2);
      OptimizerOptions.require(name, weightDecay >= 0, "Invalid weight_decay value: ", weightDecay);
    }

    @Override
    public Map<String, Object> describe() {
      return new TreeMap<>(Map.of("lr", lr, "betas", List.of(beta1, beta2), "eps", eps, "weight_decay", weightDecay,
          "decoupled_weight_decay", decoupledWeightDecay, "amsgrad", amsgrad, "maximize", maximize));
    }

    @Override
    public Options restore(SavedOptions saved) {
      return new Options(saved.number("lr"), saved.number("betas", 0), saved.number("betas", 1), saved.number("eps"),
          saved.number("weight_decay"), saved.flag("decoupled_weight_decay", decoupledWeightDecay), saved.flag("amsgrad", amsgrad),
          saved.flag("maximize", maximize), capturable);
    }
  }

  /// PyTorch's defaults: a learning rate of 0.001, no weight decay.
  public static Options options() {
    return new Options(1e-3, 0.9, 0.999, 1e-8, 0, false, false, false, false);
  }

  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public Adam(Iterable<Tensor> parameters, Options options) {
    super(parameters, options);
  }

  /// With [#options()].
  public Adam(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// Of several groups, each with its options.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  public Adam(List<ParameterGroup<Options>> groups) {
    super(groups);
  }

  /// Parameters that one kernel call updates.
  private static final class Batch {
    final List<Tensor> parameters = new ArrayList<>();
    final List<Tensor> gradients = new ArrayList<>();
    final List<Tensor> averages = new ArrayList<>();
    final List<Tensor> squares = new ArrayList<>();
    final List<Tensor> largest = new ArrayList<>();
  }

  private record BatchKey(OptimizerSteps.Kind kind, Tensor step) {}

  @Override
  protected void update(ParameterGroup<Options> group, List<Tensor> parameters) {
    Options o = group.options();
    StepCounts steps = new StepCounts(this, group);
    Map<BatchKey, Batch> batches = new HashMap<>();
    for (Tensor parameter : parameters) {
      Tensor grad = parameter.grad();
      if (grad == null) {
        continue;
      }
      Tensor step = steps.count(parameter);
      Tensor average = stateOrZeros(parameter, AVERAGE);
      Tensor square = stateOrZeros(parameter, SQUARE);
      Tensor largest = o.amsgrad ? stateOrZeros(parameter, LARGEST) : null;
      boolean fusable = largest == null
          ? OptimizerSteps.isFusable(FusedOp.ADAM_STEP, parameter, grad, average, square)
          : OptimizerSteps.isFusable(FusedOp.ADAM_STEP, parameter, grad, average, square, largest);
      if (!fusable) {
        updateOne(parameter, grad, average, square, largest, group.lr(parameter.device()), step, o);
        continue;
      }
      Batch batch = batches.computeIfAbsent(new BatchKey(OptimizerSteps.Kind.of(parameter), step), _ -> new Batch());
      batch.parameters.add(parameter);
      batch.gradients.add(grad);
      batch.averages.add(average);
      batch.squares.add(square);
      if (largest != null) {
        batch.largest.add(largest);
      }
    }
    batches.forEach((key, batch) -> OptimizerSteps.adam(batch.parameters, batch.gradients, batch.averages, batch.squares, batch.largest,
        group.lr(key.kind.device()), key.step, o.beta1, o.beta2, o.eps, o.weightDecay, o.decoupledWeightDecay, o.maximize));
  }

  private static void updateOne(Tensor parameter, Tensor grad, Tensor average, Tensor square, @Nullable Tensor largest, Tensor lr,
      Tensor step, Options o) {
    Tensor direction = direction(parameter, grad, o.maximize, o.decoupledWeightDecay ? 0 : o.weightDecay);
    if (o.weightDecay != 0 && o.decoupledWeightDecay) {
      parameter.mul_(o.capturable ? lr.mul(o.weightDecay).rsub(1) : Tensor.scalar(1 - o.lr * o.weightDecay));
    }
    average.lerp_(direction, 1 - o.beta1);
    square.mul_(o.beta2).addcmul_(direction, direction, 1 - o.beta2);
    Tensor divisor = largest == null ? square : largest.copy_(largest.maximum(square));
    Tensor root = divisor.sqrt().div_(correction(o.beta2, step).sqrt()).add_(o.eps);
    descend(parameter, lr.div(correction(o.beta1, step)), average, root);
  }

  /// 1 − betaᵗ.
  private static Tensor correction(double beta, Tensor step) {
    return Tensor.scalar(beta).pow(step.to(DType.FLOAT64)).rsub(1);
  }
}
