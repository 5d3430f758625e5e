package org.flambeau.nn;

import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// The normal distribution within bounds, drawn by rejection: where the bounds hold enough of its mass, from the whole distribution;
/// else uniformly from between them, accepted by the density.
record TruncatedNormal(double mean, double std, double low, double high, Generator generator) {
  private static final double ENOUGH = 0.3;

  void fill(Tensor out) {
    if (below(high) - below(low) > ENOUGH) {
      drawUnbounded(out);
    } else {
      drawBetweenBounds(out);
    }
  }

  /// How much of the distribution lies below x.
  private double below(double x) {
    return (1 + Tensor.scalar((x - mean) / std / Math.sqrt(2)).erf().toDouble()) / 2;
  }

  private void drawUnbounded(Tensor out) {
    // an element that has a bound's value in its own dtype is within
    Tensor lowest = Tensor.scalar(low).to(out.dtype()).to(out.device());
    Tensor highest = Tensor.scalar(high).to(out.dtype()).to(out.device());
    out.normal_(mean, std, generator);
    while (true) {
      Tensor outside = out.lt(lowest).logicalOr(out.gt(highest));
      if (!outside.any().toBoolean()) {
        return;
      }
      out.copy_(Tensor.where(outside, Tensor.emptyLike(out).normal_(mean, std, generator), out));
    }
  }

  private void drawBetweenBounds(Tensor out) {
    double peak = logDensity(Math.clamp(mean, low, high));
    Tensor candidates = Tensor.emptyLike(out);
    Tensor pending = Tensor.onesLike(out).to(DType.BOOL);
    do {
      candidates.uniform_(low, high, generator);
      out.copy_(Tensor.where(pending, candidates, out));
      Tensor logDensity = candidates.sub(mean).div_(std).pow_(2).mul_(-0.5).sub_(peak);
      pending = pending.logicalAnd(Tensor.emptyLike(out).uniform_(0, 1, generator).log_().gt(logDensity));
    } while (pending.any().toBoolean());
  }

  private double logDensity(double x) {
    return -0.5 * Math.pow((x - mean) / std, 2);
  }
}
