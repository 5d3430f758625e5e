package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Moves short rows of floats between native memory and arrays by vectors, without the call that long ones are worth. Apart, since it is there only
/// where vectors are.
final class FloatLanes {
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final int SHORT_ROW = 512;

  private FloatLanes() {}

  /// Whether n floats fill a vector, and are few enough.
  static boolean take(int n) {
    return n >= F.length() && n <= SHORT_ROW;
  }

  /// Reads n floats into `values` from position `at` on; the last vector may have some of the one before it.
  static void read(long from, float[] values, int at, int n) {
    int last = n - F.length();
    for (int i = 0; i < last; i += F.length()) {
      load(from + 4L * i).intoArray(values, at + i);
    }
    load(from + 4L * last).intoArray(values, at + last);
  }

  static FloatVector load(long from) {
    return FloatVector.fromMemorySegment(F, ALL, from, ByteOrder.LITTLE_ENDIAN);
  }

  /// Writes n values from position `at` on.
  static void write(float[] values, int at, long to, int n) {
    int last = n - F.length();
    for (int i = 0; i < last; i += F.length()) {
      store(FloatVector.fromArray(F, values, at + i), to + 4L * i);
    }
    store(FloatVector.fromArray(F, values, at + last), to + 4L * last);
  }

  static void store(FloatVector vector, long to) {
    vector.intoMemorySegment(ALL, to, ByteOrder.LITTLE_ENDIAN);
  }
}
