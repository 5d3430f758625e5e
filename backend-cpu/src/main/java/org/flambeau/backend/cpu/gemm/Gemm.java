package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;

import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.Allocator;

/// C += A·B in blocks that fit the caches, after Goto and van de Geijn, "Anatomy of High-Performance Matrix
/// Multiplication" (2008): each task computes one block of C; it lays out the parts of A and B that it needs so that [Tile] reads
/// both in order.
final class Gemm {
  /// A strip of B of this many bytes stays in the first-level cache while the rows of A pass by.
  private static final int STRIP_BYTES = 24 << 10;

  private static final int BLOCK_ROWS = 48 * Tile.ROWS;
  private static final int BLOCK_STRIPS = 10;

  /// A thread's share is at least this many floating-point operations.
  private static final long PARALLEL = 1 << 19;

  private final Allocator allocator;
  private final Tile tile;
  private final int size;
  private final int width;
  private final int depth;

  Gemm(Allocator allocator, Tile tile) {
    this.allocator = allocator;
    this.tile = tile;
    this.size = tile.elementSize();
    this.width = tile.columns();
    this.depth = STRIP_BYTES / (width * size);
  }

  /// Where the product number `batch` of a batch comes from and goes to: C's rows lie `pitch` elements apart.
  interface Batch {
    Panels a(long batch);

    Panels b(long batch);

    long c(long batch);
  }

  /// `m`, `n` and `k` are at least 1.
  void multiply(long batches, long m, long n, long k, Batch batch, long pitch) {
    int rows = blockRows(batches, m, n);
    int columns = BLOCK_STRIPS * width;
    long down = ceilDiv(m, rows);
    long across = ceilDiv(n, columns);
    long work = 2L * Math.min(m, rows) * Math.min(n, columns) * k;
    CpuPool.SHARED.parallelFor(0, batches * down * across, ceilDiv(PARALLEL, work), (begin, end) -> {
      for (long t = begin; t < end; t++) {
        long b = t / (down * across);
        long row = t / across % down * rows;
        long column = t % across * columns;
        block(batch.a(b), batch.b(b), batch.c(b) + (row * pitch + column) * size, pitch * size, row, (int) Math.min(rows, m - row), column,
            (int) Math.min(columns, n - column), k);
      }
    });
  }

  /// Fewer rows than fit the cache where there would be too few blocks to share among the threads.
  private int blockRows(long batches, long m, long n) {
    long blocks = batches * ceilDiv(n, (long) BLOCK_STRIPS * width);
    long wanted = ceilDiv(2L * CpuPool.SHARED.threads(), blocks);
    long rows = ceilDiv(ceilDiv(m, wanted), Tile.ROWS) * Tile.ROWS;
    return (int) Math.clamp(rows, Tile.ROWS, BLOCK_ROWS);
  }

  private void block(Panels a, Panels b, long c, long pitch, long row, int rows, long column, int columns, long k) {
    try (Workspace workspace = new Workspace(allocator)) {
      int deepest = (int) Math.min(depth, k);
      long left = workspace.take((long) roundUp(rows, Tile.ROWS) * deepest * size);
      long right = workspace.take((long) roundUp(columns, width) * deepest * size);
      long edge = workspace.take(edgeBytes());
      for (long start = 0; start < k; start += depth) {
        int deep = (int) Math.min(depth, k - start);
        a.pack(row, rows, start, deep, Tile.ROWS, left);
        b.pack(column, columns, start, deep, width, right);
        sweep(deep, left, rows, right, columns, c, pitch, edge);
      }
    }
  }

  private void sweep(int deep, long left, int rows, long right, int columns, long c, long pitch, long edge) {
    for (int j = 0; j < columns; j += width) {
      long strip = right + (long) j * deep * size;
      int wide = Math.min(width, columns - j);
      for (int i = 0; i < rows; i += Tile.ROWS) {
        long band = left + (long) i * deep * size;
        long at = c + i * pitch + (long) j * size;
        int high = Math.min(Tile.ROWS, rows - i);
        if (wide == width && high == Tile.ROWS) {
          tile.multiply(deep, band, strip, at, pitch);
        } else {
          ALL.asSlice(edge, edgeBytes()).fill((byte) 0);
          tile.multiply(deep, band, strip, edge, (long) width * size);
          tile.add(edge, at, pitch, high, wide);
        }
      }
    }
  }

  private long edgeBytes() {
    return (long) Tile.ROWS * width * size;
  }

  static long ceilDiv(long a, long b) {
    return -Math.floorDiv(-a, b);
  }

  private static int roundUp(int a, int b) {
    return (int) ceilDiv(a, b) * b;
  }
}
