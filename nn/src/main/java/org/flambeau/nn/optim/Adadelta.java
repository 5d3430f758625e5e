package org.flambeau.nn.optim;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.Tensor;

/// Adadelta: steps along the gradient, over the root of an average of its squares and times that of the steps', so that their size hardly depends on a
/// learning rate.
///
/// For each parameter p with gradient g, negated where `maximize`, and learning rate γ:
/// ```
/// g ← g + weightDecay·p
/// v ← rho·v + (1 − rho)·g²
/// d ← √(u + eps)/√(v + eps)·g
/// u ← rho·u + (1 − rho)·d²
/// p ← p − γ·d
/// ```
/// Reference: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", 2012.
public final class Adadelta extends Optimizer<Adadelta.Options> {
  /// How [Adadelta] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param lr the learning rate, 1 unless set
  /// @param rho how much of the averages stays from step to step, 0.9 unless set
  /// @param eps keeps both roots from 0, 10⁻⁶ unless set
  /// @param weightDecay how strongly parameters are drawn to 0
  /// @param maximize whether to climb rather than descend
  /// @param capturable whether steps can be part of a [org.flambeau.CudaGraph]
  public record Options(double lr, double rho, double eps, double weightDecay, boolean maximize, boolean capturable)
      implements
        OptimizerOptions<Options> {
    @Override
    public Options lr(double lr) {
      return new Options(lr, rho, eps, weightDecay, maximize, capturable);
    }

    /// These options with other averages.
    public Options rho(double rho) {
      return new Options(lr, rho, eps, weightDecay, maximize, capturable);
    }

    /// These options with another epsilon.
    public Options eps(double eps) {
      return new Options(lr, rho, eps, weightDecay, maximize, capturable);
    }

    /// These options with another weight decay.
    public Options weightDecay(double weightDecay) {
      return new Options(lr, rho, eps, weightDecay, maximize, capturable);
    }

    /// These options, climbing or descending.
    public Options maximize(boolean maximize) {
      return new Options(lr, rho, eps, weightDecay, maximize, capturable);
    }

    /// These options, with the learning rate and the count of steps on the device, for steps in a [org.flambeau.CudaGraph], or on the host.
    public Options capturable(boolean capturable) {
      return new Options(lr, rho, eps, weightDecay, maximize, capturable);
    }

    @Override
    public void validate() {
      OptimizerOptions.require("Adadelta", lr >= 0, "Invalid learning rate: ", lr);
      OptimizerOptions.require("Adadelta", rho >= 0 && rho <= 1, "Invalid rho value: ", rho);
      OptimizerOptions.require("Adadelta", eps >= 0, "Invalid epsilon value: ", eps);
      OptimizerOptions.require("Adadelta", weightDecay >= 0, "Invalid weight_decay value: ", weightDecay);
    }

    @Override
    public Map<String, Object> describe() {
      return new TreeMap<>(Map.of("lr", lr, "rho", rho, "eps", eps, "weight_decay", weightDecay, "maximize", maximize));
    }

    @Override
    public Options restore(SavedOptions saved) {
      return new Options(saved.number("lr"), saved.number("rho"), saved.number("eps"), saved.number("weight_decay"),
          saved.flag("maximize", maximize), capturable);
    }
  }

  /// PyTorch's defaults: a learning rate of 1, no weight decay.
  public static Options options() {
    return new Options(1, 0.9, 1e-6, 0, false, false);
  }

  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public Adadelta(Iterable<Tensor> parameters, Options options) {
    super(parameters, options);
  }

  /// With [#options()].
  public Adadelta(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// Of several groups, each with its options.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  public Adadelta(List<ParameterGroup<Options>> groups) {
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
    Tensor square = stateOrZeros(parameter, "square_avg").mul_(o.rho).addcmul_(direction, direction, 1 - o.rho);
    Tensor steps = stateOrZeros(parameter, "acc_delta");
    Tensor delta = steps.add(o.eps).sqrt_().div_(square.add(o.eps).sqrt_()).mul_(direction);
    steps.mul_(o.rho).addcmul_(delta, delta, 1 - o.rho);
    descend(parameter, lr, delta);
  }
}
