package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

/// Rows of small matrices that become columns: of elements of four bytes in squares of vectors; else as many elements as a `long` holds are read at
/// once, of as many rows, and change places within these.
///
/// Reference: Warren, "Hacker's Delight", 2nd edition, 2012, 7-3.
final class Transposition {
  private static final int LANES = Vectorization.PRESENT != null ? Vectorization.PRESENT.lanes() : 0;

  private Transposition() {}

  /// Element (r, c) of `rows` × `columns` goes to `to + r·toRow + c·width`; it is at `from + r·width + c·fromColumn`.
  static void move(int width, long to, long toRow, long rows, long from, long fromColumn, long columns) {
    if (width != Float.BYTES || LANES == 0) {
      words(width, to, toRow, rows, from, fromColumn, columns);
      return;
    }
    long wholeRows = rows - rows % LANES;
    long wholeColumns = columns - columns % LANES;
    for (long c = 0; c < wholeColumns; c += LANES) {
      for (long r = 0; r < wholeRows; r += LANES) {
        Rows.kernels().transpose(to + r * toRow + c * width, toRow, from + c * fromColumn + r * width, fromColumn);
      }
    }
    words(width, to + wholeColumns * width, toRow, wholeRows, from + wholeColumns * fromColumn, fromColumn, columns - wholeColumns);
    words(width, to + wholeRows * toRow, toRow, rows - wholeRows, from + wholeRows * width, fromColumn, columns);
  }

  private static void words(int width, long to, long toRow, long rows, long from, long fromColumn, long columns) {
    long each = Long.BYTES / width;
    long wholeRows = rows - rows % each;
    long wholeColumns = columns - columns % each;
    for (long r = 0; r < wholeRows; r += each) {
      long target = to + r * toRow;
      long source = from + r * width;
      switch (width) {
        case 1 -> bytes(target, toRow, source, fromColumn, (int) wholeColumns);
        case 2 -> shorts(target, toRow, source, fromColumn, (int) wholeColumns);
        case 4 -> ints(target, toRow, source, fromColumn, (int) wholeColumns);
        default -> Runs.move(width, target, width, source, fromColumn, wholeColumns);
      }
    }
    for (long c = wholeColumns; c < columns; c++) {
      Runs.move(width, to + c * width, toRow, from + c * fromColumn, width, wholeRows);
    }
    for (long r = wholeRows; r < rows; r++) {
      Runs.move(width, to + r * toRow, width, from + r * width, fromColumn, columns);
    }
  }

  private static void ints(long to, long toRow, long from, long fromColumn, int columns) {
    long source = from;
    for (int c = 0; c < columns; c += 2) {
      long a = ALL.get(LONG, source);
      long b = ALL.get(LONG, source + fromColumn);
      long target = to + 4L * c;
      ALL.set(LONG, target, a & 0xffffffffL | b << 32);
      ALL.set(LONG, target + toRow, a >>> 32 | b & 0xffffffff00000000L);
      source += 2 * fromColumn;
    }
  }

  private static void shorts(long to, long toRow, long from, long fromColumn, int columns) {
    long source = from;
    for (int c = 0; c < columns; c += 4) {
      long a = ALL.get(LONG, source);
      long b = ALL.get(LONG, source + fromColumn);
      long d = ALL.get(LONG, source + 2 * fromColumn);
      long e = ALL.get(LONG, source + 3 * fromColumn);
      long low = a & 0xffffffffL | d << 32;
      long lowNext = b & 0xffffffffL | e << 32;
      long high = a >>> 32 | d & 0xffffffff00000000L;
      long highNext = b >>> 32 | e & 0xffffffff00000000L;
      long target = to + 2L * c;
      ALL.set(LONG, target, low & 0x0000ffff0000ffffL | (lowNext & 0x0000ffff0000ffffL) << 16);
      ALL.set(LONG, target + toRow, low >>> 16 & 0x0000ffff0000ffffL | lowNext & 0xffff0000ffff0000L);
      ALL.set(LONG, target + 2 * toRow, high & 0x0000ffff0000ffffL | (highNext & 0x0000ffff0000ffffL) << 16);
      ALL.set(LONG, target + 3 * toRow, high >>> 16 & 0x0000ffff0000ffffL | highNext & 0xffff0000ffff0000L);
      source += 4 * fromColumn;
    }
  }

  private static void bytes(long to, long toRow, long from, long fromColumn, int columns) {
    for (int c = 0; c < columns; c += 8) {
      long source = from + c * fromColumn;
      for (int half = 0; half < 2; half++) {
        // Four rows of the result at a time: the half of each column that they are.
        int shift = 32 * half;
        long a = pair(source, fromColumn, 0, shift);
        long b = pair(source, fromColumn, 1, shift);
        long d = pair(source, fromColumn, 2, shift);
        long e = pair(source, fromColumn, 3, shift);
        long even = a & 0x0000ffff0000ffffL | (d & 0x0000ffff0000ffffL) << 16;
        long evenNext = b & 0x0000ffff0000ffffL | (e & 0x0000ffff0000ffffL) << 16;
        long odd = a >>> 16 & 0x0000ffff0000ffffL | d & 0xffff0000ffff0000L;
        long oddNext = b >>> 16 & 0x0000ffff0000ffffL | e & 0xffff0000ffff0000L;
        long target = to + c + 4L * half * toRow;
        ALL.set(LONG, target, even & 0x00ff00ff00ff00ffL | (evenNext & 0x00ff00ff00ff00ffL) << 8);
        ALL.set(LONG, target + toRow, even >>> 8 & 0x00ff00ff00ff00ffL | evenNext & 0xff00ff00ff00ff00L);
        ALL.set(LONG, target + 2 * toRow, odd & 0x00ff00ff00ff00ffL | (oddNext & 0x00ff00ff00ff00ffL) << 8);
        ALL.set(LONG, target + 3 * toRow, odd >>> 8 & 0x00ff00ff00ff00ffL | oddNext & 0xff00ff00ff00ff00L);
      }
    }
  }

  /// Four elements of the column at `which` and, above them, four of the one four places on.
  private static long pair(long source, long fromColumn, int which, int shift) {
    long near = ALL.get(LONG, source + which * fromColumn) >>> shift & 0xffffffffL;
    return near | ALL.get(LONG, source + (which + 4) * fromColumn) >>> shift << 32;
  }
}
