package org.flambeau.backend.cpu;

import java.util.Objects;

/// Products of float matrices that lie in the second-level cache, where the kernel that they are a part of left them: neither factor is
/// laid out anew. Rows and columns are computed in whole tiles, so that the matrices need room up to [#padded].
final class CachedProduct {
  /// So many rows of the right factor stay in the first-level cache while the rows of the left pass by.
  private static final int DEPTH = 128;

  private static final Vectorization VECTORS = Objects.requireNonNull(Vectorization.PRESENT, "fused kernels need vectors");
  static final int LANES = VECTORS.lanes();
  private static final ProductTile[] SET = tiles(false);
  private static final ProductTile[] ADD = tiles(true);
  static final int STRIP_COLUMNS = SET.length * LANES;

  /// Bytes between the rows of a strip.
  static final long STRIP_ROW = STRIP_COLUMNS * (long) Float.BYTES;

  private CachedProduct() {}

  private static ProductTile[] tiles(boolean adding) {
    ProductTile[] tiles = new ProductTile[VECTORS.widestTile()];
    for (int i = 0; i < tiles.length; i++) {
      tiles[i] = VECTORS.tile(i + 1, adding);
    }
    return tiles;
  }

  /// The columns up to which a matrix with `columns` needs room.
  static int padded(int columns) {
    return (columns + LANES - 1) / LANES * LANES;
  }

  /// The rows up to which a matrix with `rows` needs room.
  static int paddedRows(int rows) {
    return (rows + ProductTile.ROWS - 1) / ProductTile.ROWS * ProductTile.ROWS;
  }

  /// Bytes between the rows of a matrix with `columns`: vectors begin at their own alignment, and the rows of a column do not all fall
  /// into one set of the cache.
  static long pitch(int columns) {
    return (padded(columns) / LANES | 1L) * LANES * Float.BYTES;
  }

  /// Bytes of a right factor that lies in strips, each as wide as the widest tile: what is read in order, the processor fetches ahead.
  static long bytesInStrips(int rows, int columns) {
    return (columns + STRIP_COLUMNS - 1) / STRIP_COLUMNS * strip(rows);
  }

  /// Bytes of a strip of so many rows.
  static long strip(int rows) {
    return padded(rows) * STRIP_ROW;
  }

  /// C (rows, columns) = A·B, or C += A·B where `adding`; A's element (i, k) is at `a + i·aRow + k·aStep`, and B's strips are `bStrip` bytes
  /// apart.
  static void multiply(boolean adding, int rows, int columns, int depth, long a, long aRow, long aStep, long b, long bRow, long bStrip,
      long c, long cRow) {
    for (int from = 0; from < depth; from += DEPTH) {
      ProductTile[] tiles = adding || from > 0 ? ADD : SET;
      int deep = Math.min(DEPTH, depth - from);
      int vectors = padded(columns) / LANES;
      for (int s = 0; s * tiles.length < vectors; s++) {
        ProductTile tile = tiles[Math.min(tiles.length, vectors - s * tiles.length) - 1];
        long right = b + s * bStrip + from * bRow;
        long result = c + s * STRIP_ROW;
        for (int i = 0; i < rows; i += ProductTile.ROWS) {
          tile.run(deep, a + i * aRow + from * aStep, aRow, aStep, right, bRow, result + i * cRow, cRow);
        }
      }
    }
  }

  /// [#multiply] with a right factor in rows.
  static void multiply(boolean adding, int rows, int columns, int depth, long a, long aRow, long aStep, long b, long bRow, long c,
      long cRow) {
    multiply(adding, rows, columns, depth, a, aRow, aStep, b, bRow, STRIP_ROW, c, cRow);
  }

  /// [#multiply] of matrices without more room, of at least [ProductTile#ROWS] rows and [#LANES] columns: the tiles at their ends begin earlier, and
  /// compute once more what those before them did.
  static void multiplyExactly(int rows, int columns, int depth, long a, long aRow, long aStep, long b, long bRow, long c, long cRow) {
    int whole = columns / LANES;
    for (int vector = 0; vector < whole; vector += SET.length) {
      long at = (long) vector * LANES * Float.BYTES;
      multiplyColumns(SET[Math.min(SET.length, whole - vector) - 1], rows, depth, a, aRow, aStep, b + at, bRow, c + at, cRow);
    }
    if (columns % LANES > 0) {
      long at = (long) (columns - LANES) * Float.BYTES;
      multiplyColumns(SET[0], rows, depth, a, aRow, aStep, b + at, bRow, c + at, cRow);
    }
  }

  private static void multiplyColumns(ProductTile tile, int rows, int depth, long a, long aRow, long aStep, long b, long bRow, long c,
      long cRow) {
    for (int i = 0; i < rows; i += ProductTile.ROWS) {
      int first = Math.min(i, rows - ProductTile.ROWS);
      tile.run(depth, a + first * aRow, aRow, aStep, b, bRow, c + first * cRow, cRow);
    }
  }
}
