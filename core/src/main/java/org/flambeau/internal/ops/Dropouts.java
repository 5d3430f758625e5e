package org.flambeau.internal.ops;

import java.util.Arrays;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.spi.Distribution;

/// Elements zeroed at random.
public final class Dropouts {
  private Dropouts() {}

  /// x·b/(1 − p) with b = 0 with probability p, else 1; drawn as PyTorch's CPU generator draws them, in the order in which x lies in memory.
  public static Tensor dropout(Tensor x, double p) {
    return dropout("dropout", x, p, Layout.like(x.strided()));
  }

  /// [#dropout] of whole channels: x (n, c, …) by one draw for each of the n·c.
  public static Tensor featureDropout(Tensor x, double p) {
    if (x.dim() < 2) {
      throw new IllegalArgumentException("[feature_dropout] Feature dropout requires at least 2 dimensions in the input");
    }
    long[] sizes = x.sizes();
    Arrays.fill(sizes, 2, sizes.length, 1);
    return dropout("feature_dropout", x, p, Layout.contiguous(sizes));
  }

  /// [#dropout] of whole samples: x (n, …) by one draw for each of the n.
  public static Tensor stochasticDepth(Tensor x, double p) {
    if (x.dim() < 1) {
      throw new IllegalArgumentException("[stochastic_depth] expected samples (n, …), got a tensor without dimensions");
    }
    long[] sizes = x.sizes();
    Arrays.fill(sizes, 1, sizes.length, 1);
    return dropout("stochastic_depth", x, p, Layout.contiguous(sizes));
  }

  private static Tensor dropout(String op, Tensor x, double p, Layout draws) {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[" + op + "] dropout probability has to be between 0 and 1, but got " + p);
    }
    if (p == 0 || x.numel() == 0) {
      return x;
    }
    Promotion.requireFloat(op, x);
    if (p == 1) {
      return x.mul(Tensor.zeros(x.device(), x.dtype()));
    }
    Tensor noise = Creation.empty(x.device(), x.dtype(), draws);
    Creation.randomInPlace(noise, Distribution.BERNOULLI, 1 - p, 0, Generator.defaultOf(x.device()));
    return x.mul(noise.div_(1 - p));
  }
}
