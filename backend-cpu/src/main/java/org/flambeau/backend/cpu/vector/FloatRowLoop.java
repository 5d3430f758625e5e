package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;

/// The vector loop of the fused kernels' steps, copied for each, like [FloatLoop].
final class FloatRowLoop implements RowOp.Loop {
  /// How many rows the operation reads.
  private static final int ROWS = Specialization.data(MethodHandles.lookup(), Integer.class);
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public void run(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n) {
    FloatVector vp = FloatVector.broadcast(SPECIES, p);
    FloatVector vq = FloatVector.broadcast(SPECIES, q);
    FloatVector vr = FloatVector.broadcast(SPECIES, r);
    FloatVector vs = FloatVector.broadcast(SPECIES, s);
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    int rest = n % SPECIES.length();
    long to = out;
    long ta = a;
    long tb = b;
    long tc = c;
    long td = d;
    long te = e;
    int end = whole;
    while (true) {
      for (int at = 0; at < end; at += STEP) {
        FloatVector va = load(ta + at);
        FloatVector vb = ROWS > 1 ? load(tb + at) : va;
        FloatVector vc = ROWS > 2 ? load(tc + at) : va;
        FloatVector vd = ROWS > 3 ? load(td + at) : va;
        FloatVector ve = ROWS > 4 ? load(te + at) : va;
        operation(vp, vq, vr, vs, va, vb, vc, vd, ve).intoMemorySegment(ALL, to + at, LITTLE_ENDIAN);
      }
      if (rest == 0) {
        return;
      }
      if (to != out) {
        FloatTail.copyOut(to, out + whole, rest);
        return;
      }
      to = Scratch.current().padding();
      ta = to + STEP;
      tb = ta + STEP;
      tc = tb + STEP;
      td = tc + STEP;
      te = td + STEP;
      FloatTail.copyIn(a + whole, ta, rest);
      if (ROWS > 1) {
        FloatTail.copyIn(b + whole, tb, rest);
      }
      if (ROWS > 2) {
        FloatTail.copyIn(c + whole, tc, rest);
      }
      if (ROWS > 3) {
        FloatTail.copyIn(d + whole, td, rest);
      }
      if (ROWS > 4) {
        FloatTail.copyIn(e + whole, te, rest);
      }
      end = STEP;
    }
  }

  static FloatVector operation(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b, FloatVector c,
      FloatVector d, FloatVector e) {
    throw new AssertionError("[loop] the template has no operation");
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
