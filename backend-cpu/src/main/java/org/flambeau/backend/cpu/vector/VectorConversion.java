package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Objects;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.DType;
import org.flambeau.backend.cpu.Compute;
import org.flambeau.backend.cpu.Conversion;
import org.flambeau.backend.cpu.Scratch;
import org.jspecify.annotations.Nullable;

/// The conversions of a dtype, on vectors where elements are contiguous, or one is loaded for all; strided ones and what fills no vector
/// go the scalar way, to the same results.
final class VectorConversion implements Conversion {
  private static final VectorSpecies<Long> LONGS = VectorSpecies.of(long.class, SPECIES.vectorShape());

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
      stores[compute.ordinal()] = dtype == DType.UINT8 && compute == Compute.FLOAT ? null : move;
    }
  }

  private static @Nullable LaneMove move(DType dtype, Compute compute) {
    if (compute == Compute.TRUTH) {
      return null; // what is not where it is used lies apart
    }
    if (dtype == DType.BFLOAT16 || dtype == DType.FLOAT16) {
      return switch (compute) {
        case FLOAT -> HalfMove.of(dtype);
        case DOUBLE -> new ByFloats(HalfMove.of(dtype), Objects.requireNonNull(move(DType.FLOAT32, Compute.DOUBLE)));
        default -> null;
      };
    }
    LaneCast.Pair pair = LaneCast.Pair.of(dtype, compute, SPECIES.vectorBitSize());
    return pair == null ? null : pair.move();
  }

  /// Halves to and from doubles.
  private record ByFloats(LaneMove halves, LaneMove floats) implements LaneMove {
    @Override
    public int lanes() {
      return halves.lanes();
    }

    @Override
    public void load(long from, long tile, int n) {
      long between = Scratch.current().between();
      for (int done = 0; done < n; done += Scratch.TILE) {
        int part = Math.min(Scratch.TILE, n - done);
        halves.load(from + (long) done * Short.BYTES, between, part);
        floats.load(between, tile + (long) done * Double.BYTES, part);
      }
    }

    @Override
    public void store(long tile, long to, int n) {
      long between = Scratch.current().between();
      for (int done = 0; done < n; done += Scratch.TILE) {
        int part = Math.min(Scratch.TILE, n - done);
        floats.store(tile + (long) done * Double.BYTES, between, part);
        halves.store(between, to + (long) done * Short.BYTES, part);
      }
    }
  }

  @Override
  public void load(Compute compute, long from, long stride, long tile, int n) {
    if (stride == 0 && n > 1 && compute != Compute.TRUTH) {
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
}
