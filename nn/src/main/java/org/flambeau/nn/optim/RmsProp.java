package org.flambeau.nn.optim;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.Tensor;

/// RMSprop: steps along the gradient, over the root of an average of its squares.
///
/// For each parameter p with gradient g, negated where `maximize`, and learning rate γ:
/// ```
/// g ← g + weightDecay·p
/// v ← alpha·v + (1 − alpha)·g²
/// a ← alpha·a + (1 − alpha)·g               where centered: v − a² in the place of v below
/// b ← momentum·b + g/(√v + eps)
/// p ← p − γ·b
/// ```
/// Reference: Hinton, Lecture 6e of "Neural Networks for Machine Learning", 2012; Graves, "Generating Sequences With Recurrent Neural
/// Networks", 2013, for the centered form.
public final class RmsProp extends Optimizer<RmsProp.Options> {
  /// How [RmsProp] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param lr the learning rate, 0.01 unless set
  /// @param alpha how much of the average of squares stays from step to step, 0.99 unless set
  /// @param eps keeps the divisor from 0, 10⁻⁸ unless set
  /// @param weightDecay how strongly parameters are drawn to 0
  /// @param momentum how much of the velocity stays from step to step
  /// @param centered whether to divide by the standard deviation of the gradient
  /// @param maximize whether to climb rather than descend
  /// @param capturable whether steps can be part of a [org.flambeau.CudaGraph]
  public record Options(double lr, double alpha, double eps, double weightDecay, double momentum, boolean centered, boolean maximize,
      boolean capturable)
      implements
        MomentumOptions<Options> {
    @Override
    public Options lr(double lr) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    /// These options with another average.
    public Options alpha(double alpha) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    /// These options with another epsilon.
    public Options eps(double eps) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    /// These options with another weight decay.
    public Options weightDecay(double weightDecay) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    @Override
    public Options momentum(double momentum) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    /// These options, centered or not.
    public Options centered(boolean centered) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    /// These options, climbing or descending.
    public Options maximize(boolean maximize) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    /// These options, with the learning rate and the count of steps on the device, for steps in a [org.flambeau.CudaGraph], or on the host.
    public Options capturable(boolean capturable) {
      return new Options(lr, alpha, eps, weightDecay, momentum, centered, maximize, capturable);
    }

    @Override
    public void validate() {
      OptimizerOptions.require("RmsProp", lr >= 0, "Invalid learning rate: ", lr);
      OptimizerOptions.require("RmsProp", eps >= 0, "Invalid epsilon value: ", eps);
      OptimizerOptions.require("RmsProp", momentum >= 0, "Invalid momentum value: ", momentum);
      OptimizerOptions.require("RmsProp", weightDecay >= 0, "Invalid weight_decay value: ", weightDecay);
      OptimizerOptions.require("RmsProp", alpha >= 0, "Invalid alpha value: ", alpha);
    }

    @Override
    public Map<String, Object> describe() {
      return new TreeMap<>(Map.of("lr", lr, "alpha", alpha, "eps", eps, "weight_decay", weightDecay, "momentum", momentum, "centered",
          centered, "maximize", maximize));
    }

    @Override
    public Options restore(SavedOptions saved) {
      return new Options(saved.number("lr"), saved.number("alpha"), saved.number("eps"), saved.number("weight_decay"),
          saved.number("momentum"), saved.flag("centered", centered), saved.flag("maximize", maximize), capturable);
    }
  }

  /// PyTorch's defaults: a learning rate of 0.01, neither momentum nor weight decay.
  public static Options options() {
    return new Options(1e-2, 0.99, 1e-8, 0, 0, false, false, false);
  }

  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public RmsProp(Iterable<Tensor> parameters, Options options) {
    super(parameters, options);
  }

  /// With [#options()].
  public RmsProp(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// Of several groups, each with its options.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  public RmsProp(List<ParameterGroup<Options>> groups) {
    super(groups);
  }

  @Override
  protected void update(ParameterGroup<Options> group, List<Tensor> parameters) {
    StepCounts steps = new StepCounts(this, group);
    for (Tensor parameter : parameters) {
      Tensor grad = parameter.grad();
      if (grad != null) {
        Tensor _ = steps.count(parameter); // for whoever reads the state
        updateOne(parameter, grad, group.lr(parameter.device()), group.options());
      }
    }
  }

  private void updateOne(Tensor parameter, Tensor grad, Tensor lr, Options o) {
    Tensor direction = direction(parameter, grad, o.maximize, o.weightDecay);
    Tensor square = stateOrZeros(parameter, "square_avg").mul_(o.alpha).addcmul_(direction, direction, 1 - o.alpha);
    Tensor root;
    if (o.centered) {
      Tensor average = stateOrZeros(parameter, "grad_avg").lerp_(direction, 1 - o.alpha);
      root = square.addcmul(average, average, -1).sqrt_();
    } else {
      root = square.sqrt();
    }
    root.add_(o.eps);
    if (o.momentum > 0) {
      descend(parameter, lr, stateOrZeros(parameter, "momentum_buffer").mul_(o.momentum).addcdiv_(direction, root, 1));
    } else {
      descend(parameter, lr, direction, root);
    }
  }
}
