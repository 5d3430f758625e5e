package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.backend.cpu.Compute;
import org.flambeau.backend.cpu.Fold;
import org.flambeau.backend.cpu.Reducer;
import org.flambeau.backend.cpu.Scratch;
import org.flambeau.backend.cpu.Specialization;

/// The vector loops of a fold over doubles or longs, copied for each fold, whose functions take the places of [#map] and [#combine]. What
/// fills no vector goes the scalar way. [FloatReducer] is that of floats, which are combined in vectors to the end.
final class LaneReducer implements Reducer {
  /// What a copy is made for.
  record Lanes(VectorSpecies<?> species, Compute compute, Fold fold, Reducer scalar) {}

  private static final Lanes LANES = Specialization.data(MethodHandles.lookup(), Lanes.class);
  private static final VectorSpecies<?> SPECIES = LANES.species();
  private static final Compute COMPUTE = LANES.compute();
  private static final Fold FOLD = LANES.fold();
  private static final int STEP = SPECIES.vectorByteSize();

  @Override
  public long row(long x, int n, double parameter) {
    int whole = SPECIES.loopBound(n);
    long result = LANES.scalar().row(x + 8L * whole, n - whole, parameter);
    if (whole > 0) {
      long lanes = Scratch.current().padding();
      long parameters = lanes + STEP;
      for (long at = 0; at < STEP; at += 8) {
        ALL.set(LONG, lanes + at, FOLD.init(COMPUTE));
        ALL.set(LONG, parameters + at, COMPUTE == Compute.LONG ? (long) parameter : Double.doubleToRawLongBits(parameter));
      }
      vectors(x, 8 * whole, lanes, parameters);
      for (long at = 0; at < STEP; at += 8) {
        result = FOLD.combine(COMPUTE, result, ALL.get(LONG, lanes + at));
      }
    }
    return result;
  }

  private void vectors(long x, int bytes, long lanes, long parameters) {
    Vector<?> s = load(parameters);
    Vector<?> a = load(lanes);
    Vector<?> b = load(lanes);
    Vector<?> c = load(lanes);
    Vector<?> d = load(lanes);
    int at = 0;
    for (; at <= bytes - 4 * STEP; at += 4 * STEP) {
      a = combine(a, map(load(x + at), s));
      b = combine(b, map(load(x + at + STEP), s));
      c = combine(c, map(load(x + at + 2 * STEP), s));
      d = combine(d, map(load(x + at + 3 * STEP), s));
    }
    for (; at < bytes; at += STEP) {
      a = combine(a, map(load(x + at), s));
    }
    combine(combine(a, b), combine(c, d)).intoMemorySegment(ALL, lanes, LITTLE_ENDIAN);
  }

  @Override
  public void rows(long acc, long x, long stride, int rows, long parameters, int n) {
    int whole = SPECIES.loopBound(n) * Long.BYTES;
    for (int at = 0; at < whole; at += STEP) {
      column(acc + at, x + at, stride, rows, parameters + at);
    }
    LANES.scalar().rows(acc + whole, x + whole, stride, rows, parameters + whole, n - whole / Long.BYTES);
  }

  private void column(long acc, long x, long stride, int rows, long parameters) {
    Vector<?> s = load(parameters);
    Vector<?> result = load(acc);
    long at = x;
    for (int r = 0; r < rows; r++, at += stride) {
      result = combine(result, map(load(at), s));
    }
    result.intoMemorySegment(ALL, acc, LITTLE_ENDIAN);
  }

  static Vector<?> map(Vector<?> x, Vector<?> parameter) {
    throw new AssertionError("[reducer] the template has no fold");
  }

  static Vector<?> combine(Vector<?> a, Vector<?> b) {
    throw new AssertionError("[reducer] the template has no fold");
  }

  private static Vector<?> load(long address) {
    return SPECIES.fromMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
