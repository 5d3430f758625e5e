package org.flambeau.internal.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;

/// Updates of many parameters in one kernel call.
public final class OptimizerSteps {
  private static final Op<Unit> SGD = Op.notDifferentiable("sgd_step");

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

  /// One step of stochastic gradient descent; `velocities` has none without momentum, else one for each parameter.
  public static void sgd(List<Tensor> parameters, List<Tensor> gradients, List<Tensor> velocities, boolean firstStep, double lr,
      double momentum,
      double dampening, double weightDecay, boolean nesterov, boolean maximize) {
    if (parameters.isEmpty()) {
      return;
    }
    List<Tensor> changed = new ArrayList<>(parameters);
    changed.addAll(velocities);
    SGD.runInPlace(parameters.getFirst().device(), changed, gradients,
        k -> k.sgdStep(strided(parameters), strided(gradients), velocities.isEmpty() ? null : strided(velocities), firstStep,
            Tensor.number(lr).strided(), momentum, dampening, weightDecay, nesterov, maximize));
  }

  private static Strided[] strided(List<Tensor> tensors) {
    return tensors.stream().map(Tensor::strided).toArray(Strided[]::new);
  }
}
