package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// How far two vectors are from pointing the same way, or apart: [Functional#cosineEmbeddingLoss], called with both and the target.
public final class CosineEmbeddingLoss extends TernaryLoss {
  private final double margin;

  /// The mean, with a margin of 0.
  public CosineEmbeddingLoss() {
    this(0, Reduction.MEAN);
  }

  /// The mean.
  ///
  /// @param margin which cosine costs nothing where vectors are to differ
  public CosineEmbeddingLoss(double margin) {
    this(margin, Reduction.MEAN);
  }

  /// @param margin which cosine costs nothing where vectors are to differ
  /// @param reduction what becomes of the samples' losses
  public CosineEmbeddingLoss(double margin, Reduction reduction) {
    super(reduction, "two inputs and a target");
    this.margin = margin;
  }

  @Override
  Tensor forward(Tensor input1, Tensor input2, Tensor target) {
    return Functional.cosineEmbeddingLoss(input1, input2, target, margin, reduction());
  }
}
