package org.flambeau.backend.cpu.gemm;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.backend.cpu.Specialization;

/// [Tile] on vectors, copied for each element type: float32, float64, int32 or int64.
///
/// @param <E> the type of the lanes
final class LaneTile<E> implements Tile {
  private static final VectorSpecies<?> SPECIES = Specialization.data(MethodHandles.lookup(), VectorSpecies.class);
  private static final boolean REAL = SPECIES.elementType() == float.class || SPECIES.elementType() == double.class;
  private static final int SIZE = SPECIES.elementSize() / Byte.SIZE;
  private static final boolean WIDE = SIZE == Long.BYTES;
  private static final int COLUMNS = 3 * SPECIES.length();
  private static final long V1 = SPECIES.vectorByteSize();
  private static final long V2 = 2 * V1;

  @Override
  public int columns() {
    return COLUMNS;
  }

  @Override
  public int elementSize() {
    return SIZE;
  }

  @Override
  public void multiply(int depth, long a, long b, long c0, long pitch) {
    long c1 = c0 + pitch;
    long c2 = c1 + pitch;
    long c3 = c2 + pitch;
    Vector<E> s00 = load(c0);
    Vector<E> s01 = load(c0 + V1);
    Vector<E> s02 = load(c0 + V2);
    Vector<E> s10 = load(c1);
    Vector<E> s11 = load(c1 + V1);
    Vector<E> s12 = load(c1 + V2);
    Vector<E> s20 = load(c2);
    Vector<E> s21 = load(c2 + V1);
    Vector<E> s22 = load(c2 + V2);
    Vector<E> s30 = load(c3);
    Vector<E> s31 = load(c3 + V1);
    Vector<E> s32 = load(c3 + V2);
    for (int k = 0; k < depth; k++) {
      Vector<E> b0 = load(b);
      Vector<E> b1 = load(b + V1);
      Vector<E> b2 = load(b + V2);
      Vector<E> a0 = broadcast(a);
      s00 = added(s00, a0, b0);
      s01 = added(s01, a0, b1);
      s02 = added(s02, a0, b2);
      Vector<E> a1 = broadcast(a + SIZE);
      s10 = added(s10, a1, b0);
      s11 = added(s11, a1, b1);
      s12 = added(s12, a1, b2);
      Vector<E> a2 = broadcast(a + 2 * SIZE);
      s20 = added(s20, a2, b0);
      s21 = added(s21, a2, b1);
      s22 = added(s22, a2, b2);
      Vector<E> a3 = broadcast(a + 3 * SIZE);
      s30 = added(s30, a3, b0);
      s31 = added(s31, a3, b1);
      s32 = added(s32, a3, b2);
      a += ROWS * SIZE;
      b += V1 + V2;
    }
    s00.intoMemorySegment(ALL, c0, LITTLE_ENDIAN);
    s01.intoMemorySegment(ALL, c0 + V1, LITTLE_ENDIAN);
    s02.intoMemorySegment(ALL, c0 + V2, LITTLE_ENDIAN);
    s10.intoMemorySegment(ALL, c1, LITTLE_ENDIAN);
    s11.intoMemorySegment(ALL, c1 + V1, LITTLE_ENDIAN);
    s12.intoMemorySegment(ALL, c1 + V2, LITTLE_ENDIAN);
    s20.intoMemorySegment(ALL, c2, LITTLE_ENDIAN);
    s21.intoMemorySegment(ALL, c2 + V1, LITTLE_ENDIAN);
    s22.intoMemorySegment(ALL, c2 + V2, LITTLE_ENDIAN);
    s30.intoMemorySegment(ALL, c3, LITTLE_ENDIAN);
    s31.intoMemorySegment(ALL, c3 + V1, LITTLE_ENDIAN);
    s32.intoMemorySegment(ALL, c3 + V2, LITTLE_ENDIAN);
  }

  @SuppressWarnings("unchecked") // E are the lanes of the species
  private static <E> Vector<E> load(long address) {
    return (Vector<E>) SPECIES.fromMemorySegment(ALL, address, LITTLE_ENDIAN);
  }

  @SuppressWarnings("unchecked") // E are the lanes of the species
  private static <E> Vector<E> broadcast(long address) {
    if (REAL) {
      return (Vector<E>) (WIDE ? DoubleVector.broadcast(DoubleVector.SPECIES_PREFERRED, ALL.get(DOUBLE, address))
          : FloatVector.broadcast(FloatVector.SPECIES_PREFERRED, ALL.get(FLOAT, address)));
    }
    return (Vector<E>) (WIDE ? LongVector.broadcast(LongVector.SPECIES_PREFERRED, ALL.get(LONG, address))
        : IntVector.broadcast(IntVector.SPECIES_PREFERRED, ALL.get(INT, address)));
  }

  private static <E> Vector<E> added(Vector<E> sum, Vector<E> a, Vector<E> b) {
    return REAL ? a.lanewise(VectorOperators.FMA, b, sum) : a.mul(b).add(sum);
  }

  @Override
  public void add(long tile, long c, long pitch, int rows, int columns) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long at = c + i * pitch + (long) j * SIZE;
        long from = tile + ((long) i * COLUMNS + j) * SIZE;
        if (REAL) {
          if (WIDE) {
            ALL.set(DOUBLE, at, ALL.get(DOUBLE, at) + ALL.get(DOUBLE, from));
          } else {
            ALL.set(FLOAT, at, ALL.get(FLOAT, at) + ALL.get(FLOAT, from));
          }
        } else if (WIDE) {
          ALL.set(LONG, at, ALL.get(LONG, at) + ALL.get(LONG, from));
        } else {
          ALL.set(INT, at, ALL.get(INT, at) + ALL.get(INT, from));
        }
      }
    }
  }
}
