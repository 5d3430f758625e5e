package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// How badly probabilities predict answers of yes and no: [Functional#binaryCrossEntropy].
///
/// Shapes: input and target alike.
public final class BCELoss extends Loss {
  private final @Nullable Tensor weight;

  /// The mean, with no weights.
  public BCELoss() {
    this(null, Reduction.MEAN);
  }

  /// @param weight what each element counts, a buffer that broadcasts to the input; or null for all alike
  /// @param reduction what becomes of the elements' losses
  public BCELoss(@Nullable Tensor weight, Reduction reduction) {
    super(reduction);
    this.weight = weight == null ? null : buffer("weight", weight);
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.binaryCrossEntropy(input, target, weight, reduction());
  }
}
