package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Minus the log-probabilities of the right classes: [Functional#nllLoss].
///
/// Shapes: input (classes), (n, classes) or (n, classes, …); target the same without classes, int64 or uint8.
public final class NLLLoss extends Loss {
  private final @Nullable Tensor weight;
  private final long ignoreIndex;

  /// The mean, with no weights.
  public NLLLoss() {
    this(null, Reduction.MEAN, Functional.IGNORE_INDEX);
  }

  /// @param weight what each class counts, a buffer; or null for all alike
  /// @param reduction what becomes of the places' losses
  /// @param ignoreIndex the class whose places do not count
  public NLLLoss(@Nullable Tensor weight, Reduction reduction, long ignoreIndex) {
    super(reduction);
    this.weight = weight == null ? null : buffer("weight", weight);
    this.ignoreIndex = ignoreIndex;
  }

  @Override
  protected Tensor forward(Tensor input, Tensor target) {
    return Functional.nllLoss(input, target, weight, reduction(), ignoreIndex);
  }
}
