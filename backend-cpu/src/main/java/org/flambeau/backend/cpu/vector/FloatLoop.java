package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;

import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.Scratch;

/// The vector loop over contiguous floats, copied for each operation, which takes the place of [#operation].
///
/// Elements that do not fill a vector go through the same loop once more, in padded copies.
final class FloatLoop implements Loop {
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public void run(long out, long a, long b, long c, int n) {
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    int rest = n * Float.BYTES - whole;
    long to = out;
    long x = a;
    long y = b;
    long z = c;
    int end = whole;
    while (true) {
      for (int at = 0; at < end; at += STEP) {
        operation(load(x + at), load(y + at), load(z + at)).intoMemorySegment(ALL, to + at, LITTLE_ENDIAN);
      }
      if (rest == 0) {
        return;
      }
      if (to != out) {
        copy(to, out + whole, rest);
        return;
      }
      to = Scratch.current().padding();
      x = to + STEP;
      y = x + STEP;
      z = y + STEP;
      copy(a + whole, x, rest);
      copy(b + whole, y, rest);
      copy(c + whole, z, rest);
      end = STEP;
    }
  }

  static FloatVector operation(FloatVector a, FloatVector b, FloatVector c) {
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
