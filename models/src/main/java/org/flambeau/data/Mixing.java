package org.flambeau.data;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// What [MixUp] and [CutMix] have in common.
final class Mixing {
  private Mixing() {}

  static void requireParameters(String name, int classes, double alpha) {
    if (classes < 1 || !(alpha > 0)) {
      throw new IllegalArgumentException("[" + name + "] expected classes from 1 and an alpha above 0, got " + classes + " and " + alpha);
    }
  }

  static void requireImages(String name, int classes, Batch batch) {
    Tensor target = batch.target();
    if (batch.input().dim() != 4 || target.dim() < 1 || target.dim() > 2 || batch.size() != target.size(0)
        || target.dim() == 2 && target.size(1) != classes) {
      throw new IllegalArgumentException("[" + name + "] expected images (n, c, h, w) and labels (n) or probabilities (n, " + classes
          + "), got " + Arrays.toString(batch.input().sizes()) + " and " + Arrays.toString(target.sizes()));
    }
  }

  /// `share` of each sample and the rest of the one before it.
  static Tensor blend(Tensor x, double share) {
    return x.roll(1, 0).mul_(1 - share).add_(x.mul(share));
  }

  /// [#blend] of probabilities, which labels become first.
  static Tensor targets(Tensor target, int classes, double share) {
    Tensor probabilities = target.dim() == 1 ? target.oneHot(classes) : target;
    return blend(probabilities.dtype().isFloating() ? probabilities : probabilities.to(DType.FLOAT32), share);
  }

  /// A number between 0 and 1 that is Beta(α, α) distributed: the one that PyTorch draws.
  static double beta(Generator random, double alpha) {
    double one = gamma(random, (float) alpha);
    double other = gamma(random, (float) alpha);
    return Math.clamp((float) (one / (one + other)), Float.MIN_NORMAL, Math.nextDown(1f));
  }

  /// Reference: Marsaglia and Tsang, "A Simple Method for Generating Gamma Variables", 2000.
  private static double gamma(Generator random, double alpha) {
    double scale = alpha < 1 ? Math.pow(1 - uniform(random), 1 / alpha) : 1;
    double shape = alpha < 1 ? alpha + 1 : alpha;
    double d = shape - 1f / 3f;
    double c = 1 / Math.sqrt(9 * d);
    while (true) {
      double x = normal(random);
      double y = 1 + c * x;
      if (y > 0) {
        double v = y * y * y;
        double u = 1 - uniform(random);
        double xx = x * x;
        if (u < 1 - 0.0331f * xx * xx || Math.log(u) < 0.5 * xx + d * (1 - v + Math.log(v))) {
          return scale * d * v;
        }
      }
    }
  }

  private static double uniform(Generator random) {
    return Tensor.empty(DType.FLOAT64, 1).uniform_(0, 1, random).toDouble();
  }

  private static double normal(Generator random) {
    return Tensor.empty(DType.FLOAT64, 1).normal_(0, 1, random).toDouble();
  }
}
