package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.RowOp;
import org.flambeau.backend.cpu.Scratch;

/// The vector loop of a sum over a row, copied for each term.
final class FloatRowSum implements RowOp.Sum {
  private static final int LANES = SPECIES.length();
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public float run(long a, long b, float p, int n) {
    FloatVector vp = FloatVector.broadcast(SPECIES, p);
    // not a constant: where a loop's variable starts as an object that exists, the compiler keeps all its values as objects
    FloatVector even = FloatVector.zero(SPECIES);
    FloatVector odd = FloatVector.zero(SPECIES);
    int pairs = n / (2 * LANES);
    int at = 0;
    for (int i = 0; i < pairs; i++, at += 2 * STEP) {
      even = even.add(term(vp, load(a + at), load(b + at)));
      odd = odd.add(term(vp, load(a + at + STEP), load(b + at + STEP)));
    }
    FloatVector sum = even.add(odd);
    for (int left = n - pairs * 2 * LANES; left > 0; left -= LANES, at += STEP) {
      long padded = Scratch.current().padding();
      int size = Math.min(left, LANES);
      FloatTail.copyIn(a + at, padded, size);
      FloatTail.copyIn(b + at, padded + STEP, size);
      sum = sum.add(FloatMath.ZERO.blend(term(vp, load(padded), load(padded + STEP)), SPECIES.indexInRange(0, size)));
    }
    return FloatMath.sumOfLanes(sum);
  }

  static FloatVector term(FloatVector p, FloatVector a, FloatVector b) {
    throw new AssertionError("[sum] the template has no term");
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }
}
