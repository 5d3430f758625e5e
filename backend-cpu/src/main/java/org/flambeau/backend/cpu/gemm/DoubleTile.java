package org.flambeau.backend.cpu.gemm;

import static jdk.incubator.vector.DoubleVector.broadcast;
import static jdk.incubator.vector.DoubleVector.fromMemorySegment;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;

/// [Tile] of float64, the twin of [FloatTile]: a shared source would cost the compiler its constant species, and helper methods
/// its patience, so that it would box the sums.
final class DoubleTile implements Tile {
  private static final VectorSpecies<Double> SPECIES = DoubleVector.SPECIES_PREFERRED;
  private static final int COLUMNS = 3 * SPECIES.length();
  private static final long V1 = SPECIES.vectorByteSize();
  private static final long V2 = 2 * V1;
  private static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

  @Override
  public int columns() {
    return COLUMNS;
  }

  @Override
  public int elementSize() {
    return Double.BYTES;
  }

  @Override
  public void multiply(int depth, long a, long b, long c0, long pitch) {
    long c1 = c0 + pitch;
    long c2 = c1 + pitch;
    long c3 = c2 + pitch;
    DoubleVector s00 = fromMemorySegment(SPECIES, ALL, c0, ORDER);
    DoubleVector s01 = fromMemorySegment(SPECIES, ALL, c0 + V1, ORDER);
    DoubleVector s02 = fromMemorySegment(SPECIES, ALL, c0 + V2, ORDER);
    DoubleVector s10 = fromMemorySegment(SPECIES, ALL, c1, ORDER);
    DoubleVector s11 = fromMemorySegment(SPECIES, ALL, c1 + V1, ORDER);
    DoubleVector s12 = fromMemorySegment(SPECIES, ALL, c1 + V2, ORDER);
    DoubleVector s20 = fromMemorySegment(SPECIES, ALL, c2, ORDER);
    DoubleVector s21 = fromMemorySegment(SPECIES, ALL, c2 + V1, ORDER);
    DoubleVector s22 = fromMemorySegment(SPECIES, ALL, c2 + V2, ORDER);
    DoubleVector s30 = fromMemorySegment(SPECIES, ALL, c3, ORDER);
    DoubleVector s31 = fromMemorySegment(SPECIES, ALL, c3 + V1, ORDER);
    DoubleVector s32 = fromMemorySegment(SPECIES, ALL, c3 + V2, ORDER);
    for (int k = 0; k < depth; k++) {
      DoubleVector b0 = fromMemorySegment(SPECIES, ALL, b, ORDER);
      DoubleVector b1 = fromMemorySegment(SPECIES, ALL, b + V1, ORDER);
      DoubleVector b2 = fromMemorySegment(SPECIES, ALL, b + V2, ORDER);
      DoubleVector a0 = broadcast(SPECIES, ALL.get(DOUBLE, a));
      s00 = a0.fma(b0, s00);
      s01 = a0.fma(b1, s01);
      s02 = a0.fma(b2, s02);
      DoubleVector a1 = broadcast(SPECIES, ALL.get(DOUBLE, a + Double.BYTES));
      s10 = a1.fma(b0, s10);
      s11 = a1.fma(b1, s11);
      s12 = a1.fma(b2, s12);
      DoubleVector a2 = broadcast(SPECIES, ALL.get(DOUBLE, a + 2 * Double.BYTES));
      s20 = a2.fma(b0, s20);
      s21 = a2.fma(b1, s21);
      s22 = a2.fma(b2, s22);
      DoubleVector a3 = broadcast(SPECIES, ALL.get(DOUBLE, a + 3 * Double.BYTES));
      s30 = a3.fma(b0, s30);
      s31 = a3.fma(b1, s31);
      s32 = a3.fma(b2, s32);
      a += ROWS * Double.BYTES;
      b += V1 + V2;
    }
    s00.intoMemorySegment(ALL, c0, ORDER);
    s01.intoMemorySegment(ALL, c0 + V1, ORDER);
    s02.intoMemorySegment(ALL, c0 + V2, ORDER);
    s10.intoMemorySegment(ALL, c1, ORDER);
    s11.intoMemorySegment(ALL, c1 + V1, ORDER);
    s12.intoMemorySegment(ALL, c1 + V2, ORDER);
    s20.intoMemorySegment(ALL, c2, ORDER);
    s21.intoMemorySegment(ALL, c2 + V1, ORDER);
    s22.intoMemorySegment(ALL, c2 + V2, ORDER);
    s30.intoMemorySegment(ALL, c3, ORDER);
    s31.intoMemorySegment(ALL, c3 + V1, ORDER);
    s32.intoMemorySegment(ALL, c3 + V2, ORDER);
  }

  @Override
  public void add(long tile, long c, long pitch, int rows, int columns) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long at = c + i * pitch + (long) j * Double.BYTES;
        ALL.set(DOUBLE, at, ALL.get(DOUBLE, at) + ALL.get(DOUBLE, tile + ((long) i * COLUMNS + j) * Double.BYTES));
      }
    }
  }
}
