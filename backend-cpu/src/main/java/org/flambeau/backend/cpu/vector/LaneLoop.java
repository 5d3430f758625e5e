package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.backend.cpu.Halves;
import org.flambeau.backend.cpu.Loop;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;
import org.flambeau.spi.NativeMemory;

/// The vector loop over contiguous elements of any compute type, copied for each operation, which takes the place of [#operation], and
/// each type. Of floats some operands may be halves, which [#widened] and [#round] read and write.
///
/// Elements that do not fill a vector go through the same loop once more, in padded copies.
final class LaneLoop implements Loop {
  /// What a copy is made for.
  ///
  /// @param operands how many the operation reads
  record Lanes(VectorSpecies<?> species, int operands, Halves halves) {}

  private static final Lanes LANES = Specialization.data(MethodHandles.lookup(), Lanes.class);
  private static final VectorSpecies<?> SPECIES = LANES.species();
  private static final int OPERANDS = LANES.operands();
  private static final boolean HALF_OUT = LANES.halves().contains(0);
  private static final boolean HALF_A = LANES.halves().contains(1);
  private static final boolean HALF_B = LANES.halves().contains(2);
  private static final boolean HALF_C = LANES.halves().contains(3);
  private static final int STEP = SPECIES.vectorByteSize();
  private static final int SIZE = SPECIES.elementSize() / Byte.SIZE;

  @Override
  public void run(long out, long a, long b, long c, int n) {
    int whole = SPECIES.loopBound(n) * SIZE;
    vectors(out, a, b, c, whole);
    int rest = n % SPECIES.length();
    if (rest != 0) {
      tail(place(HALF_OUT, out, whole), place(HALF_A, a, whole), place(HALF_B, b, whole), place(HALF_C, c, whole), rest);
    }
  }

  /// An instance method, as the next is, which is not written into its callers.
  ///
  /// @param bytes of lanes
  private void vectors(long out, long a, long b, long c, int bytes) {
    for (int at = 0; at < bytes; at += STEP) {
      Vector<?> first = HALF_A ? widened(a + at / 2) : load(a + at);
      Vector<?> second = OPERANDS > 1 ? HALF_B ? widened(b + at / 2) : load(b + at) : first;
      Vector<?> third = OPERANDS > 2 ? HALF_C ? widened(c + at / 2) : load(c + at) : first;
      Vector<?> result = operation(first, second, third);
      if (HALF_OUT) {
        round(result, out + at / 2);
      } else {
        result.intoMemorySegment(ALL, out + at, LITTLE_ENDIAN);
      }
    }
  }

  private void tail(long out, long a, long b, long c, int rest) {
    long to = Scratch.current().padding();
    long x = to + STEP;
    long y = x + STEP;
    long z = y + STEP;
    copyIn(HALF_A, a, x, rest);
    if (OPERANDS > 1) {
      copyIn(HALF_B, b, y, rest);
    }
    if (OPERANDS > 2) {
      copyIn(HALF_C, c, z, rest);
    }
    vectors(to, x, y, z, STEP);
    if (HALF_OUT || SIZE < Float.BYTES) {
      NativeMemory.copy(to, out, bytes(HALF_OUT, rest));
    } else {
      FloatTail.copyOut(to, out, rest * (SIZE / Float.BYTES));
    }
  }

  private static void copyIn(boolean half, long from, long to, int n) {
    if (half || SIZE < Float.BYTES) {
      NativeMemory.copy(from, to, bytes(half, n));
    } else {
      FloatTail.copyIn(from, to, n * (SIZE / Float.BYTES));
    }
  }

  private static int bytes(boolean half, int n) {
    return half ? n * Short.BYTES : n * SIZE;
  }

  private static long place(boolean half, long operand, int bytes) {
    return operand + (half ? bytes / 2 : bytes);
  }

  static Vector<?> operation(Vector<?> a, Vector<?> b, Vector<?> c) {
    throw new AssertionError("[loop] the template has no operation");
  }

  static Vector<?> widened(long from) {
    throw new AssertionError("[loop] the template has no load");
  }

  static void round(Vector<?> x, long to) {
    throw new AssertionError("[loop] the template has no store");
  }

  private static Vector<?> load(long address) {
    return SPECIES.fromMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
