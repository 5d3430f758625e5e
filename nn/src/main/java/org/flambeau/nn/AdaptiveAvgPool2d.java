package org.flambeau.nn;

import org.flambeau.Tensor;

/// The means of as many windows as the result has places: [Functional#adaptiveAvgPool2d].
///
/// Shapes: x (n, c, h, w) or (c, h, w) → (…, rows, columns).
public final class AdaptiveAvgPool2d extends Module {
  private final int rows;
  private final int columns;
  private final String outputSize;

  /// A result of `size` rows and columns.
  public AdaptiveAvgPool2d(int size) {
    this(size, size, Integer.toString(size));
  }

  /// A result of `rows` rows and `columns` columns.
  public AdaptiveAvgPool2d(int rows, int columns) {
    this(rows, columns, PythonText.tuple(rows, columns));
  }

  private AdaptiveAvgPool2d(int rows, int columns, String outputSize) {
    this.rows = rows;
    this.columns = columns;
    this.outputSize = outputSize;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.adaptiveAvgPool2d(x, rows, columns);
  }

  @Override
  protected String extraRepr() {
    return "output_size=" + outputSize;
  }
}
