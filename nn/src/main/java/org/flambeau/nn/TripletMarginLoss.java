package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// What an anchor lacks to be nearer to its like than to others by a margin: [Functional#tripletMarginLoss], called with anchor, positive and
/// negative.
public final class TripletMarginLoss extends TernaryLoss {
  private final double margin;
  private final double p;
  private final double eps;
  private final boolean swap;

  /// The mean, with a margin of 1 and Euclidean distances.
  public TripletMarginLoss() {
    this(1, 2, 1e-6, false, Reduction.MEAN);
  }

  /// The mean, with Euclidean distances.
  ///
  /// @param margin by how much the negative is to be farther away
  public TripletMarginLoss(double margin) {
    this(margin, 2, 1e-6, false, Reduction.MEAN);
  }

  /// @param margin by how much the negative is to be farther away
  /// @param p the order of the norm
  /// @param eps what to add to differences
  /// @param swap whether the distance of positive and negative counts where it is smaller
  /// @param reduction what becomes of the samples' losses
  /// @throws IllegalArgumentException if the margin is not positive
  public TripletMarginLoss(double margin, double p, double eps, boolean swap, Reduction reduction) {
    super(reduction, "an anchor, a positive and a negative");
    if (!(margin > 0)) {
      throw new IllegalArgumentException("[TripletMarginLoss] expected margin to be greater than 0, got " + margin + " instead");
    }
    this.margin = margin;
    this.p = p;
    this.eps = eps;
    this.swap = swap;
  }

  @Override
  Tensor forward(Tensor anchor, Tensor positive, Tensor negative) {
    return Functional.tripletMarginLoss(anchor, positive, negative, margin, p, eps, swap, reduction());
  }
}
