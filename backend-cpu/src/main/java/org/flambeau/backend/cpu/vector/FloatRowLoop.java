package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;

/// The vector loop of the fused kernels' steps, copied for each, like [LaneLoop].
final class FloatRowLoop implements RowOp.Loop {
  /// How many rows the operation reads.
  private static final int ROWS = Specialization.data(MethodHandles.lookup(), Integer.class);
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public void run(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n) {
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    vectors(out, a, b, c, d, e, p, q, r, s, whole);
    int rest = n % SPECIES.length();
    if (rest != 0) {
      tail(out + whole, a + whole, b + whole, c + whole, d + whole, e + whole, p, q, r, s, rest);
    }
  }

  private void vectors(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int bytes) {
    FloatVector vp = FloatVector.broadcast(SPECIES, p);
    FloatVector vq = FloatVector.broadcast(SPECIES, q);
    FloatVector vr = FloatVector.broadcast(SPECIES, r);
    FloatVector vs = FloatVector.broadcast(SPECIES, s);
    for (int at = 0; at < bytes; at += STEP) {
      FloatVector va = load(a + at);
      FloatVector vb = ROWS > 1 ? load(b + at) : va;
      FloatVector vc = ROWS > 2 ? load(c + at) : va;
      FloatVector vd = ROWS > 3 ? load(d + at) : va;
      FloatVector ve = ROWS > 4 ? load(e + at) : va;
      operation(vp, vq, vr, vs, va, vb, vc, vd, ve).intoMemorySegment(ALL, out + at, LITTLE_ENDIAN);
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
    pad(a, ta, n);
    if (ROWS > 1) {
      pad(b, tb, n);
    }
    if (ROWS > 2) {
      pad(c, tc, n);
    }
    if (ROWS > 3) {
      pad(d, td, n);
    }
    if (ROWS > 4) {
      pad(e, te, n);
    }
    vectors(to, ta, tb, tc, td, te, p, q, r, s, STEP);
    FloatTail.copyOut(to, out, n);
  }

  private void pad(long from, long to, int n) {
    FloatTail.copyIn(from, to, n);
  }

  static FloatVector operation(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b, FloatVector c,
      FloatVector d, FloatVector e) {
    throw new AssertionError("[loop] the template has no operation");
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
