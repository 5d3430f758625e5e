package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// What the larger of two numbers lacks to be larger by a margin: [Functional#marginRankingLoss], called with both and the target.
public final class MarginRankingLoss extends TernaryLoss {
  private final double margin;

  /// The mean, with a margin of 0.
  public MarginRankingLoss() {
    this(0, Reduction.MEAN);
  }

  /// The mean.
  ///
  /// @param margin by how much one is to be larger
  public MarginRankingLoss(double margin) {
    this(margin, Reduction.MEAN);
  }

  /// @param margin by how much one is to be larger
  /// @param reduction what becomes of the elements' losses
  public MarginRankingLoss(double margin, Reduction reduction) {
    super(reduction, "two inputs and a target");
    this.margin = margin;
  }

  @Override
  Tensor forward(Tensor input1, Tensor input2, Tensor target) {
    return Functional.marginRankingLoss(input1, input2, target, margin, reduction());
  }
}
