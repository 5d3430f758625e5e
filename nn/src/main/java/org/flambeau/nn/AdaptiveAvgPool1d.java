package org.flambeau.nn;

import org.flambeau.Tensor;

/// The means of as many windows of a row as the result has places: [Functional#adaptiveAvgPool1d].
///
/// Shapes: x (n, c, l) or (c, l) → (…, size).
public final class AdaptiveAvgPool1d extends Module {
  private final int size;

  /// Rows of `size` places.
  public AdaptiveAvgPool1d(int size) {
    this.size = size;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.adaptiveAvgPool1d(x, size);
  }

  @Override
  protected String extraRepr() {
    return "output_size=" + size;
  }
}
