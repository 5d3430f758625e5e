package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Vectors of floats that lie in memory as bfloat16. [Inliner] may write what is public into loops.
public final class BFloat16Lanes {
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
  public static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
  public static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class,
      VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 2)));

  private BFloat16Lanes() {}

  public static FloatVector load(long from) {
    ShortVector halves = ShortVector.fromMemorySegment(SHORTS, ALL, from, ByteOrder.LITTLE_ENDIAN);
    IntVector bits = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
    return bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
  }

  /// Reads as many of n elements as fill whole vectors; returns how many.
  static int read(long from, float[] values, int at, int n) {
    int whole = FLOATS.loopBound(n);
    for (int i = 0; i < whole; i += FLOATS.length()) {
      load(from + (long) i * Short.BYTES).intoArray(values, at + i);
    }
    return whole;
  }

  /// Writes as many of n elements as fill whole vectors; returns how many.
  static int write(float[] values, int at, long to, int n) {
    int whole = FLOATS.loopBound(n);
    for (int i = 0; i < whole; i += FLOATS.length()) {
      store(FloatVector.fromArray(FLOATS, values, at + i), to + (long) i * Short.BYTES);
    }
    return whole;
  }

  /// Rounds to the nearest, to even ones between two.
  public static void store(FloatVector x, long to) {
    IntVector bits = x.reinterpretAsInts();
    IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    IntVector rounded = bits.add(even).add(0x7fff).lanewise(VectorOperators.LSHR, 16).blend(0x7fc0,
        x.compare(VectorOperators.NE, x).cast(INTS));
    ((ShortVector) rounded.convertShape(VectorOperators.I2S, SHORTS, 0)).intoMemorySegment(ALL, to, ByteOrder.LITTLE_ENDIAN);
  }

  /// What bfloat16 has exactly.
  public static void storeUnrounded(FloatVector x, long to) {
    IntVector halves = x.reinterpretAsInts().lanewise(VectorOperators.LSHR, 16);
    ((ShortVector) halves.convertShape(VectorOperators.I2S, SHORTS, 0)).intoMemorySegment(ALL, to, ByteOrder.LITTLE_ENDIAN);
  }
}
