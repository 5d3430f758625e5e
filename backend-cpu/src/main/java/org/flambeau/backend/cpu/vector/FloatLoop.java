package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;

/// The vector loop over contiguous floats, copied for each operation, which takes the place of [#operation].
///
/// Elements that do not fill a vector go through the same loop once more, in padded copies.
final class FloatLoop implements Loop {
  /// How many operands the operation reads.
  private static final int OPERANDS = Specialization.data(MethodHandles.lookup(), Integer.class);
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public void run(long out, long a, long b, long c, int n) {
    int whole = SPECIES.loopBound(n) * Float.BYTES;
    int rest = n % SPECIES.length();
    long to = out;
    long x = a;
    long y = b;
    long z = c;
    int end = whole;
    while (true) {
      for (int at = 0; at < end; at += STEP) {
        FloatVector first = load(x + at);
        FloatVector second = OPERANDS > 1 ? load(y + at) : first;
        FloatVector third = OPERANDS > 2 ? load(z + at) : first;
        operation(first, second, third).intoMemorySegment(ALL, to + at, LITTLE_ENDIAN);
      }
      if (rest == 0) {
        return;
      }
      if (to != out) {
        FloatTail.copyOut(to, out + whole, rest);
        return;
      }
      to = Scratch.current().padding();
      x = to + STEP;
      y = x + STEP;
      z = y + STEP;
      FloatTail.copyIn(a + whole, x, rest);
      if (OPERANDS > 1) {
        FloatTail.copyIn(b + whole, y, rest);
      }
      if (OPERANDS > 2) {
        FloatTail.copyIn(c + whole, z, rest);
      }
      end = STEP;
    }
  }

  static FloatVector operation(FloatVector a, FloatVector b, FloatVector c) {
    throw new AssertionError("[loop] the template has no operation");
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
