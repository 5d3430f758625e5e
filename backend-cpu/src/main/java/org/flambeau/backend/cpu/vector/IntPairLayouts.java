package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.backend.cpu.PairLayouts;

/// [PairLayouts] on vectors of 16 ints, each a pair. A matrix of 16 × 16 of them is transposed in four steps, each of which lets blocks of 1, 2, 4
/// and 8 change places.
final class IntPairLayouts implements PairLayouts {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final int LANES = 16;
  private static final int BYTES = 64;
  private static final int HIGH = 0xffff0000;

  private static final VectorShuffle<Integer> UP_1 = up(1);
  private static final VectorShuffle<Integer> UP_2 = up(2);
  private static final VectorShuffle<Integer> UP_4 = up(4);
  private static final VectorShuffle<Integer> UP_8 = up(8);
  private static final VectorShuffle<Integer> DOWN_1 = down(1);
  private static final VectorShuffle<Integer> DOWN_2 = down(2);
  private static final VectorShuffle<Integer> DOWN_4 = down(4);
  private static final VectorShuffle<Integer> DOWN_8 = down(8);
  private static final VectorMask<Integer> ODD_1 = odd(1);
  private static final VectorMask<Integer> ODD_2 = odd(2);
  private static final VectorMask<Integer> ODD_4 = odd(4);
  private static final VectorMask<Integer> ODD_8 = odd(8);

  private static VectorShuffle<Integer> up(int distance) {
    return VectorShuffle.fromOp(INTS, lane -> lane - distance & LANES - 1);
  }

  private static VectorShuffle<Integer> down(int distance) {
    return VectorShuffle.fromOp(INTS, lane -> lane + distance & LANES - 1);
  }

  /// The lanes in every second block of `width`.
  private static VectorMask<Integer> odd(int width) {
    long lanes = 0;
    for (int lane = 0; lane < LANES; lane++) {
      lanes |= (long) (lane / width % 2) << lane;
    }
    return VectorMask.fromLong(INTS, lanes);
  }

  @Override
  public void pairs(long[] rows, long offset, long to) {
    long target = to;
    for (int i = 0; i < ROWS; i += 2) {
      IntVector row = load(rows[i] + offset);
      IntVector next = load(rows[i + 1] + offset);
      store(evens(row, next), target);
      store(odds(row, next), target + BYTES);
      target += 2 * BYTES;
    }
  }

  @Override
  public void transpose(long[] rows, long offset, long to, long toRow, long scratch) {
    for (int i = 0; i < ROWS; i += 8) {
      IntVector a = load(rows[i] + offset);
      IntVector aNext = load(rows[i + 1] + offset);
      IntVector b = load(rows[i + 2] + offset);
      IntVector bNext = load(rows[i + 3] + offset);
      IntVector c = load(rows[i + 4] + offset);
      IntVector cNext = load(rows[i + 5] + offset);
      IntVector d = load(rows[i + 6] + offset);
      IntVector dNext = load(rows[i + 7] + offset);
      long block = scratch + i / 2 * BYTES;
      first(evens(a, aNext), evens(b, bNext), evens(c, cNext), evens(d, dNext), block);
      first(odds(a, aNext), odds(b, bNext), odds(c, cNext), odds(d, dNext), block + LANES * BYTES);
    }
    second(scratch, to, 2 * toRow);
    second(scratch + LANES * BYTES, to + toRow, 2 * toRow);
  }

  @Override
  public void transposeRounded(long[] rows, long offset, long to, long toRow, long scratch) {
    for (int i = 0; i < ROWS; i += 8) {
      first(rounded(rows[i] + offset, rows[i + 1] + offset), rounded(rows[i + 2] + offset, rows[i + 3] + offset),
          rounded(rows[i + 4] + offset, rows[i + 5] + offset), rounded(rows[i + 6] + offset, rows[i + 7] + offset),
          scratch + i / 2 * BYTES);
    }
    second(scratch, to, toRow);
  }

  /// The pairs of the even columns of two rows.
  private static IntVector evens(IntVector row, IntVector next) {
    return row.and(~HIGH).or(next.lanewise(VectorOperators.LSHL, 16));
  }

  private static IntVector odds(IntVector row, IntVector next) {
    return row.lanewise(VectorOperators.LSHR, 16).or(next.and(HIGH));
  }

  private static IntVector rounded(long row, long next) {
    return rounded(row).lanewise(VectorOperators.LSHR, 16).or(rounded(next).and(HIGH));
  }

  /// Floats rounded to bfloat16, to even ones between two, in the higher half of the lanes.
  private static IntVector rounded(long floats) {
    FloatVector x = FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, floats, LITTLE_ENDIAN);
    IntVector bits = x.reinterpretAsInts();
    IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    return bits.add(even).add(0x7fff).blend(0x7fc00000, x.compare(VectorOperators.NE, x).cast(INTS));
  }

  /// The first two steps, for four rows behind each other.
  private static void first(IntVector a, IntVector b, IntVector c, IntVector d, long to) {
    IntVector a1 = a.blend(b.rearrange(UP_1), ODD_1);
    IntVector b1 = a.rearrange(DOWN_1).blend(b, ODD_1);
    IntVector c1 = c.blend(d.rearrange(UP_1), ODD_1);
    IntVector d1 = c.rearrange(DOWN_1).blend(d, ODD_1);
    store(a1.blend(c1.rearrange(UP_2), ODD_2), to);
    store(b1.blend(d1.rearrange(UP_2), ODD_2), to + BYTES);
    store(a1.rearrange(DOWN_2).blend(c1, ODD_2), to + 2 * BYTES);
    store(b1.rearrange(DOWN_2).blend(d1, ODD_2), to + 3 * BYTES);
  }

  /// The other two, for rows four apart.
  private static void second(long from, long to, long toRow) {
    for (int i = 0; i < 4; i++) {
      long source = from + i * BYTES;
      IntVector a = load(source);
      IntVector b = load(source + 4 * BYTES);
      IntVector c = load(source + 8 * BYTES);
      IntVector d = load(source + 12 * BYTES);
      IntVector a4 = a.blend(b.rearrange(UP_4), ODD_4);
      IntVector b4 = a.rearrange(DOWN_4).blend(b, ODD_4);
      IntVector c4 = c.blend(d.rearrange(UP_4), ODD_4);
      IntVector d4 = c.rearrange(DOWN_4).blend(d, ODD_4);
      long target = to + i * toRow;
      store(a4.blend(c4.rearrange(UP_8), ODD_8), target);
      store(b4.blend(d4.rearrange(UP_8), ODD_8), target + 4 * toRow);
      store(a4.rearrange(DOWN_8).blend(c4, ODD_8), target + 8 * toRow);
      store(b4.rearrange(DOWN_8).blend(d4, ODD_8), target + 12 * toRow);
    }
  }

  private static IntVector load(long address) {
    return IntVector.fromMemorySegment(INTS, ALL, address, LITTLE_ENDIAN);
  }

  private static void store(IntVector vector, long address) {
    vector.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
