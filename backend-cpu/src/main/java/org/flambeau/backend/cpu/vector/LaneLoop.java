package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;

/// The vector loop over contiguous elements of any compute type, copied for each operation, which takes the place of [#operation], and
/// each type.
///
/// Elements that do not fill a vector go through the same loop once more, in padded copies.
final class LaneLoop implements Loop {
  /// What a copy is made for.
  ///
  /// @param operands how many the operation reads
  record Lanes(VectorSpecies<?> species, int operands) {}

  private static final Lanes LANES = Specialization.data(MethodHandles.lookup(), Lanes.class);
  private static final VectorSpecies<?> SPECIES = LANES.species();
  private static final int OPERANDS = LANES.operands();
  private static final int STEP = SPECIES.vectorByteSize();
  private static final int SIZE = SPECIES.elementSize() / Byte.SIZE;

  @Override
  public void run(long out, long a, long b, long c, int n) {
    int whole = SPECIES.loopBound(n) * SIZE;
    int rest = n % SPECIES.length() * (SIZE / Float.BYTES);
    long to = out;
    long x = a;
    long y = b;
    long z = c;
    int end = whole;
    while (true) {
      for (int at = 0; at < end; at += STEP) {
        Vector<?> first = load(x + at);
        Vector<?> second = OPERANDS > 1 ? load(y + at) : first;
        Vector<?> third = OPERANDS > 2 ? load(z + at) : first;
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

  static Vector<?> operation(Vector<?> a, Vector<?> b, Vector<?> c) {
    throw new AssertionError("[loop] the template has no operation");
  }

  private static Vector<?> load(long address) {
    return SPECIES.fromMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
