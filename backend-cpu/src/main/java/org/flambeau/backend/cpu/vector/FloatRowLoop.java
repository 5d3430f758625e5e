package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;

import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.Scratch;

/// The vector loop of the fused kernels' steps, copied for each, like [FloatLoop].
final class FloatRowLoop implements RowOp.Loop {
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public void run(long out, long a, long b, long c, long d, long e, float p, float q, float r, float s, int n) {
    FloatVector vp = FloatVector.broadcast(SPECIES, p);
    FloatVector vq = FloatVector.broadcast(SPECIES, q);
    FloatVector vr = FloatVector.broadcast(SPECIES, r);
    FloatVector vs = FloatVector.broadcast(SPECIES, s);
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    int rest = n * Float.BYTES - whole;
    long to = out;
    long ta = a;
    long tb = b;
    long tc = c;
    long td = d;
    long te = e;
    int end = whole;
    while (true) {
      for (int at = 0; at < end; at += STEP) {
        operation(vp, vq, vr, vs, load(ta + at), load(tb + at), load(tc + at), load(td + at), load(te + at))
            .intoMemorySegment(ALL, to + at, LITTLE_ENDIAN);
      }
      if (rest == 0) {
        return;
      }
      if (to != out) {
        copy(to, out + whole, rest);
        return;
      }
      to = Scratch.current().padding();
      ta = to + STEP;
      tb = ta + STEP;
      tc = tb + STEP;
      td = tc + STEP;
      te = td + STEP;
      copy(a + whole, ta, rest);
      copy(b + whole, tb, rest);
      copy(c + whole, tc, rest);
      copy(d + whole, td, rest);
      copy(e + whole, te, rest);
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

  private static void copy(long from, long to, int bytes) {
    for (int at = 0; at < bytes; at += Float.BYTES) {
      ALL.set(INT, to + at, ALL.get(INT, from + at));
    }
  }
}
