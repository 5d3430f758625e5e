package org.flambeau.nn;

import org.flambeau.Tensor;

/// Channels laid out as pixels: [Functional#pixelShuffle].
///
/// Shapes: x (…, c·factor², h, w) → (…, c, h·factor, w·factor).
public final class PixelShuffle extends Module {
  private final int factor;

  /// Images `factor` times as large in both dimensions.
  public PixelShuffle(int factor) {
    this.factor = Sizes.positive("PixelShuffle", "upscale_factor", factor);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.pixelShuffle(x, factor);
  }

  @Override
  protected String extraRepr() {
    return "upscale_factor=" + factor;
  }
}
