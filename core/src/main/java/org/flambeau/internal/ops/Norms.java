package org.flambeau.internal.ops;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// The derivative of vector norms; at 0, where there is none, it is 0. A count has none at all.
final class Norms {
  private Norms() {}

  static @Nullable Tensor backward(Tensor grad, Tensor x, Tensor result, Reductions.Over over) {
    long[] sizes = x.sizes();
    double p = over.parameter();
    if (p == 0) {
      return null;
    }
    Tensor g = Reductions.spread(grad, sizes, over);
    Tensor norm = Reductions.spread(result, sizes, over);
    if (p == 1) {
      return g.mul(x.sign());
    }
    if (p == 2) {
      return g.mul(x.div(norm).maskedFill(norm.eq(0), 0));
    }
    if (Double.isInfinite(p)) {
      Tensor mask = x.abs().eq(norm).logicalOr(x.isnan()).to(x.dtype());
      return g.mul(x.sign()).mul(mask.div(mask.sum(over.dims(), true)));
    }
    Tensor scaled = x.mul(x.abs().pow(p - 2)).div(norm.pow(p - 1));
    return g.mul(scaled.maskedFill(norm.eq(0).logicalOr(x.eq(0)), 0));
  }
}
