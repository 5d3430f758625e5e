package org.flambeau.backend.cpu;

/// One [Fold] over contiguous rows of one compute type.
public interface Reducer {
  /// All of a row, as the bits of a double, or for [Compute#LONG] as a long. Of floats, at most some thousand, so that the
  /// rounding errors stay few.
  long row(long x, int n, double parameter);

  /// `acc[j] = combine(acc[j], map(x[r][j], parameters[j]))` for each of `rows` rows that lie `stride` bytes apart.
  void rows(long acc, long x, long stride, int rows, long parameters, int n);
}
