package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// [Tile] of float32, the twin of [DoubleTile]: a shared source would cost the compiler its constant species.
final class FloatTile implements Tile {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int LANES = SPECIES.length();
  private static final int COLUMNS = 3 * LANES;
  private static final long VECTOR = SPECIES.vectorByteSize();
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
  public void multiply(int depth, long a, long b, long c, long pitch) {
    FloatVector c00 = load(c), c01 = load(c + VECTOR), c02 = load(c + 2 * VECTOR);
    FloatVector c10 = load(c + pitch), c11 = load(c + pitch + VECTOR), c12 = load(c + pitch + 2 * VECTOR);
    FloatVector c20 = load(c + 2 * pitch), c21 = load(c + 2 * pitch + VECTOR), c22 = load(c + 2 * pitch + 2 * VECTOR);
    FloatVector c30 = load(c + 3 * pitch), c31 = load(c + 3 * pitch + VECTOR), c32 = load(c + 3 * pitch + 2 * VECTOR);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = load(b);
      FloatVector b1 = load(b + VECTOR);
      FloatVector b2 = load(b + 2 * VECTOR);
      FloatVector a0 = broadcast(a);
      c00 = a0.fma(b0, c00);
      c01 = a0.fma(b1, c01);
      c02 = a0.fma(b2, c02);
      FloatVector a1 = broadcast(a + Float.BYTES);
      c10 = a1.fma(b0, c10);
      c11 = a1.fma(b1, c11);
      c12 = a1.fma(b2, c12);
      FloatVector a2 = broadcast(a + 2 * Float.BYTES);
      c20 = a2.fma(b0, c20);
      c21 = a2.fma(b1, c21);
      c22 = a2.fma(b2, c22);
      FloatVector a3 = broadcast(a + 3 * Float.BYTES);
      c30 = a3.fma(b0, c30);
      c31 = a3.fma(b1, c31);
      c32 = a3.fma(b2, c32);
      a += ROWS * Float.BYTES;
      b += 3 * VECTOR;
    }
    store(c, c00, c01, c02);
    store(c + pitch, c10, c11, c12);
    store(c + 2 * pitch, c20, c21, c22);
    store(c + 3 * pitch, c30, c31, c32);
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, ORDER);
  }

  private static FloatVector broadcast(long address) {
    return FloatVector.broadcast(SPECIES, ALL.get(FLOAT, address));
  }

  private static void store(long address, FloatVector v0, FloatVector v1, FloatVector v2) {
    v0.intoMemorySegment(ALL, address, ORDER);
    v1.intoMemorySegment(ALL, address + VECTOR, ORDER);
    v2.intoMemorySegment(ALL, address + 2 * VECTOR, ORDER);
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
