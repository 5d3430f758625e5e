package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// How unlikely targets are under a normal distribution: [Functional#gaussianNllLoss], called with means, targets and variances.
public final class GaussianNLLLoss extends TernaryLoss {
  private final boolean full;
  private final double eps;

  /// The mean, without the constant, of variances of at least 10⁻⁶.
  public GaussianNLLLoss() {
    this(false, 1e-6, Reduction.MEAN);
  }

  /// @param full whether to add the constant
  /// @param eps what variances count at least
  /// @param reduction what becomes of the elements' losses
  public GaussianNLLLoss(boolean full, double eps, Reduction reduction) {
    super(reduction, "an input, a target and a variance");
    this.full = full;
    this.eps = eps;
  }

  @Override
  Tensor forward(Tensor input, Tensor target, Tensor var) {
    return Functional.gaussianNllLoss(input, target, var, full, eps, reduction());
  }
}
