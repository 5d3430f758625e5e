package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

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

  private static void copy(long from, long to, int n) {
    for (int i = 0; i < n; i++) {
      ALL.set(FLOAT, to + 4L * i, ALL.get(FLOAT, from + 4L * i));
    }
  }
}
