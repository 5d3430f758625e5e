package org.flambeau.backend.cpu.gemm;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// [Tile] of float32, the twin of [DoubleTile]: a shared source would cost the compiler its constant species, and helper methods
/// its patience, so that it would box the sums.
final class FloatTile implements Tile {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
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
    return Float.BYTES;
  }

  @Override
  public void multiply(int depth, long a, long b, long c0, long pitch) {
    long c1 = c0 + pitch;
    long c2 = c1 + pitch;
    long c3 = c2 + pitch;
    FloatVector s00 = fromMemorySegment(SPECIES, ALL, c0, ORDER);
    FloatVector s01 = fromMemorySegment(SPECIES, ALL, c0 + V1, ORDER);
    FloatVector s02 = fromMemorySegment(SPECIES, ALL, c0 + V2, ORDER);
    FloatVector s10 = fromMemorySegment(SPECIES, ALL, c1, ORDER);
    FloatVector s11 = fromMemorySegment(SPECIES, ALL, c1 + V1, ORDER);
    FloatVector s12 = fromMemorySegment(SPECIES, ALL, c1 + V2, ORDER);
    FloatVector s20 = fromMemorySegment(SPECIES, ALL, c2, ORDER);
    FloatVector s21 = fromMemorySegment(SPECIES, ALL, c2 + V1, ORDER);
    FloatVector s22 = fromMemorySegment(SPECIES, ALL, c2 + V2, ORDER);
    FloatVector s30 = fromMemorySegment(SPECIES, ALL, c3, ORDER);
    FloatVector s31 = fromMemorySegment(SPECIES, ALL, c3 + V1, ORDER);
    FloatVector s32 = fromMemorySegment(SPECIES, ALL, c3 + V2, ORDER);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = fromMemorySegment(SPECIES, ALL, b, ORDER);
      FloatVector b1 = fromMemorySegment(SPECIES, ALL, b + V1, ORDER);
      FloatVector b2 = fromMemorySegment(SPECIES, ALL, b + V2, ORDER);
      FloatVector a0 = broadcast(SPECIES, ALL.get(FLOAT, a));
      s00 = a0.fma(b0, s00);
      s01 = a0.fma(b1, s01);
      s02 = a0.fma(b2, s02);
      FloatVector a1 = broadcast(SPECIES, ALL.get(FLOAT, a + Float.BYTES));
      s10 = a1.fma(b0, s10);
      s11 = a1.fma(b1, s11);
      s12 = a1.fma(b2, s12);
      FloatVector a2 = broadcast(SPECIES, ALL.get(FLOAT, a + 2 * Float.BYTES));
      s20 = a2.fma(b0, s20);
      s21 = a2.fma(b1, s21);
      s22 = a2.fma(b2, s22);
      FloatVector a3 = broadcast(SPECIES, ALL.get(FLOAT, a + 3 * Float.BYTES));
      s30 = a3.fma(b0, s30);
      s31 = a3.fma(b1, s31);
      s32 = a3.fma(b2, s32);
      a += ROWS * Float.BYTES;
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
        long at = c + i * pitch + (long) j * Float.BYTES;
        ALL.set(FLOAT, at, ALL.get(FLOAT, at) + ALL.get(FLOAT, tile + ((long) i * COLUMNS + j) * Float.BYTES));
      }
    }
  }
}
