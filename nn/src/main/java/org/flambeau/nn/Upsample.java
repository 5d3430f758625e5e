package org.flambeau.nn;

import org.flambeau.Tensor;
import org.flambeau.nn.Functional.InterpolationMode;

/// Rows, images or volumes a number of times as large: [Functional#interpolateBy].
///
/// Shapes: x (n, c, l), (n, c, h, w) or (n, c, d, h, w) → the same with the last one, two or three sizes times `scale`, rounded down.
public final class Upsample extends Module {
  private final double scale;
  private final InterpolationMode mode;

  /// @param scale how many times as large
  public Upsample(double scale, InterpolationMode mode) {
    this.scale = scale;
    this.mode = mode;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.interpolateBy(x, mode, scale);
  }

  @Override
  protected String extraRepr() {
    return "scale_factor=" + PythonText.of(scale) + ", mode='" + mode.label() + "'";
  }
}
