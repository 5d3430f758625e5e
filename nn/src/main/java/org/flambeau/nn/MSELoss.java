package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// `(x − y)²`: [Functional#mseLoss].
public final class MSELoss extends Loss {
  /// The mean.
  public MSELoss() {
    this(Reduction.MEAN);
  }

  /// @param reduction what becomes of the elements' losses
  public MSELoss(Reduction reduction) {
    super(reduction);
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.mseLoss(input, target, reduction());
  }
}
