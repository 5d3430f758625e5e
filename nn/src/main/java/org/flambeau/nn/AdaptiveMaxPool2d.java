package org.flambeau.nn;

import org.flambeau.Tensor;

/// The largest elements of as many windows as the result has places: [Functional#adaptiveMaxPool2d].
///
/// Shapes: x (n, c, h, w) or (c, h, w) → (…, rows, columns).
public final class AdaptiveMaxPool2d extends Module {
  private final int rows;
  private final int columns;

  /// A result of `rows` rows and `columns` columns.
  public AdaptiveMaxPool2d(int rows, int columns) {
    this.rows = rows;
    this.columns = columns;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.adaptiveMaxPool2d(x, rows, columns).values();
  }

  @Override
  protected String extraRepr() {
    return "output_size=" + PythonText.tuple(rows, columns);
  }
}
