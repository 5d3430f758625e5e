package org.flambeau.backend.cpu;

import java.util.Objects;
import org.flambeau.DType;

/// Neighbouring lines along a dimension as columns: rows of one place of every line each, copied to floats that lie behind each other, with
/// room for whole vectors.
final class Columns {
  /// Fewer lines side by side are gathered one by one.
  private static final int FEW = 8;
  /// With more, the copies of the columns of all threads would take much memory.
  private static final int MOST_ROWS = 1 << 16;
  private static final int LINE = 64;
  /// Rows that begin a multiple of so many bytes apart share an eighth of the second-level cache's sets or fewer.
  private static final int WAY = 512;
  /// Bytes that should stay in the second-level cache between passes.
  private static final int CACHED = 512 << 10;

  private Columns() {}

  private static final class Vectors {
    static final Vectorization PRESENT = Objects.requireNonNull(Vectorization.PRESENT, "fused kernels need vectors");
    static final ColumnKernels KERNELS = PRESENT.columns();
    static final int LANES = PRESENT.lanes();
  }

  static ColumnKernels kernels() {
    return Vectors.KERNELS;
  }

  /// Whether lines of `rows` elements, of which `count` begin the given steps apart, are worth being taken as columns. That depends on the
  /// operands alone, not on how many of the lines a thread has, since the two ways round differently.
  static boolean are(long count, int rows, DType dtype, long... steps) {
    boolean adjacent = count >= FEW && rows <= MOST_ROWS;
    for (long step : steps) {
      adjacent &= step == dtype.size();
    }
    return adjacent;
  }

  /// How many columns of `rows` elements are worked on at a time.
  static int width(int rows) {
    return (int) Math.clamp(CACHED / (4L * rows) / Vectors.LANES * Vectors.LANES, 2L * Vectors.LANES, Scratch.TILE);
  }

  /// Of `count` columns, how many may be worked on where they are: floats that fill vectors, and whose rows do not all lie in the same few sets of
  /// the cache.
  static int inPlace(DType dtype, int count, int rows, long... strides) {
    for (long stride : strides) {
      if (rows > FEW && stride % WAY == 0) {
        return 0;
      }
    }
    return whole(dtype, count);
  }

  /// `count`, rounded up to whole vectors.
  static int padded(int count) {
    return Math.ceilDiv(count, Vectors.LANES) * Vectors.LANES;
  }

  /// Bytes from one row of the copy to the next: an odd number of cache lines, so that the rows of a column lie in different sets of the cache.
  static long pitch(int count) {
    long bytes = 4L * padded(count);
    return (bytes / LINE | 1) * LINE + (bytes % LINE == 0 ? 0 : LINE);
  }

  static void read(DType dtype, long from, long stride, long to, int rows, int count) {
    int whole = whole(dtype, count);
    if (whole > 0) {
      kernels().copy(to, pitch(count), from, stride, rows, whole);
    }
    if (whole < count) {
      Conversion conversion = Conversion.of(dtype);
      for (int row = 0; row < rows; row++) {
        conversion.load(Compute.FLOAT, from + row * stride + (long) whole * dtype.size(), dtype.size(),
            to + row * pitch(count) + 4L * whole, count - whole);
      }
    }
  }

  static void write(DType dtype, long from, long to, long stride, int rows, int count) {
    int whole = whole(dtype, count);
    if (whole > 0) {
      kernels().copy(to, stride, from, pitch(count), rows, whole);
    }
    if (whole < count) {
      Conversion conversion = Conversion.of(dtype);
      for (int row = 0; row < rows; row++) {
        conversion.store(Compute.FLOAT, from + row * pitch(count) + 4L * whole, to + row * stride + (long) whole * dtype.size(),
            dtype.size(), count - whole);
      }
    }
  }

  /// Of `count` columns, how many are floats that fill vectors.
  private static int whole(DType dtype, int count) {
    return dtype == DType.FLOAT32 ? count - count % Vectors.LANES : 0;
  }
}
