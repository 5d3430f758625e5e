package org.flambeau.backend.cpu.vector;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static jdk.incubator.vector.VectorOperators.FMA;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.spi.NativeMemory.ALL;

import jdk.incubator.vector.FloatVector;
import org.flambeau.backend.cpu.TileTransforms;

/// [TileTransforms] on vectors. A point and its opposite share the even and the odd part of a polynomial.
final class FloatTileTransforms implements TileTransforms {
  private static final float P = POINT_P;
  private static final float Q = POINT_Q;
  private static final float P2 = P * P;
  private static final float Q2 = Q * Q;
  private static final float P3 = P * P2;
  private static final float Q3 = Q * Q2;
  private static final float AT_0 = 1 / (P2 * Q2);
  private static final float AT_P = 1 / (2 * P2 * (P2 - Q2));
  private static final float AT_Q = 1 / (2 * Q2 * (Q2 - P2));
  private static final int BYTES = SPECIES.vectorByteSize();

  @Override
  public void image(long from, long fromStep, long to, long toStep, long n) {
    long target = to;
    for (long source = from; source < from + n * Float.BYTES; source += BYTES) {
      FloatVector d0 = load(source);
      FloatVector d1 = load(source + fromStep);
      FloatVector d2 = load(source + 2 * fromStep);
      FloatVector d3 = load(source + 3 * fromStep);
      FloatVector d4 = load(source + 4 * fromStep);
      FloatVector d5 = load(source + 5 * fromStep);
      store(d0.lanewise(FMA, P2 * Q2, d2.lanewise(FMA, -P2 - Q2, d4)), target);
      FloatVector even = d2.lanewise(FMA, -Q2, d4);
      FloatVector odd = d1.lanewise(FMA, -Q2, d3);
      store(odd.lanewise(FMA, P, even), target + toStep);
      store(odd.lanewise(FMA, -P, even), target + 2 * toStep);
      even = d2.lanewise(FMA, -P2, d4);
      odd = d1.lanewise(FMA, -P2, d3);
      store(odd.lanewise(FMA, Q, even), target + 3 * toStep);
      store(odd.lanewise(FMA, -Q, even), target + 4 * toStep);
      store(d1.lanewise(FMA, P2 * Q2, d3.lanewise(FMA, -P2 - Q2, d5)), target + 5 * toStep);
      target += BYTES;
    }
  }

  @Override
  public void result(long from, long fromStep, long to, long toStep, long n) {
    long target = to;
    for (long source = from; source < from + n * Float.BYTES; source += BYTES) {
      FloatVector m1 = load(source + fromStep);
      FloatVector m2 = load(source + 2 * fromStep);
      FloatVector m3 = load(source + 3 * fromStep);
      FloatVector m4 = load(source + 4 * fromStep);
      FloatVector evenP = m1.add(m2);
      FloatVector oddP = m1.sub(m2);
      FloatVector evenQ = m3.add(m4);
      FloatVector oddQ = m3.sub(m4);
      FloatVector last = load(source + 5 * fromStep);
      store(load(source).add(evenP).add(evenQ), target);
      store(oddQ.lanewise(FMA, Q, oddP.mul(P)), target + toStep);
      store(evenQ.lanewise(FMA, Q2, evenP.mul(P2)), target + 2 * toStep);
      store(oddQ.lanewise(FMA, Q3, oddP.lanewise(FMA, P3, last)), target + 3 * toStep);
      target += BYTES;
    }
  }

  @Override
  public void kernel(long from, long fromStep, long to, long toStep, long n) {
    long target = to;
    for (long source = from; source < from + n * Float.BYTES; source += BYTES) {
      FloatVector g0 = load(source);
      FloatVector g1 = load(source + fromStep);
      FloatVector g2 = load(source + 2 * fromStep);
      store(g0.mul(AT_0), target);
      FloatVector even = g2.lanewise(FMA, P2, g0).mul(AT_P);
      store(g1.lanewise(FMA, P * AT_P, even), target + toStep);
      store(g1.lanewise(FMA, -P * AT_P, even), target + 2 * toStep);
      even = g2.lanewise(FMA, Q2, g0).mul(AT_Q);
      store(g1.lanewise(FMA, Q * AT_Q, even), target + 3 * toStep);
      store(g1.lanewise(FMA, -Q * AT_Q, even), target + 4 * toStep);
      store(g2, target + 5 * toStep);
      target += BYTES;
    }
  }

  @Override
  public void resultGradient(long from, long fromStep, long to, long toStep, long n) {
    long target = to;
    for (long source = from; source < from + n * Float.BYTES; source += BYTES) {
      FloatVector y0 = load(source);
      FloatVector y1 = load(source + fromStep);
      FloatVector y2 = load(source + 2 * fromStep);
      FloatVector y3 = load(source + 3 * fromStep);
      store(y0, target);
      FloatVector even = y2.lanewise(FMA, P2, y0);
      FloatVector odd = y3.lanewise(FMA, P3, y1.mul(P));
      store(even.add(odd), target + toStep);
      store(even.sub(odd), target + 2 * toStep);
      even = y2.lanewise(FMA, Q2, y0);
      odd = y3.lanewise(FMA, Q3, y1.mul(Q));
      store(even.add(odd), target + 3 * toStep);
      store(even.sub(odd), target + 4 * toStep);
      store(y3, target + 5 * toStep);
      target += BYTES;
    }
  }

  @Override
  public void kernelGradient(long from, long fromStep, long to, long toStep, long n) {
    long target = to;
    for (long source = from; source < from + n * Float.BYTES; source += BYTES) {
      FloatVector w1 = load(source + fromStep);
      FloatVector w2 = load(source + 2 * fromStep);
      FloatVector w3 = load(source + 3 * fromStep);
      FloatVector w4 = load(source + 4 * fromStep);
      FloatVector last = load(source + 5 * fromStep);
      FloatVector evenP = w1.add(w2).mul(AT_P);
      FloatVector oddP = w1.sub(w2).mul(AT_P);
      FloatVector evenQ = w3.add(w4).mul(AT_Q);
      FloatVector oddQ = w3.sub(w4).mul(AT_Q);
      store(load(source).lanewise(FMA, AT_0, evenP.add(evenQ)), target);
      store(oddQ.lanewise(FMA, Q, oddP.mul(P)), target + toStep);
      store(evenQ.lanewise(FMA, Q2, evenP.lanewise(FMA, P2, last)), target + 2 * toStep);
      target += BYTES;
    }
  }

  private static FloatVector load(long address) {
    return FloatVector.fromMemorySegment(SPECIES, ALL, address, LITTLE_ENDIAN);
  }

  private static void store(FloatVector vector, long address) {
    vector.intoMemorySegment(ALL, address, LITTLE_ENDIAN);
  }
}
