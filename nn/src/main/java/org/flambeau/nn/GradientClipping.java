package org.flambeau.nn;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.MultiTensor;

/// Keeps gradients from becoming too large, between `backward()` and an optimizer's step. Parameters without a gradient do not count.
public final class GradientClipping {
  private static final double EPS = 1e-6;

  private GradientClipping() {}

  private static List<Tensor> gradientsOf(Iterable<Tensor> parameters) {
    List<Tensor> gradients = new ArrayList<>();
    for (Tensor parameter : parameters) {
      Tensor gradient = parameter.grad();
      if (gradient != null) {
        gradients.add(gradient);
      }
    }
    return gradients;
  }

  /// [#clipGradNorm_(Iterable, double, double, boolean)] by the norm of order 2, whatever comes.
  public static Tensor clipGradNorm_(Iterable<Tensor> parameters, double maxNorm) {
    return clipGradNorm_(parameters, maxNorm, 2, false);
  }

  /// Scales all gradients in place by `min(1, maxNorm/(norm + 10⁻⁶))`, the norm being that of all of them as one vector.
  ///
  /// Reference: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
  ///
  /// The norm stays on the device of the gradients: nothing waits for it but a refusal of what is not finite.
  ///
  /// @param normType the order of the norm, which may be infinite
  /// @param errorIfNonfinite whether to refuse a norm that is infinite or NaN
  /// @return the norm, before the clipping
  /// @throws ArithmeticException if the norm is not finite, where that is refused; no gradient has changed then
  public static Tensor clipGradNorm_(Iterable<Tensor> parameters, double maxNorm, double normType, boolean errorIfNonfinite) {
    try (var _ = GradMode.noGrad(); var scope = MemoryScope.open()) {
      List<Tensor> gradients = gradientsOf(parameters);
      Tensor norm = scope.keep(MultiTensor.norm(gradients, normType));
      if (errorIfNonfinite && !norm.isfinite().toBoolean()) {
        throw new ArithmeticException("[clip_grad_norm_] The total norm of order " + normType + " for gradients from `parameters` is "
            + "non-finite, so it cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, pass "
            + "false for errorIfNonfinite");
      }
      MultiTensor.scale_(gradients, norm.add(EPS).rdiv(maxNorm).clampMax(1));
      return norm;
    }
  }

  /// Limits each element of each gradient to [−clipValue, clipValue], in place.
  public static void clipGradValue_(Iterable<Tensor> parameters, double clipValue) {
    try (var _ = GradMode.noGrad()) {
      gradientsOf(parameters).forEach(gradient -> gradient.clamp_(-clipValue, clipValue));
    }
  }
}
