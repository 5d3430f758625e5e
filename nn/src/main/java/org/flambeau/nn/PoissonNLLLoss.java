package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// How unlikely counts are under a Poisson distribution: [Functional#poissonNllLoss].
public final class PoissonNLLLoss extends Loss {
  private final boolean logInput;
  private final boolean full;
  private final double eps;

  /// The mean, of logarithms of rates, without log y!.
  public PoissonNLLLoss() {
    this(true, false, 1e-8, Reduction.MEAN);
  }

  /// @param logInput whether it is called with logarithms of rates
  /// @param full whether to add an approximation of log y!
  /// @param eps what to add to rates before their logarithm
  /// @param reduction what becomes of the elements' losses
  public PoissonNLLLoss(boolean logInput, boolean full, double eps, Reduction reduction) {
    super(reduction);
    this.logInput = logInput;
    this.full = full;
    this.eps = eps;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.poissonNllLoss(input, target, logInput, full, eps, reduction());
  }
}
