package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// `|x − y|`: [Functional#l1Loss].
public final class L1Loss extends Loss {
  /// The mean.
  public L1Loss() {
    this(Reduction.MEAN);
  }

  /// @param reduction what becomes of the elements' losses
  public L1Loss(Reduction reduction) {
    super(reduction);
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.l1Loss(input, target, reduction());
  }
}
