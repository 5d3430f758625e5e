package org.flambeau.autograd;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// What a derivative can look at: the operands and results that it named, as they were.
public interface Saved {
  /// Operand `i`, which the derivative's `saves` named.
  Tensor input(int i);

  /// Operand `i`, which the derivative's `saves` named, or null where it was not given.
  @Nullable Tensor inputOrNull(int i);

  /// Result `i`, where the derivative's `saves` named [Derivative#RESULT] (or [Derivative#result]).
  Tensor result(int i);

  /// The one result, or the first.
  default Tensor result() {
    return result(0);
  }

  /// Whether somebody needs the gradient of operand `i`.
  boolean needs(int i);

  /// The sizes of operand `i`, where its gradient is needed. The array is shared: do not change it.
  long[] sizes(int i);

  /// Whether operand `i` is of four dimensions and channels-last, where its gradient is needed.
  boolean isChannelsLast(int i);

  /// The dtype of operand `i`, where its gradient is needed.
  DType dtype(int i);
}
