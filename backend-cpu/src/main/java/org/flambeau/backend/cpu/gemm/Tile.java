package org.flambeau.backend.cpu.gemm;

/// The innermost product, of one element type: [#ROWS] rows of the result by three vectors of columns, which is what fits the
/// registers of every vector width with latency hidden (12 sums, 3 columns and 1 broadcast of 16 registers). Without vectors it is [PlainTile].
sealed interface Tile permits FloatTile, DoubleTile, PlainTile {
  int ROWS = 4;

  /// How many columns of the result one tile spans.
  int columns();

  /// Bytes of an element.
  int elementSize();

  /// C += A·B. A holds `depth` groups of [#ROWS] elements, B `depth` groups of [#columns()], C rows `pitch` bytes apart.
  /// There is no C = A·B: a choice here would make the compiler box the sums.
  void multiply(int depth, long a, long b, long c, long pitch);

  /// C += T for the first rows and columns of a tile whose rows are [#columns()] apart.
  void add(long tile, long c, long pitch, int rows, int columns);
}
