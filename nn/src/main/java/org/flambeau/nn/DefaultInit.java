package org.flambeau.nn;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// How linear layers and convolutions begin: uniformly within ±1/√(fan in).
final class DefaultInit {
  private DefaultInit() {}

  /// Draws the weight (out, in, …), then the bias.
  static void reset(Tensor weight, @Nullable Tensor bias) {
    long fanIn = weight.size(0) == 0 ? 0 : weight.numel() / weight.size(0);
    if (fanIn == 0) {
      return;
    }
    Init.kaimingUniform_(weight, Math.sqrt(5), Init.FanMode.FAN_IN, Init.Nonlinearity.LEAKY_RELU);
    if (bias != null) {
      Init.uniform_(bias, -1 / Math.sqrt(fanIn), 1 / Math.sqrt(fanIn));
    }
  }
}
