package org.flambeau.nn;

import org.flambeau.Tensor;

/// The largest elements of as many windows as the result has places: [Functional#adaptiveMaxPool2d].
///
/// Shapes: x (n, c, h, w) or (c, h, w) → (…, rows, columns).
public final class AdaptiveMaxPool2d extends Module {
  private final int rows;
  private final int columns;
  private final String outputSize;

  /// A result of `size` rows and columns.
  public AdaptiveMaxPool2d(int size) {
    this(size, size, Integer.toString(size));
  }

  /// A result of `rows` rows and `columns` columns.
  public AdaptiveMaxPool2d(int rows, int columns) {
    this(rows, columns, PythonText.tuple(rows, columns));
  }

  private AdaptiveMaxPool2d(int rows, int columns, String outputSize) {
    this.rows = rows;
    this.columns = columns;
    this.outputSize = outputSize;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.adaptiveMaxPool2d(x, rows, columns).values();
  }

  @Override
  protected String extraRepr() {
    return "output_size=" + outputSize;
  }
}
