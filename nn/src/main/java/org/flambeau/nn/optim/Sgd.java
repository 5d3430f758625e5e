package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.OptimizerSteps;
import org.flambeau.spi.FusedOp;
import org.jspecify.annotations.Nullable;

/// Stochastic gradient descent, with momentum, Nesterov's too.
///
/// For each parameter p with gradient g, negated where `maximize`, and learning rate γ:
/// ```
/// g ← g + weightDecay·p
/// v ← momentum·v + (1 − dampening)·g        v ← g in the first step
/// p ← p − γ·(nesterov ? g + momentum·v : momentum ≠ 0 ? v : g)
/// ```
/// Reference: Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep learning",
/// ICML 2013; in PyTorch's form, in which the learning rate does not enter the velocity.
public final class Sgd extends Optimizer<Sgd.Options> {
  private static final String VELOCITY = "momentum_buffer";

  /// How [Sgd] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param lr the learning rate, 0.001 unless set
  /// @param momentum how much of the velocity stays from step to step
  /// @param dampening how much less than its whole a gradient adds to the velocity
  /// @param weightDecay how strongly parameters are drawn to 0
  /// @param nesterov whether to look ahead along the velocity
  /// @param maximize whether to climb rather than descend
  /// @param capturable whether steps can be part of a [org.flambeau.CudaGraph]; PyTorch's optimizer takes a tensor as learning rate for that
  public record Options(double lr, double momentum, double dampening, double weightDecay, boolean nesterov, boolean maximize,
      boolean capturable)
      implements
        MomentumOptions<Options> {
    @Override
    public Options lr(double lr) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    @Override
    public Options momentum(double momentum) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    /// These options with another dampening.
    public Options dampening(double dampening) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    /// These options with another weight decay.
    public Options weightDecay(double weightDecay) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    /// These options with or without Nesterov's momentum.
    public Options nesterov(boolean nesterov) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    /// These options, climbing or descending.
    public Options maximize(boolean maximize) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    /// These options, with the learning rate on the device, for steps in a [org.flambeau.CudaGraph], or on the host.
    public Options capturable(boolean capturable) {
      return new Options(lr, momentum, dampening, weightDecay, nesterov, maximize, capturable);
    }

    @Override
    public void validate() {
      OptimizerOptions.require("Sgd", lr >= 0, "Invalid learning rate: ", lr);
      OptimizerOptions.require("Sgd", momentum >= 0, "Invalid momentum value: ", momentum);
      OptimizerOptions.require("Sgd", weightDecay >= 0, "Invalid weight_decay value: ", weightDecay);
      if (nesterov && (momentum <= 0 || dampening != 0)) {
        throw new IllegalArgumentException("[Sgd] Nesterov momentum requires a momentum and zero dampening");
      }
    }

    @Override
    public Map<String, Object> describe() {
      return new TreeMap<>(Map.of("lr", lr, "momentum", momentum, "dampening", dampening, "weight_decay", weightDecay, "nesterov", nesterov,
          "maximize", maximize));
    }

    @Override
    public Options restore(SavedOptions saved) {
      return new Options(saved.number("lr"), saved.number("momentum"), saved.number("dampening"), saved.number("weight_decay"),
          saved.flag("nesterov", nesterov), saved.flag("maximize", maximize), capturable);
    }
  }

  /// PyTorch's defaults: a learning rate of 0.001, and nothing else.
  public static Options options() {
    return new Options(1e-3, 0, 0, 0, false, false, false);
  }

  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public Sgd(Iterable<Tensor> parameters, Options options) {
    super(parameters, options);
  }

  /// With [#options()].
  public Sgd(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// Of several groups, each with its options.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  public Sgd(List<ParameterGroup<Options>> groups) {
    super(groups);
  }

  /// Parameters that one kernel call updates.
  private static final class Batch {
    final List<Tensor> parameters = new ArrayList<>();
    final List<Tensor> gradients = new ArrayList<>();
    final List<Tensor> velocities = new ArrayList<>();
  }

  private record BatchKey(OptimizerSteps.Kind kind, boolean firstStep) {}

  @Override
  protected void update(ParameterGroup<Options> group, List<Tensor> parameters) {
    Options o = group.options();
    Map<BatchKey, Batch> batches = new HashMap<>();
    for (Tensor parameter : parameters) {
      Tensor grad = parameter.grad();
      if (grad == null) {
        continue;
      }
      Tensor velocity = o.momentum == 0 ? null : state(parameter, VELOCITY);
      boolean fusable = velocity == null
          ? OptimizerSteps.isFusable(FusedOp.SGD_STEP, parameter, grad)
          : OptimizerSteps.isFusable(FusedOp.SGD_STEP, parameter, grad, velocity);
      if (!fusable) {
        updateOne(parameter, grad, velocity, group.lr(parameter.device()), o);
        continue;
      }
      boolean first = velocity == null && o.momentum != 0;
      Batch batch = batches.computeIfAbsent(new BatchKey(OptimizerSteps.Kind.of(parameter), first), _ -> new Batch());
      batch.parameters.add(parameter);
      batch.gradients.add(grad);
      if (o.momentum != 0) {
        batch.velocities.add(velocity != null ? velocity : remember(parameter, VELOCITY, parameter.zerosLike()));
      }
    }
    batches.forEach((key, batch) -> OptimizerSteps.sgd(batch.parameters, batch.gradients, batch.velocities, key.firstStep,
        group.lr(key.kind.device()), o.momentum, o.dampening, o.weightDecay, o.nesterov, o.maximize));
  }

  private void updateOne(Tensor parameter, Tensor grad, @Nullable Tensor velocity, Tensor lr, Options o) {
    Tensor direction = direction(parameter, grad, o.maximize, o.weightDecay);
    if (o.momentum != 0) {
      Tensor moved = velocity == null
          ? remember(parameter, VELOCITY, direction.detach().clone())
          : velocity.mul_(o.momentum).add_(direction, 1 - o.dampening);
      direction = o.nesterov ? direction.add(moved, o.momentum) : moved;
    }
    descend(parameter, lr, direction);
  }
}
