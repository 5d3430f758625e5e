package org.flambeau.vision;

import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// Single random numbers, those that PyTorch draws.
final class Draws {
  private Draws() {}

  /// `torch.rand(1)`.
  static double unit(Generator random) {
    return Tensor.rand(random, DType.FLOAT32, 1).toDouble();
  }

  /// `torch.empty(1).uniform_(from, to)`.
  static double uniform(Generator random, double from, double to) {
    return Tensor.empty(1).uniform_(from, to, random).toDouble();
  }

  /// `torch.randint(0, n, (1,))`.
  static int below(Generator random, int n) {
    return (int) Tensor.randint(random, DType.INT64, 0, n, 1).toLong();
  }
}
