package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.flambeau.backend.cpu.PairLayouts;
import org.flambeau.backend.cpu.RowKernels;

/// [PairLayouts] on vectors of 16 ints, each a pair: a matrix of pairs, transposed, has a row for each column.
///
/// @param rows transposes squares of 16 × 16 ints
record IntPairLayouts(RowKernels rows) implements PairLayouts {
  private static final int BYTES = 64;
  private static final int SQUARE = 16 * BYTES;
  private static final int HIGH = 0xffff0000;

  @Override
  public void pairs(long[] rows, long offset, long to) {
    pairs(rows, offset, to, to + BYTES, 2 * BYTES);
  }

  @Override
  public void transpose(long[] rows, long offset, long to, long toRow, long scratch) {
    pairs(rows, offset, scratch, scratch + SQUARE, BYTES);
    this.rows.transpose(to, 2 * toRow, scratch, BYTES);
    this.rows.transpose(to + toRow, 2 * toRow, scratch + SQUARE, BYTES);
  }

  @Override
  public void transposeRounded(long[] rows, long offset, long to, long toRow, long scratch) {
    for (int i = 0; i < ROWS; i += 2) {
      IntVector row = rounded(rows[i] + offset);
      IntVector next = rounded(rows[i + 1] + offset);
      store(row.lanewise(VectorOperators.LSHR, 16).or(next.and(HIGH)), scratch + i / 2 * BYTES);
    }
    this.rows.transpose(to, toRow, scratch, BYTES);
  }

  private static void pairs(long[] rows, long offset, long evens, long odds, long step) {
    long even = evens;
    long odd = odds;
    for (int i = 0; i < ROWS; i += 2) {
      IntVector row = IntVector.fromMemorySegment(IntVector.SPECIES_512, ALL, rows[i] + offset, LITTLE_ENDIAN);
      IntVector next = IntVector.fromMemorySegment(IntVector.SPECIES_512, ALL, rows[i + 1] + offset, LITTLE_ENDIAN);
      store(row.and(~HIGH).or(next.lanewise(VectorOperators.LSHL, 16)), even);
      store(row.lanewise(VectorOperators.LSHR, 16).or(next.and(HIGH)), odd);
      even += step;
      odd += step;
    }
  }

  /// Floats rounded to bfloat16, to even ones between two, in the higher half of the lanes.
  private static IntVector rounded(long floats) {
    FloatVector x = FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, floats, LITTLE_ENDIAN);
    IntVector bits = x.reinterpretAsInts();
    IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    return bits.add(even).add(0x7fff).blend(0x7fc00000, x.compare(VectorOperators.NE, x).cast(IntVector.SPECIES_512));
  }

  private static void store(IntVector vector, long address) {
    vector.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
