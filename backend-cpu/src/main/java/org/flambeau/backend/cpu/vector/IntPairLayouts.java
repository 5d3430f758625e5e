package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import org.flambeau.backend.cpu.Inliner;
import org.flambeau.backend.cpu.PairLayouts;
import org.flambeau.backend.cpu.RowKernels;
import org.flambeau.backend.cpu.Specialization;

/// [PairLayouts] on vectors of 16 ints, each a pair: a matrix of pairs, transposed, has a row for each column.
final class IntPairLayouts implements PairLayouts {
  /// Transposes squares of 16 × 16 ints.
  private static final RowKernels SQUARES = Specialization.data(MethodHandles.lookup(), RowKernels.class);
  private static final int BYTES = 64;
  private static final int SQUARE = 16 * BYTES;
  private static final int HIGH = 0xffff0000;

  static PairLayouts of(RowKernels squares) {
    return Inliner.specialize(MethodHandles.lookup(), PairLayouts.class, IntPairLayouts.class, List.of(), Map.of(), squares);
  }

  @Override
  public void pairs(long[] rows, long offset, long to) {
    interleave(rows, offset, to, to + BYTES, 2 * BYTES);
  }

  @Override
  public void transpose(long[] rows, long offset, long to, long toRow, long scratch) {
    interleave(rows, offset, scratch, scratch + SQUARE, BYTES);
    SQUARES.transpose(to, 2 * toRow, scratch, BYTES);
    SQUARES.transpose(to + toRow, 2 * toRow, scratch + SQUARE, BYTES);
  }

  @Override
  public void transposeRounded(long[] rows, long offset, long to, long toRow, long scratch) {
    for (int i = 0; i < ROWS; i += 2) {
      store(paired(rounded(floats(rows[i] + offset)), rounded(floats(rows[i + 1] + offset))), scratch + i / 2 * BYTES);
    }
    SQUARES.transpose(to, toRow, scratch, BYTES);
  }

  private static void interleave(long[] rows, long offset, long evens, long odds, long step) {
    long even = evens;
    long odd = odds;
    for (int i = 0; i < ROWS; i += 2) {
      IntVector row = ints(rows[i] + offset);
      IntVector next = ints(rows[i + 1] + offset);
      store(row.and(~HIGH).or(next.lanewise(VectorOperators.LSHL, 16)), even);
      store(row.lanewise(VectorOperators.LSHR, 16).or(next.and(HIGH)), odd);
      even += step;
      odd += step;
    }
  }

  @Override
  public void columnPairs(long from, long fromRow, long to) {
    SQUARES.transpose(to, 2 * BYTES, from, 2 * fromRow);
    SQUARES.transpose(to + BYTES, 2 * BYTES, from + fromRow, 2 * fromRow);
  }

  @Override
  public void finish(long sums, int rows, long to, long toRow, long factors, long plus, long plusRow, int least) {
    FloatVector evenScale = floats(factors);
    FloatVector oddScale = floats(factors + BYTES);
    FloatVector evenShift = floats(factors + 2 * BYTES);
    FloatVector oddShift = floats(factors + 3 * BYTES);
    if (plus == 0) {
      for (int i = 0; i < rows; i++) {
        FloatVector even = floats(sums + i * 2L * BYTES).fma(evenScale, evenShift);
        FloatVector odd = floats(sums + i * 2L * BYTES + BYTES).fma(oddScale, oddShift);
        store(paired(rounded(even).max(least), rounded(odd).max(least)), to + i * toRow);
      }
      return;
    }
    for (int i = 0; i < rows; i++) {
      IntVector pairs = ints(plus + i * plusRow);
      FloatVector even = floats(sums + i * 2L * BYTES).fma(evenScale, evenShift)
          .add(pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats());
      FloatVector odd = floats(sums + i * 2L * BYTES + BYTES).fma(oddScale, oddShift).add(pairs.and(HIGH).reinterpretAsFloats());
      store(paired(rounded(even).max(least), rounded(odd).max(least)), to + i * toRow);
    }
  }

  private static IntVector ints(long address) {
    return IntVector.fromMemorySegment(IntVector.SPECIES_512, ALL, address, LITTLE_ENDIAN);
  }

  private static FloatVector floats(long address) {
    return FloatVector.fromMemorySegment(FloatVector.SPECIES_512, ALL, address, LITTLE_ENDIAN);
  }

  /// Floats rounded to bfloat16, to even ones between two, in the higher half of the lanes.
  private static IntVector rounded(FloatVector x) {
    IntVector bits = x.reinterpretAsInts();
    IntVector even = bits.lanewise(VectorOperators.LSHR, 16).and(1);
    return bits.add(even).add(0x7fff).blend(0x7fc00000, x.compare(VectorOperators.NE, x).cast(IntVector.SPECIES_512));
  }

  /// The higher halves, those of `even` before those of `odd`.
  private static IntVector paired(IntVector even, IntVector odd) {
    return even.lanewise(VectorOperators.LSHR, 16).or(odd.and(HIGH));
  }

  private static void store(IntVector vector, long address) {
    vector.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
