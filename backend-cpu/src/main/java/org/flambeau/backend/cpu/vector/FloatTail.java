package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.flambeau.backend.cpu.Scratch;

/// The elements of a row that do not fill a vector, on their way to padding and back.
final class FloatTail {
  /// Whether the processor reads and writes a part of a vector as fast as the whole.
  static final boolean MASKED = SPECIES.vectorBitSize() == 512;

  private FloatTail() {}

  /// Copies `n` floats to where there is room for a whole vector; the other lanes become anything.
  static void copyIn(long from, long to, int n) {
    if (MASKED) {
      VectorMask<Float> mask = SPECIES.indexInRange(0, n);
      FloatVector.fromMemorySegment(SPECIES, ALL, from, LITTLE_ENDIAN, mask).intoMemorySegment(ALL, to, LITTLE_ENDIAN);
    } else {
      copy(from, to, n);
    }
  }

  /// Copies `n` floats from where there is a whole vector.
  static void copyOut(long from, long to, int n) {
    if (MASKED) {
      VectorMask<Float> mask = SPECIES.indexInRange(0, n);
      FloatVector.fromMemorySegment(SPECIES, ALL, from, LITTLE_ENDIAN).intoMemorySegment(ALL, to, LITTLE_ENDIAN, mask);
    } else {
      copy(from, to, n);
    }
  }

  /// A vector whose first `n` lanes are the floats there; the others are anything.
  static FloatVector load(long from, int n) {
    if (MASKED) {
      return FloatVector.fromMemorySegment(SPECIES, ALL, from, LITTLE_ENDIAN, SPECIES.indexInRange(0, n));
    }
    long padded = Scratch.current().padding();
    copy(from, padded, n);
    return FloatVector.fromMemorySegment(SPECIES, ALL, padded, LITTLE_ENDIAN);
  }

  /// Writes the first `n` lanes.
  static void store(FloatVector v, long to, int n) {
    if (MASKED) {
      v.intoMemorySegment(ALL, to, LITTLE_ENDIAN, SPECIES.indexInRange(0, n));
    } else {
      long padded = Scratch.current().padding();
      v.intoMemorySegment(ALL, padded, LITTLE_ENDIAN);
      copy(padded, to, n);
    }
  }

  private static void copy(long from, long to, int n) {
    for (int i = 0; i < n; i++) {
      ALL.set(FLOAT, to + 4L * i, ALL.get(FLOAT, from + 4L * i));
    }
  }
}
