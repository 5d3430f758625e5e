package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// The Kullback-Leibler divergence of probabilities from log-probabilities: [Functional#klDiv].
///
/// By its definition it is reduced with [Reduction#BATCH_MEAN].
public final class KLDivLoss extends Loss {
  private final boolean logTarget;

  /// The mean over all elements, of probabilities.
  public KLDivLoss() {
    this(Reduction.MEAN, false);
  }

  /// @param reduction what becomes of the elements' losses
  /// @param logTarget whether targets are log-probabilities too
  public KLDivLoss(Reduction reduction, boolean logTarget) {
    super(reduction);
    this.logTarget = logTarget;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.klDiv(input, target, reduction(), logTarget);
  }
}
