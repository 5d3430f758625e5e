package org.flambeau.internal.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;

/// Updates of many parameters in one kernel call.
public final class OptimizerSteps {
  private static final Op<Unit> STEP = Op.notDifferentiable("optimizer_step");

  private OptimizerSteps() {}

  /// Whether the parameter, its gradient and its states can be changed in one kernel call: they lie alike, without gaps.
  public static boolean isFusable(FusedOp op, Tensor parameter, Tensor... others) {
    Strided p = parameter.strided();
    if (!p.dtype().isFloating() || !p.isContiguous() && !Arrays.equals(Layout.like(p).strides(), p.strides())) {
      return false;
    }
    for (Tensor other : others) {
      if (other.dtype() != p.dtype() || !other.device().equals(p.device())
          || !(p.isContiguous() && other.isContiguous()) && !Arrays.equals(other.strided().strides(), p.strides())) {
        return false;
      }
    }
    return Backends.kernels(p.device()).supports(op, p);
  }

  /// What a parameter updated in one kernel call must share with the others.
  public record Kind(Device device, DType dtype) {
    public static Kind of(Tensor parameter) {
      return new Kind(parameter.device(), parameter.dtype());
    }
  }

  /// One step of stochastic gradient descent; `velocities` has none without momentum, else one for each parameter. `lr` is of
  /// rank 0, on the host or on the parameters' device.
  public static void sgd(List<Tensor> parameters, List<Tensor> gradients, List<Tensor> velocities, boolean firstStep, Tensor lr,
      double momentum, double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    if (parameters.isEmpty()) {
      return;
    }
    List<Tensor> changed = new ArrayList<>(parameters);
    changed.addAll(velocities);
    STEP.runInPlace(parameters.getFirst().device(), changed, gradients,
        k -> k.sgdStep(strided(parameters), strided(gradients), velocities.isEmpty() ? null : strided(velocities), firstStep,
            lr.strided(), momentum, dampening, weightDecay, nesterov, maximize));
  }

  /// One step of Adam, the `step`th; `largest` has none without amsgrad, else one for each parameter. `lr` and `step` are
  /// of rank 0, on the host or on the parameters' device.
  public static void adam(List<Tensor> parameters, List<Tensor> gradients, List<Tensor> averages, List<Tensor> squares,
      List<Tensor> largest, Tensor lr, Tensor step, double beta1, double beta2, double eps, double weightDecay, boolean decoupled,
      boolean maximize) {
    List<Tensor> changed = Stream.of(parameters, averages, squares, largest).flatMap(List::stream).toList();
    STEP.runInPlace(parameters.getFirst().device(), changed, gradients,
        k -> k.adamStep(strided(parameters), strided(gradients), strided(averages), strided(squares),
            largest.isEmpty() ? null : strided(largest), lr.strided(), step.strided(), beta1, beta2, eps,
            weightDecay, decoupled, maximize));
  }

  static Strided[] strided(List<Tensor> tensors) {
    return tensors.stream().map(Tensor::strided).toArray(Strided[]::new);
  }
}
