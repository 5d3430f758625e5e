package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// [BCELoss] of σ(input), computed without overflow: [Functional#binaryCrossEntropyWithLogits].
///
/// Shapes: input and target alike.
public final class BCEWithLogitsLoss extends Loss {
  private final @Nullable Tensor weight;
  private final @Nullable Tensor posWeight;

  /// The mean, with no weights.
  public BCEWithLogitsLoss() {
    this(null, Reduction.MEAN, null);
  }

  /// @param weight what each element counts, a buffer that broadcasts to the input; or null for all alike
  /// @param reduction what becomes of the elements' losses
  /// @param posWeight how much more than the others answers of yes count, a buffer; or null for as much
  public BCEWithLogitsLoss(@Nullable Tensor weight, Reduction reduction, @Nullable Tensor posWeight) {
    super(reduction);
    this.weight = weight == null ? null : buffer("weight", weight);
    this.posWeight = posWeight == null ? null : buffer("pos_weight", posWeight);
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.binaryCrossEntropyWithLogits(input, target, weight, reduction(), posWeight);
  }
}
