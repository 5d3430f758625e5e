package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// `(x − y)²/2` where `|x − y| ≤ delta`, else `delta·(|x − y| − delta/2)`: [Functional#huberLoss].
///
/// Reference: Huber, "Robust Estimation of a Location Parameter", 1964.
public final class HuberLoss extends Loss {
  private final double delta;

  /// The mean, with a delta of 1.
  public HuberLoss() {
    this(Reduction.MEAN, 1);
  }

  /// @param reduction what becomes of the elements' losses
  /// @param delta from which distance on the loss is linear
  public HuberLoss(Reduction reduction, double delta) {
    super(reduction);
    this.delta = delta;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.huberLoss(input, target, reduction(), delta);
  }
}
