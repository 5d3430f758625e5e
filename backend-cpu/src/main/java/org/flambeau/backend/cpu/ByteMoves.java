package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;

import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.spi.NativeMemory;

/// Short runs of bytes, of which there are many: moved by vectors, without the call that long ones are worth; runs in reverse, and of one element.
final class ByteMoves {
  private static final boolean VECTORS = Vectorization.PRESENT != null;
  private static final long SHORT_RUN = 1 << 10;

  private ByteMoves() {}

  /// Copies `rows` runs of bytes, which begin `fromRow` and `toRow` bytes after one another.
  static void copy(long from, long fromRow, long to, long toRow, long bytes, long rows) {
    if (VECTORS && bytes >= Vectors.BYTES && bytes <= SHORT_RUN) {
      Vectors.copy(from, fromRow, to, toRow, (int) bytes - Vectors.BYTES, rows);
    } else {
      for (long r = 0; r < rows; r++) {
        copy(from + r * fromRow, to + r * toRow, bytes);
      }
    }
  }

  /// Copies a run of bytes.
  static void copy(long from, long to, long bytes) {
    if (bytes > SHORT_RUN) {
      NativeMemory.copy(from, to, bytes);
    } else if (VECTORS && bytes >= Vectors.BYTES) {
      Vectors.copy(from, 0, to, 0, (int) bytes - Vectors.BYTES, 1);
    } else if (bytes >= Long.BYTES) {
      for (long i = 0; i < bytes - Long.BYTES; i += Long.BYTES) {
        ALL.set(LONG, to + i, ALL.get(LONG, from + i));
      }
      ALL.set(LONG, to + bytes - Long.BYTES, ALL.get(LONG, from + bytes - Long.BYTES));
    } else if (bytes == Integer.BYTES) {
      ALL.set(INT, to, ALL.get(INT, from));
    } else {
      for (long i = 0; i < bytes; i++) {
        ALL.set(BYTE, to + i, ALL.get(BYTE, from + i));
      }
    }
  }

  /// Writes n times the element of `width` bytes at `from`.
  static void repeat(int width, long to, long from, long n) {
    if (VECTORS && n * width >= Vectors.BYTES) {
      long elements = switch (width) {
        case 1 -> (ALL.get(BYTE, from) & 0xffL) * 0x0101010101010101L;
        case 2 -> (ALL.get(SHORT, from) & 0xffffL) * 0x0001000100010001L;
        case 4 -> (ALL.get(INT, from) & 0xffffffffL) * 0x0000000100000001L;
        default -> ALL.get(LONG, from);
      };
      Vectors.fill(to, elements, n * width);
    } else {
      Runs.move(width, to, width, from, 0, n);
    }
  }

  /// Copies n elements of `width` bytes to `to` and after it from `from` and before it.
  static void reverse(int width, long to, long from, long n) {
    long done = VECTORS ? Vectors.reverse(width, to, from, n) : 0;
    Runs.move(width, to + done * width, width, from - done * width, -width, n - done);
  }

  /// Apart, since it is there only where vectors are.
  private static final class Vectors {
    private static final VectorSpecies<Long> SPECIES = LongVector.SPECIES_PREFERRED;
    private static final VectorShuffle<Long> BACKWARDS = VectorShuffle.iota(SPECIES, SPECIES.length() - 1, -1, false);
    static final int BYTES = SPECIES.vectorByteSize();
    private static final int PART = 1 << 20;

    private static LongVector load(long from) {
      return LongVector.fromMemorySegment(SPECIES, ALL, from, ByteOrder.LITTLE_ENDIAN);
    }

    private static void store(LongVector vector, long to) {
      vector.intoMemorySegment(ALL, to, ByteOrder.LITTLE_ENDIAN);
    }

    /// `last` is where in a run its last whole vector begins, which may have some of the one before it.
    static void copy(long from, long fromRow, long to, long toRow, int last, long rows) {
      long source = from;
      long target = to;
      for (long r = 0; r < rows; r++) {
        for (int i = 0; i < last; i += BYTES) {
          store(load(source + i), target + i);
        }
        store(load(source + last), target + last);
        source += fromRow;
        target += toRow;
      }
    }

    /// The last vector may have some of the one before it.
    static void fill(long to, long elements, long bytes) {
      LongVector vector = LongVector.broadcast(SPECIES, elements);
      long last = to + bytes - BYTES;
      for (long at = to; at < last; at += PART) {
        int part = (int) Math.min(PART, last - at); // an int, which the compiler unrolls a loop by
        for (int i = 0; i < part; i += BYTES) {
          store(vector, at + i);
        }
      }
      store(vector, last);
    }

    /// As many of n elements as fill whole vectors; returns how many.
    static long reverse(int width, long to, long from, long n) {
      long bytes = n * width / BYTES * BYTES;
      long last = from + width - BYTES;
      switch (width) {
        case 1 -> {
          for (long i = 0; i < bytes; i += BYTES) {
            store(load(last - i).rearrange(BACKWARDS).lanewise(VectorOperators.REVERSE_BYTES), to + i);
          }
        }
        case 2 -> {
          for (long i = 0; i < bytes; i += BYTES) {
            LongVector halves = load(last - i).rearrange(BACKWARDS).lanewise(VectorOperators.ROR, 32);
            LongVector high = halves.lanewise(VectorOperators.LSHL, 16).and(0xffff0000ffff0000L);
            store(halves.lanewise(VectorOperators.LSHR, 16).and(0x0000ffff0000ffffL).or(high), to + i);
          }
        }
        case 4 -> {
          for (long i = 0; i < bytes; i += BYTES) {
            store(load(last - i).rearrange(BACKWARDS).lanewise(VectorOperators.ROR, 32), to + i);
          }
        }
        default -> {
          for (long i = 0; i < bytes; i += BYTES) {
            store(load(last - i).rearrange(BACKWARDS), to + i);
          }
        }
      }
      return bytes / width;
    }
  }
}
