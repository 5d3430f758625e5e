package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2S;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_S2I;
import static org.flambeau.backend.cpu.vector.FloatMath.INTS;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Vectors of floats that lie in memory as float16, made to be written into loops.
final class Float16Lanes {
  /// As many lanes as floats have.
  static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(SPECIES.vectorBitSize() / 2));
  private static final int INFINITY = 0x7f800000;
  /// The least float that rounds to an infinity, 2¹⁶; the least that is a normal float16, 2⁻¹⁴.
  private static final int TOO_LARGE = 127 + 16 << 23;
  private static final int LEAST_NORMAL = 127 - 14 << 23;
  /// Adding 2⁻¹ rounds a number below 2⁻¹⁴ to a multiple of 2⁻²⁴.
  private static final float SUBNORMAL_ROUNDER = 0.5f;
  private static final int SUBNORMAL_ROUNDER_BITS = 127 - 1 << 23;

  private Float16Lanes() {}

  static FloatVector load(long from) {
    ShortVector halves = ShortVector.fromMemorySegment(SHORTS, ALL, from, LITTLE_ENDIAN);
    IntVector bits = (IntVector) halves.convertShape(ZERO_EXTEND_S2I, INTS, 0);
    IntVector sign = bits.and(0x8000).lanewise(LSHL, 16);
    IntVector magnitude = bits.and(0x7fff).lanewise(LSHL, 13);
    VectorMask<Integer> special = bits.and(0x7c00).compare(EQ, 0x7c00);
    IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
    return finite.blend(magnitude.or(INFINITY), special).or(sign).reinterpretAsFloats();
  }

  /// Rounds to the nearest, to even ones between two.
  static void store(FloatVector x, long to) {
    IntVector bits = x.reinterpretAsInts();
    IntVector magnitude = bits.and(Integer.MAX_VALUE);
    IntVector even = magnitude.lanewise(LSHR, 13).and(1);
    IntVector normal = magnitude.add((15 - 127 << 23) + 0xfff).add(even).lanewise(LSHR, 13);
    IntVector subnormal = magnitude.reinterpretAsFloats().add(SUBNORMAL_ROUNDER).reinterpretAsInts().sub(SUBNORMAL_ROUNDER_BITS);
    IntVector special = IntVector.broadcast(INTS, 0x7c00).blend(0x7e00, magnitude.compare(GT, INFINITY));
    IntVector half = normal.blend(subnormal, magnitude.compare(LT, LEAST_NORMAL))
        .blend(special, magnitude.compare(GE, TOO_LARGE)).or(bits.lanewise(LSHR, 16).and(0x8000));
    ((ShortVector) half.convertShape(I2S, SHORTS, 0)).intoMemorySegment(ALL, to, LITTLE_ENDIAN);
  }
}
