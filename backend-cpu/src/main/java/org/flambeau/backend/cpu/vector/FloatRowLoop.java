package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.SHORT;

import java.lang.invoke.MethodHandles;
import java.util.Set;
import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.RowOp.Row;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;

/// The vector loop of the fused kernels' steps, copied for each, like [LaneLoop].
final class FloatRowLoop implements RowOp.Loop {
  /// How many rows the operation reads, and which are of a half precision.
  record Rows(int count, Set<Row> halves) {
    boolean isHalf(Row row) {
      return halves.contains(row);
    }
  }

  private static final Rows ROWS = Specialization.data(MethodHandles.lookup(), Rows.class);
  private static final int COUNT = ROWS.count();
  private static final boolean HALF_OUT = ROWS.isHalf(Row.OUT);
  private static final boolean HALF_A = ROWS.isHalf(Row.A);
  private static final boolean HALF_B = ROWS.isHalf(Row.B);
  private static final boolean HALF_C = ROWS.isHalf(Row.C);
  private static final boolean HALF_D = ROWS.isHalf(Row.D);
  private static final boolean HALF_E = ROWS.isHalf(Row.E);
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public void run(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n) {
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    vectors(out, a, b, c, d, e, p, q, r, s, whole);
    int rest = n % SPECIES.length();
    if (rest != 0) {
      tail(place(HALF_OUT, out, whole), place(HALF_A, a, whole), place(HALF_B, b, whole), place(HALF_C, c, whole),
          place(HALF_D, d, whole), place(HALF_E, e, whole), p, q, r, s, rest);
    }
  }

  /// @param bytes of floats
  private void vectors(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int bytes) {
    FloatVector vp = FloatVector.broadcast(SPECIES, p);
    FloatVector vq = FloatVector.broadcast(SPECIES, q);
    FloatVector vr = FloatVector.broadcast(SPECIES, r);
    FloatVector vs = FloatVector.broadcast(SPECIES, s);
    for (int at = 0; at < bytes; at += STEP) {
      FloatVector va = HALF_A ? widened(a + at / 2) : load(a + at);
      FloatVector vb = COUNT > 1 ? HALF_B ? widened(b + at / 2) : load(b + at) : va;
      FloatVector vc = COUNT > 2 ? HALF_C ? widened(c + at / 2) : load(c + at) : va;
      FloatVector vd = COUNT > 3 ? HALF_D ? widened(d + at / 2) : load(d + at) : va;
      FloatVector ve = COUNT > 4 ? HALF_E ? widened(e + at / 2) : load(e + at) : va;
      FloatVector result = operation(vp, vq, vr, vs, va, vb, vc, vd, ve);
      if (HALF_OUT) {
        round(result, out + at / 2);
      } else {
        result.intoMemorySegment(ALL, out + at, LITTLE_ENDIAN);
      }
    }
  }

  /// In padding that holds whole vectors. An instance method, as [#pad] is, is not inlined, and that is needed: of too large ones the compilers
  /// despair.
  private void tail(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n) {
    long to = Scratch.current().padding();
    long ta = to + STEP;
    long tb = ta + STEP;
    long tc = tb + STEP;
    long td = tc + STEP;
    long te = td + STEP;
    pad(HALF_A, a, ta, n);
    if (COUNT > 1) {
      pad(HALF_B, b, tb, n);
    }
    if (COUNT > 2) {
      pad(HALF_C, c, tc, n);
    }
    if (COUNT > 3) {
      pad(HALF_D, d, td, n);
    }
    if (COUNT > 4) {
      pad(HALF_E, e, te, n);
    }
    vectors(to, ta, tb, tc, td, te, p, q, r, s, STEP);
    if (HALF_OUT) {
      copyHalves(to, out, n);
    } else {
      FloatTail.copyOut(to, out, n);
    }
  }

  private void pad(boolean half, long from, long to, int n) {
    if (half) {
      copyHalves(from, to, n);
    } else {
      FloatTail.copyIn(from, to, n);
    }
  }

  private static void copyHalves(long from, long to, int n) {
    for (int i = 0; i < n; i++) {
      ALL.set(SHORT, to + 2L * i, ALL.get(SHORT, from + 2L * i));
    }
  }

  private static long place(boolean half, long row, int bytes) {
    return row + (half ? bytes / 2 : bytes);
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }

  static FloatVector operation(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b, FloatVector c,
      FloatVector d, FloatVector e) {
    throw new AssertionError("[loop] the template has no operation");
  }

  static FloatVector widened(long from) {
    throw new AssertionError("[loop] the template has no load");
  }

  static void round(FloatVector x, long to) {
    throw new AssertionError("[loop] the template has no store");
  }
}
