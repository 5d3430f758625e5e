package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// How badly scores predict classes, or probabilities of classes: [Functional#crossEntropy].
///
/// Shapes: input (classes), (n, classes) or (n, classes, …); target the same without classes, int64 or uint8, or the same, float.
public final class CrossEntropyLoss extends Loss {
  private final @Nullable Tensor weight;
  private final long ignoreIndex;
  private final double labelSmoothing;

  /// The mean, with no weights and no smoothing.
  public CrossEntropyLoss() {
    this(null, Reduction.MEAN, Functional.IGNORE_INDEX, 0);
  }

  /// @param weight what each class counts, a buffer; or null for all alike
  /// @param reduction what becomes of the places' losses
  /// @param ignoreIndex the class whose places do not count
  /// @param labelSmoothing how much of each target all classes share
  public CrossEntropyLoss(@Nullable Tensor weight, Reduction reduction, long ignoreIndex, double labelSmoothing) {
    super(reduction);
    this.weight = weight == null ? null : buffer("weight", weight);
    this.ignoreIndex = ignoreIndex;
    this.labelSmoothing = labelSmoothing;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.crossEntropy(input, target, weight, reduction(), ignoreIndex, labelSmoothing);
  }
}
