package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

/// One [Fold] over contiguous rows of one compute type.
public interface Reducer {
  /// All of a row, as the bits of a double, or for [Compute#LONG] as a long. Of floats, at most some thousand, so that the
  /// rounding errors stay few.
  long row(long x, int n, double parameter);

  /// Each of `rows` rows that lie `stride` bytes apart, into `results`, as [#row] but for the order of its elements.
  default void each(long results, long x, long stride, int rows, int n, double parameter) {
    for (int row = 0; row < rows; row++) {
      ALL.set(LONG, results + 8L * row, row(x + row * stride, n, parameter));
    }
  }

  /// `acc[j] = combine(acc[j], map(x[r][j], parameters[j]))` for each of `rows` rows that lie `stride` bytes apart.
  void rows(long acc, long x, long stride, int rows, long parameters, int n);
}
