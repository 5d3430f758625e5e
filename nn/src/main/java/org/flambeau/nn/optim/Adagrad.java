package org.flambeau.nn.optim;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.flambeau.DType;
import org.flambeau.Tensor;

/// Adagrad: steps along the gradient, over the root of the sum of all its squares.
///
/// For each parameter p with gradient g, negated where `maximize`, learning rate γ and in step t:
/// ```
/// g ← g + weightDecay·p
/// s ← s + g²
/// p ← p − γ/(1 + (t − 1)·lrDecay)·g/(√s + eps)
/// ```
/// Reference: Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.
public final class Adagrad extends Optimizer<Adagrad.Options> {
  private static final String SUM = "sum";

  /// How [Adagrad] goes. Immutable: methods with an argument return changed copies.
  ///
  /// @param lr the learning rate, 0.01 unless set
  /// @param lrDecay how fast the learning rate falls
  /// @param weightDecay how strongly parameters are drawn to 0
  /// @param initialAccumulatorValue what the sums of squares start from
  /// @param eps keeps the divisor from 0, 10⁻¹⁰ unless set
  /// @param maximize whether to climb rather than descend
  /// @param capturable whether steps can be part of a [org.flambeau.CudaGraph]; PyTorch's cannot
  public record Options(double lr, double lrDecay, double weightDecay, double initialAccumulatorValue, double eps, boolean maximize,
      boolean capturable)
      implements
        OptimizerOptions<Options> {
    @Override
    public Options lr(double lr) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    /// These options with another decay of the learning rate.
    public Options lrDecay(double lrDecay) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    /// These options with another weight decay.
    public Options weightDecay(double weightDecay) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    /// These options with another start of the sums.
    public Options initialAccumulatorValue(double initialAccumulatorValue) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    /// These options with another epsilon.
    public Options eps(double eps) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    /// These options, climbing or descending.
    public Options maximize(boolean maximize) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    /// These options, with the learning rate and the count of steps on the device, for steps in a [org.flambeau.CudaGraph], or on the host.
    public Options capturable(boolean capturable) {
      return new Options(lr, lrDecay, weightDecay, initialAccumulatorValue, eps, maximize, capturable);
    }

    @Override
    public void validate() {
      OptimizerOptions.require("Adagrad", lr >= 0, "Invalid learning rate: ", lr);
      OptimizerOptions.require("Adagrad", lrDecay >= 0, "Invalid lr_decay value: ", lrDecay);
      OptimizerOptions.require("Adagrad", weightDecay >= 0, "Invalid weight_decay value: ", weightDecay);
      OptimizerOptions.require("Adagrad", initialAccumulatorValue >= 0, "Invalid initial_accumulator_value value: ",
          initialAccumulatorValue);
      OptimizerOptions.require("Adagrad", eps >= 0, "Invalid epsilon value: ", eps);
    }

    @Override
    public Map<String, Object> describe() {
      return new TreeMap<>(Map.of("lr", lr, "lr_decay", lrDecay, "weight_decay", weightDecay, "initial_accumulator_value",
          initialAccumulatorValue, "eps", eps, "maximize", maximize));
    }

    @Override
    public Options restore(SavedOptions saved) {
      return new Options(saved.number("lr"), saved.number("lr_decay"), saved.number("weight_decay"),
          saved.number("initial_accumulator_value"), saved.number("eps"), saved.flag("maximize", maximize), capturable);
    }
  }

  /// PyTorch's defaults: a learning rate of 0.01 that does not decay.
  public static Options options() {
    return new Options(1e-2, 0, 0, 0, 1e-10, false, false);
  }

  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public Adagrad(Iterable<Tensor> parameters, Options options) {
    super(parameters, options);
  }

  /// With [#options()].
  public Adagrad(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// Of several groups, each with its options.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  public Adagrad(List<ParameterGroup<Options>> groups) {
    super(groups);
  }

  @Override
  protected void update(ParameterGroup<Options> group, List<Tensor> parameters) {
    StepCounts steps = new StepCounts(this, group);
    for (Tensor parameter : parameters) {
      Tensor grad = parameter.grad();
      if (grad != null) {
        updateOne(parameter, grad, group.lr(parameter.device()), steps.count(parameter), group.options());
      }
    }
  }

  private void updateOne(Tensor parameter, Tensor grad, Tensor lr, Tensor step, Options o) {
    Tensor direction = direction(parameter, grad, o.maximize, o.weightDecay);
    Tensor sum = sumOf(parameter, o).addcmul_(direction, direction, 1);
    Tensor rate = o.lrDecay == 0 ? lr : lr.div(step.to(DType.FLOAT64).sub(1).mul(o.lrDecay).add(1));
    descend(parameter, rate, direction, sum.sqrt().add_(o.eps));
  }

  @Override
  void begin(Tensor parameter, Options o) {
    Tensor _ = remember(parameter, STEP, Tensor.scalar(0f));
    Tensor _ = sumOf(parameter, o);
  }

  private Tensor sumOf(Tensor parameter, Options o) {
    Tensor sum = state(parameter, SUM);
    return sum != null ? sum : remember(parameter, SUM, Tensor.fullLike(parameter, o.initialAccumulatorValue));
  }
}
