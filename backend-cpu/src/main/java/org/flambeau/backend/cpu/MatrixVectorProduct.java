package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Strided;

/// A row times a matrix whose rows lie without gaps, or such a matrix transposed times a column: the matrix' rows are added up, each times
/// its factor, in the order in which they lie, by four. What that takes is to read the matrix once.
final class MatrixVectorProduct {
  /// Columns whose sums stay in the first-level cache.
  private static final int BLOCK = 4096;
  /// Rows that are worth sums of their own, and the most of those; the sums are cut so whatever the number of threads.
  private static final long ROWS = 64;
  private static final long MOST_PARTS = 8;
  /// Elements of a matrix that are worth it.
  private static final long LARGE = 1 << 15;

  private final long out;
  private final long factors;
  private final long factorStep;
  private final long matrix;
  private final long rowStep;
  private final long rows;
  private final long columns;

  private MatrixVectorProduct(Strided out, Strided a, Strided b) {
    boolean row = out.size(1) == 1;
    Strided vector = row ? a : b;
    Strided lines = row ? b : a;
    this.out = out.address();
    this.factors = vector.address();
    this.factorStep = vector.stride(row ? 2 : 1) * Float.BYTES;
    this.matrix = lines.address();
    this.rowStep = lines.stride(row ? 1 : 2) * Float.BYTES;
    this.rows = a.size(2);
    this.columns = out.numel();
  }

  static boolean serves(Strided out, Strided a, Strided b) {
    boolean row = out.size(1) == 1 && b.stride(2) == 1;
    boolean column = out.size(2) == 1 && a.stride(1) == 1;
    return out.dtype() == DType.FLOAT32 && out.size(0) == 1 && (row || column) && out.numel() * a.size(2) >= LARGE && a.size(2) > 1
        && Vectorization.PRESENT != null;
  }

  /// As [org.flambeau.spi.Kernels#matmul].
  static void multiply(Strided out, Strided a, Strided b) {
    new MatrixVectorProduct(out, a, b).run();
  }

  private void run() {
    long parts = Math.clamp(rows / ROWS, 1, MOST_PARTS);
    long blocks = Math.ceilDiv(columns, BLOCK);
    RowOp.Loop subtractScaled = Rows.loop(RowOp.DESCEND);
    RowOp.Loop addFour = Rows.loop(RowOp.ADD_FOUR_SCALED);
    Loop add = Loops.binary(BinaryOp.ADD, Compute.FLOAT);
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long sums = parts == 1 ? out : workspace.take(parts * columns * Float.BYTES);
      CpuPool.SHARED.parallelFor(0, parts * blocks, 1, (begin, end) -> {
        for (long t = begin; t < end; t++) {
          long part = t / blocks;
          long column = t % blocks * BLOCK;
          int width = (int) Math.min(BLOCK, columns - column);
          long sum = sums + (part * columns + column) * Float.BYTES;
          ALL.asSlice(sum, (long) width * Float.BYTES).fill((byte) 0);
          long last = (part + 1) * rows / parts;
          long i = part * rows / parts;
          for (; i <= last - 4; i += 4) {
            long row = matrix + i * rowStep + column * Float.BYTES;
            addFour.run(sum, sum, row, row + rowStep, row + 2 * rowStep, row + 3 * rowStep, factor(i), factor(i + 1), factor(i + 2),
                factor(i + 3), width);
          }
          for (; i < last; i++) {
            subtractScaled.run(sum, sum, matrix + i * rowStep + column * Float.BYTES, sum, sum, sum, -factor(i), 0, 0, 0, width);
          }
        }
      });
      for (long part = 1; part < parts; part++) {
        long last = part == parts - 1 ? out : sums;
        long more = sums + part * columns * Float.BYTES;
        for (long column = 0; column < columns; column += BLOCK) {
          long at = column * Float.BYTES;
          add.run(last + at, sums + at, more + at, sums + at, (int) Math.min(BLOCK, columns - column));
        }
      }
    }
  }
  private float factor(long row) {
    return ALL.get(FLOAT, factors + row * factorStep);
  }
}
