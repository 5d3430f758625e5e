package org.flambeau.backend.cpu;

/// The innermost loop of [CachedProduct]: [#ROWS] rows of a product by some vectors of columns, summed up in registers.
@FunctionalInterface
public interface ProductTile {
  int ROWS = 4;

  /// C = A·B, or C += A·B. A's element (i, k) is at `a + i·aRow + k·aStep`, B's rows are `bRow` bytes apart and C's `cRow`.
  void run(int depth, long a, long aRow, long aStep, long b, long bRow, long c, long cRow);
}
