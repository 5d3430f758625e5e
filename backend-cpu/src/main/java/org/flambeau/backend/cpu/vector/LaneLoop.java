package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;
import org.flambeau.spi.NativeMemory;

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
    vectors(out, a, b, c, whole);
    int rest = n % SPECIES.length();
    if (rest != 0) {
      tail(out + whole, a + whole, b + whole, c + whole, rest);
    }
  }

  /// An instance method, as the next is, which is not written into its callers.
  private void vectors(long out, long a, long b, long c, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      Vector<?> first = load(a + at);
      Vector<?> second = OPERANDS > 1 ? load(b + at) : first;
      Vector<?> third = OPERANDS > 2 ? load(c + at) : first;
      operation(first, second, third).intoMemorySegment(ALL, out + at, LITTLE_ENDIAN);
    }
  }

  private void tail(long out, long a, long b, long c, int rest) {
    long to = Scratch.current().padding();
    long x = to + STEP;
    long y = x + STEP;
    long z = y + STEP;
    copyIn(a, x, rest);
    if (OPERANDS > 1) {
      copyIn(b, y, rest);
    }
    if (OPERANDS > 2) {
      copyIn(c, z, rest);
    }
    vectors(to, x, y, z, STEP);
    if (SIZE < Float.BYTES) {
      NativeMemory.copy(to, out, rest);
    } else {
      FloatTail.copyOut(to, out, rest * (SIZE / Float.BYTES));
    }
  }

  private static void copyIn(long from, long to, int n) {
    if (SIZE < Float.BYTES) {
      NativeMemory.copy(from, to, n);
    } else {
      FloatTail.copyIn(from, to, n * (SIZE / Float.BYTES));
    }
  }

  static Vector<?> operation(Vector<?> a, Vector<?> b, Vector<?> c) {
    throw new AssertionError("[loop] the template has no operation");
  }

  private static Vector<?> load(long address) {
    return SPECIES.fromMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
