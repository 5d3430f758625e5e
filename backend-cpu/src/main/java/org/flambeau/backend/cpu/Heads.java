package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.spi.Strided;

/// The matrices of an operand (batch, heads, rows, columns), which [CachedProduct] gets as floats in buffers.
///
/// @param address of its first element
record Heads(long address, Strided x) {
  private static final RowOp.Loop SCALE = Rows.loop(RowOp.SCALE);

  int columns() {
    return Math.toIntExact(x.size(3));
  }

  private long step() {
    return x.stride(3) * x.dtype().size();
  }

  /// The address of a row.
  long row(long head, long row) {
    long heads = x.size(1);
    return address + (head / heads * x.stride(0) + head % heads * x.stride(1) + row * x.stride(2)) * x.dtype().size();
  }

  /// Copies rows, `factor` times, with zeros up to whole tiles.
  void read(long head, long first, int rows, float factor, long to, long pitch) {
    int n = columns();
    for (int i = 0; i < rows; i++) {
      long target = to + i * pitch;
      long source = Rows.read(x.dtype(), row(head, first + i), step(), target, n);
      SCALE.run(target, source, source, source, source, source, factor, 0, 0, 0, n);
      fill(target + 4L * n, CachedProduct.padded(n) - n, 0);
    }
    fill(to + rows * pitch, Math.toIntExact((CachedProduct.paddedRows(rows) - rows) * pitch / Float.BYTES), 0);
  }

  /// Copies all rows, which become the columns of a right factor in strips; `buffer` has room for [CachedProduct#LANES] rows.
  void readTransposed(long head, long to, long buffer, long pitch) {
    int rows = Math.toIntExact(x.size(2));
    int n = columns();
    int lanes = CachedProduct.LANES;
    int group = CachedProduct.STRIP_COLUMNS;
    boolean direct = Rows.isPlain(x.dtype(), step()) && n % lanes == 0;
    for (int i = 0; i < rows; i += lanes) {
      boolean inPlace = direct && rows - i >= lanes;
      if (!inPlace) {
        fill(buffer, Math.toIntExact(lanes * pitch / Float.BYTES), 0);
        read(head, i, Math.min(lanes, rows - i), 1, buffer, pitch);
      }
      long source = inPlace ? row(head, i) : buffer;
      long sourceRow = inPlace ? x.stride(2) * Float.BYTES : pitch;
      long target = to + i / group * CachedProduct.strip(n) + i % group * (long) Float.BYTES;
      for (int j = 0; j < n; j += lanes) {
        Rows.kernels().transpose(target + j * CachedProduct.STRIP_ROW, CachedProduct.STRIP_ROW, source + (long) j * Float.BYTES, sourceRow);
      }
    }
  }

  /// Writes one row, `factor` times; `row` is lost.
  void write(long head, long index, long row, float factor) {
    long place = row(head, index);
    long result = Rows.isPlain(x.dtype(), step()) ? place : row;
    SCALE.run(result, row, row, row, row, row, factor, 0, 0, 0, columns());
    Rows.write(x.dtype(), result, place, step(), columns());
  }

  static void fill(long at, int n, float value) {
    for (int i = 0; i < n; i++) {
      ALL.set(FLOAT, at + 4L * i, value);
    }
  }
}
