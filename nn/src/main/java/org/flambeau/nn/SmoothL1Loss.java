package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// `(x − y)²/(2·beta)` where `|x − y| < beta`, else `|x − y| − beta/2`: [Functional#smoothL1Loss].
///
/// Reference: Girshick, "Fast R-CNN", 2015.
public final class SmoothL1Loss extends Loss {
  private final double beta;

  /// The mean, with a beta of 1.
  public SmoothL1Loss() {
    this(Reduction.MEAN, 1);
  }

  /// @param reduction what becomes of the elements' losses
  /// @param beta from which distance on the loss is linear
  public SmoothL1Loss(Reduction reduction, double beta) {
    super(reduction);
    this.beta = beta;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.smoothL1Loss(input, target, reduction(), beta);
  }
}
