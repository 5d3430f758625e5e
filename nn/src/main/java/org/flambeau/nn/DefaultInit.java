package org.flambeau.nn;

import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// How linear layers and convolutions begin: uniformly within ±1/√(fan in).
final class DefaultInit {
  private DefaultInit() {}

  /// Draws the weight (out, in, …), then the bias, as PyTorch does: `kaiming_uniform_(weight, a=√5)`.
  static void reset(Tensor weight, @Nullable Tensor bias) {
    long fanIn = fanIn(weight);
    if (fanIn == 0) {
      return;
    }
    try (var _ = GradMode.noGrad()) {
      double std = Math.sqrt(2.0 / (1 + Math.pow(Math.sqrt(5), 2))) / Math.sqrt(fanIn);
      double bound = Math.sqrt(3) * std;
      weight.uniform_(-bound, bound);
      if (bias != null) {
        bias.uniform_(-1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
      }
    }
  }

  private static long fanIn(Tensor weight) {
    long fan = 1;
    for (int d = 1; d < weight.dim(); d++) {
      fan *= weight.size(d);
    }
    return fan;
  }
}
