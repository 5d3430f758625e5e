package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.FloatVector.broadcast;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.ProductTile;
import org.flambeau.backend.cpu.Specialization;

/// [ProductTile] on vectors, copied for each width. What is beyond the width is dead code of the copy.
final class FloatProductTile implements ProductTile {
  /// @param vectors how many vectors of columns
  record Shape(int vectors, boolean adding) {}

  private static final Shape SHAPE = Specialization.data(MethodHandles.lookup(), Shape.class);
  private static final int WIDTH = SHAPE.vectors();
  private static final boolean ADDING = SHAPE.adding();
  private static final int V1 = SPECIES.vectorByteSize();
  private static final int V2 = 2 * V1;
  private static final int V3 = 3 * V1;

  @Override
  public void run(int depth, long a, long aRow, long aStep, long b, long bRow, long c, long cRow) {
    long a0 = a;
    long a1 = a + aRow;
    long a2 = a1 + aRow;
    long a3 = a2 + aRow;
    long c1 = c + cRow;
    long c2 = c1 + cRow;
    long c3 = c2 + cRow;
    FloatVector s00 = start(c, 0);
    FloatVector s01 = start(c + V1, 1);
    FloatVector s02 = start(c + V2, 2);
    FloatVector s03 = start(c + V3, 3);
    FloatVector s10 = start(c1, 0);
    FloatVector s11 = start(c1 + V1, 1);
    FloatVector s12 = start(c1 + V2, 2);
    FloatVector s13 = start(c1 + V3, 3);
    FloatVector s20 = start(c2, 0);
    FloatVector s21 = start(c2 + V1, 1);
    FloatVector s22 = start(c2 + V2, 2);
    FloatVector s23 = start(c2 + V3, 3);
    FloatVector s30 = start(c3, 0);
    FloatVector s31 = start(c3 + V1, 1);
    FloatVector s32 = start(c3 + V2, 2);
    FloatVector s33 = start(c3 + V3, 3);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = load(b);
      FloatVector b1 = WIDTH > 1 ? load(b + V1) : b0;
      FloatVector b2 = WIDTH > 2 ? load(b + V2) : b0;
      FloatVector b3 = WIDTH > 3 ? load(b + V3) : b0;
      FloatVector va = broadcast(SPECIES, ALL.get(FLOAT, a0));
      s00 = va.fma(b0, s00);
      s01 = WIDTH > 1 ? va.fma(b1, s01) : s01;
      s02 = WIDTH > 2 ? va.fma(b2, s02) : s02;
      s03 = WIDTH > 3 ? va.fma(b3, s03) : s03;
      va = broadcast(SPECIES, ALL.get(FLOAT, a1));
      s10 = va.fma(b0, s10);
      s11 = WIDTH > 1 ? va.fma(b1, s11) : s11;
      s12 = WIDTH > 2 ? va.fma(b2, s12) : s12;
      s13 = WIDTH > 3 ? va.fma(b3, s13) : s13;
      va = broadcast(SPECIES, ALL.get(FLOAT, a2));
      s20 = va.fma(b0, s20);
      s21 = WIDTH > 1 ? va.fma(b1, s21) : s21;
      s22 = WIDTH > 2 ? va.fma(b2, s22) : s22;
      s23 = WIDTH > 3 ? va.fma(b3, s23) : s23;
      va = broadcast(SPECIES, ALL.get(FLOAT, a3));
      s30 = va.fma(b0, s30);
      s31 = WIDTH > 1 ? va.fma(b1, s31) : s31;
      s32 = WIDTH > 2 ? va.fma(b2, s32) : s32;
      s33 = WIDTH > 3 ? va.fma(b3, s33) : s33;
      a0 += aStep;
      a1 += aStep;
      a2 += aStep;
      a3 += aStep;
      b += bRow;
    }
    finish(s00, c, 0);
    finish(s01, c + V1, 1);
    finish(s02, c + V2, 2);
    finish(s03, c + V3, 3);
    finish(s10, c1, 0);
    finish(s11, c1 + V1, 1);
    finish(s12, c1 + V2, 2);
    finish(s13, c1 + V3, 3);
    finish(s20, c2, 0);
    finish(s21, c2 + V1, 1);
    finish(s22, c2 + V2, 2);
    finish(s23, c2 + V3, 3);
    finish(s30, c3, 0);
    finish(s31, c3 + V1, 1);
    finish(s32, c3 + V2, 2);
    finish(s33, c3 + V3, 3);
  }

  private static FloatVector start(long c, int column) {
    return ADDING && column < WIDTH ? load(c) : FloatVector.zero(SPECIES);
  }

  private static void finish(FloatVector sum, long c, int column) {
    if (column < WIDTH) {
      sum.intoMemorySegment(ALL, c, LITTLE_ENDIAN);
    }
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
