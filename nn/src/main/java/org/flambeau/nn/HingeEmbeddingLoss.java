package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// Distances, or what they lack to a margin: [Functional#hingeEmbeddingLoss].
public final class HingeEmbeddingLoss extends Loss {
  private final double margin;

  /// The mean, with a margin of 1.
  public HingeEmbeddingLoss() {
    this(1, Reduction.MEAN);
  }

  /// The mean.
  ///
  /// @param margin how far what is unlike is to be apart
  public HingeEmbeddingLoss(double margin) {
    this(margin, Reduction.MEAN);
  }

  /// @param margin how far what is unlike is to be apart
  /// @param reduction what becomes of the elements' losses
  public HingeEmbeddingLoss(double margin, Reduction reduction) {
    super(reduction);
    this.margin = margin;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.hingeEmbeddingLoss(input, target, margin, reduction());
  }
}
