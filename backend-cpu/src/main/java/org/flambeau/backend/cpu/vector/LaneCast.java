package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2L;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators.Comparison;
import jdk.incubator.vector.VectorOperators.Conversion;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.Compute;
import org.flambeau.backend.cpu.Inliner;
import org.flambeau.backend.cpu.Specialization;
import org.jspecify.annotations.Nullable;

/// Casts between a dtype whose elements are lanes of their own and a compute type, copied for each pair; the results are those of one
/// element at a time.
final class LaneCast implements LaneMove {
  /// A pair.
  ///
  /// @param between the lanes that lie between the two: an unsigned byte becomes an int first, a number with a fraction a whole one that is
  ///     then cut
  record Pair(DType dtype, Compute compute, VectorSpecies<?> memory, VectorSpecies<?> tile, VectorSpecies<?> between) {
    /// That of a dtype and a compute type, on vectors of at most `bits`, or null where their lanes are too far apart.
    static @Nullable Pair of(DType dtype, Compute compute, int bits) {
      Class<?> lane = lane(dtype);
      int size = dtype.size() * Byte.SIZE;
      int lanes = bits / Math.max(size, compute.size() * Byte.SIZE);
      boolean isLong = dtype == DType.INT64 || compute == Compute.LONG;
      if (isLong && (dtype.isFloating() || !compute.isWhole()) && bits < VectorShape.S_512_BIT.vectorBitSize()) {
        return null; // AVX2 has no casts between long and real lanes
      }
      if (lanes * Math.min(size, compute.size() * Byte.SIZE) < VectorShape.S_64_BIT.vectorBitSize()) {
        return null;
      }
      Class<?> between = dtype == DType.INT64 || dtype == DType.UINT8 && compute == Compute.DOUBLE ? long.class : int.class;
      VectorSpecies<?> tile = VectorSpecies.of(FloatVectorization.lane(compute),
          VectorShape.forBitSize(lanes * compute.size() * Byte.SIZE));
      return new Pair(dtype, compute, VectorSpecies.of(lane, VectorShape.forBitSize(lanes * size)), tile,
          VectorSpecies.of(between, VectorShape.forBitSize(lanes * (between == long.class ? Long.SIZE : Integer.SIZE))));
    }

    private static Class<?> lane(DType dtype) {
      return switch (dtype) {
        case FLOAT32 -> float.class;
        case FLOAT64 -> double.class;
        case INT64 -> long.class;
        case INT32 -> int.class;
        case INT16, FLOAT16, BFLOAT16 -> short.class;
        case INT8, UINT8, BOOL -> byte.class;
      };
    }

    LaneMove move() {
      return Inliner.specialize(MethodHandles.lookup(), LaneMove.class, LaneCast.class, List.of(), Map.of(), this);
    }
  }

  private static final Pair PAIR = Specialization.data(MethodHandles.lookup(), Pair.class);
  private static final VectorSpecies<Object> MEMORY = lanes(PAIR.memory());
  private static final VectorSpecies<Object> TILE = lanes(PAIR.tile());
  private static final VectorSpecies<Object> BETWEEN = lanes(PAIR.between());
  private static final boolean TRUTH = PAIR.dtype() == DType.BOOL;
  private static final boolean UNSIGNED = PAIR.dtype() == DType.UINT8;
  private static final boolean TRUNCATES = !PAIR.compute().isWhole() && PAIR.dtype().isIntegral();
  private static final boolean TO_LONG = BETWEEN.elementSize() == Long.SIZE;
  private static final Conversion<Object, Object> TO_TILE = casting(UNSIGNED ? BETWEEN : MEMORY, TILE);
  private static final Conversion<Object, Object> TO_BETWEEN = casting(TILE, BETWEEN);
  private static final Conversion<Object, Object> TO_MEMORY = casting(TRUNCATES ? BETWEEN : TILE, MEMORY);
  private static final Conversion<Object, Object> ZERO_EXTENSION = conversion(TO_LONG ? ZERO_EXTEND_B2L : ZERO_EXTEND_B2I);
  /// What still is, or is not any more, within reach of the lanes between.
  private static final Comparison WITHIN = TO_LONG ? LE : LT;
  private static final long LIMIT = !TO_LONG ? 1L << 31 : PAIR.compute() == Compute.FLOAT ? (long) Math.nextDown(0x1p63f)
      : (long) Math.nextDown(0x1p63);
  private static final int LANES = TILE.length();
  private static final int SIZE = MEMORY.elementSize() / Byte.SIZE;
  private static final int TILE_SIZE = TILE.elementSize() / Byte.SIZE;

  @SuppressWarnings("unchecked")
  private static VectorSpecies<Object> lanes(VectorSpecies<?> species) {
    return (VectorSpecies<Object>) species;
  }

  private static Conversion<Object, Object> casting(VectorSpecies<Object> from, VectorSpecies<Object> to) {
    return conversion(Conversion.ofCast(from.elementType(), to.elementType()));
  }

  @SuppressWarnings("unchecked")
  private static Conversion<Object, Object> conversion(Conversion<?, ?> conversion) {
    return (Conversion<Object, Object>) conversion;
  }

  @Override
  public int lanes() {
    return LANES;
  }

  @Override
  public void load(long from, long tile, int n) {
    for (int i = 0; i < n; i += LANES) {
      Vector<Object> x = MEMORY.fromMemorySegment(ALL, from + (long) i * SIZE, LITTLE_ENDIAN);
      Vector<Object> y = TRUTH ? truth(x, TILE) : cast(UNSIGNED ? x.convertShape(ZERO_EXTENSION, BETWEEN, 0) : x, TO_TILE, TILE);
      y.intoMemorySegment(ALL, tile + (long) i * TILE_SIZE, LITTLE_ENDIAN);
    }
  }

  @Override
  public void store(long tile, long to, int n) {
    for (int i = 0; i < n; i += LANES) {
      Vector<Object> x = TILE.fromMemorySegment(ALL, tile + (long) i * TILE_SIZE, LITTLE_ENDIAN);
      Vector<Object> y = TRUTH ? truth(x, MEMORY) : cast(TRUNCATES ? truncate(x) : x, TO_MEMORY, MEMORY);
      y.intoMemorySegment(ALL, to + (long) i * SIZE, LITTLE_ENDIAN);
    }
  }

  private static Vector<Object> cast(Vector<Object> x, Conversion<Object, Object> conversion, VectorSpecies<Object> to) {
    return x.species() == to ? x : x.convertShape(conversion, to, 0);
  }

  /// 1 for what is not 0.
  private static Vector<Object> truth(Vector<Object> x, VectorSpecies<Object> to) {
    return to.broadcast(0).blend(1, x.compare(NE, 0).cast(to));
  }

  /// What lies beyond, or is NaN, becomes the least number there is, as on x86; what lies below does so by itself.
  private static Vector<Object> truncate(Vector<Object> x) {
    VectorMask<Object> beyond = x.compare(WITHIN, LIMIT).not();
    return x.convertShape(TO_BETWEEN, BETWEEN, 0).blend(TO_LONG ? Long.MIN_VALUE : Integer.MIN_VALUE, beyond.cast(BETWEEN));
  }
}
