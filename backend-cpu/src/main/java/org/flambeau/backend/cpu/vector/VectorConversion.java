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
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.BFloat16Lanes;
import org.flambeau.backend.cpu.Compute;
import org.flambeau.backend.cpu.Conversion;
import org.jspecify.annotations.Nullable;

/// The conversions of a dtype, on vectors where elements are contiguous, or one is loaded for all; strided ones and what fills no vector
/// go the scalar way, to the same results.
final class VectorConversion implements Conversion {
  private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, SPECIES.vectorShape());
  /// As many lanes as floats have.
  private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(SPECIES.vectorBitSize() / 2));

  private final Conversion scalar;
  private final int size;
  private final @Nullable LaneMove[] loads = new LaneMove[Compute.values().length];
  private final @Nullable LaneMove[] stores = new LaneMove[Compute.values().length];

  VectorConversion(DType dtype, Conversion scalar) {
    this.scalar = scalar;
    this.size = dtype.size();
    for (Compute compute : Compute.values()) {
      LaneMove move = move(dtype, compute);
      loads[compute.ordinal()] = dtype.isFloating() && compute.isWhole() ? null : move;
      stores[compute.ordinal()] = dtype.isIntegral() && dtype != DType.BOOL && compute == Compute.FLOAT ? null : move;
    }
  }

  private static @Nullable LaneMove move(DType dtype, Compute compute) {
    if (dtype == DType.BFLOAT16 || dtype == DType.FLOAT16) {
      return compute != Compute.FLOAT ? null : dtype == DType.BFLOAT16 ? new BFloat16() : new Float16();
    }
    LaneCast.Pair pair = LaneCast.Pair.of(dtype, compute, SPECIES.vectorBitSize());
    return pair == null ? null : pair.move();
  }

  @Override
  public void load(Compute compute, long from, long stride, long tile, int n) {
    if (stride == 0 && n > 1) {
      scalar.load(compute, from, 0, tile, 1);
      repeat(compute, tile, n);
      return;
    }
    LaneMove move = stride == size ? loads[compute.ordinal()] : null;
    int whole = move == null ? 0 : n - n % move.lanes();
    if (move != null && whole > 0) {
      move.load(from, tile, whole);
    }
    if (whole < n) {
      scalar.load(compute, from + whole * stride, stride, tile + (long) whole * compute.size(), n - whole);
    }
  }

  @Override
  public void store(Compute compute, long tile, long to, long stride, int n) {
    LaneMove move = stride == size ? stores[compute.ordinal()] : null;
    int whole = move == null ? 0 : n - n % move.lanes();
    if (move != null && whole > 0) {
      move.store(tile, to, whole);
    }
    if (whole < n) {
      scalar.store(compute, tile + (long) whole * compute.size(), to + whole * stride, stride, n - whole);
    }
  }

  /// Copies the first element of a tile to the n - 1 behind it.
  private static void repeat(Compute compute, long tile, int n) {
    boolean isLong = compute.size() == Long.BYTES;
    long element = isLong ? ALL.get(LONG, tile) : ALL.get(INT, tile) & 0xffffffffL | (long) ALL.get(INT, tile) << Integer.SIZE;
    LongVector elements = LongVector.broadcast(LONGS, element);
    long end = tile + (long) n * compute.size();
    long at = tile;
    for (; at <= end - LONGS.vectorByteSize(); at += LONGS.vectorByteSize()) {
      elements.intoMemorySegment(ALL, at, LITTLE_ENDIAN);
    }
    for (; at <= end - Long.BYTES; at += Long.BYTES) {
      ALL.set(LONG, at, element);
    }
    if (at < end) {
      ALL.set(INT, at, (int) element);
    }
  }

  private static FloatVector floats(long tile, int i) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, tile + 4L * i, LITTLE_ENDIAN);
  }

  private record BFloat16() implements LaneMove {
    @Override
    public int lanes() {
      return SPECIES.length();
    }

    @Override
    public void load(long from, long tile, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        BFloat16Lanes.load(from + 2L * i).intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    public void store(long tile, long to, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        BFloat16Lanes.store(floats(tile, i), to + 2L * i);
      }
    }
  }

  private record Float16() implements LaneMove {
    private static final int INFINITY = 0x7f800000;
    /// The least float that rounds to an infinity, 2¹⁶; the least that is a normal float16, 2⁻¹⁴.
    private static final int TOO_LARGE = 127 + 16 << 23;
    private static final int LEAST_NORMAL = 127 - 14 << 23;
    /// Adding 2⁻¹ rounds a number below 2⁻¹⁴ to a multiple of 2⁻²⁴.
    private static final float SUBNORMAL_ROUNDER = 0.5f;

    @Override
    public int lanes() {
      return SPECIES.length();
    }

    @Override
    public void load(long from, long tile, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        ShortVector halves = ShortVector.fromMemorySegment(SHORTS, ALL, from + 2L * i, LITTLE_ENDIAN);
        IntVector bits = (IntVector) halves.convertShape(ZERO_EXTEND_S2I, INTS, 0);
        IntVector sign = bits.and(0x8000).lanewise(LSHL, 16);
        IntVector magnitude = bits.and(0x7fff).lanewise(LSHL, 13);
        VectorMask<Integer> special = bits.and(0x7c00).compare(EQ, 0x7c00);
        IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
        finite.blend(magnitude.or(INFINITY), special).or(sign).reinterpretAsFloats()
            .intoMemorySegment(ALL, tile + 4L * i, LITTLE_ENDIAN);
      }
    }

    @Override
    public void store(long tile, long to, int n) {
      for (int i = 0; i < n; i += SPECIES.length()) {
        IntVector bits = floats(tile, i).reinterpretAsInts();
        IntVector magnitude = bits.and(Integer.MAX_VALUE);
        IntVector even = magnitude.lanewise(LSHR, 13).and(1);
        IntVector normal = magnitude.add((15 - 127 << 23) + 0xfff).add(even).lanewise(LSHR, 13);
        IntVector subnormal = magnitude.reinterpretAsFloats().add(SUBNORMAL_ROUNDER).reinterpretAsInts()
            .sub(Float.floatToRawIntBits(SUBNORMAL_ROUNDER));
        IntVector special = IntVector.broadcast(INTS, 0x7c00).blend(0x7e00, magnitude.compare(GT, INFINITY));
        IntVector half = normal.blend(subnormal, magnitude.compare(LT, LEAST_NORMAL))
            .blend(special, magnitude.compare(GE, TOO_LARGE)).or(bits.lanewise(LSHR, 16).and(0x8000));
        ((ShortVector) half.convertShape(I2S, SHORTS, 0)).intoMemorySegment(ALL, to + 2L * i, LITTLE_ENDIAN);
      }
    }
  }
}
