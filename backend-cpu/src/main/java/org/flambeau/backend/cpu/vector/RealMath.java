package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.FMA;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.SQRT;

import jdk.incubator.vector.Vector;

/// The operations that are the same on float and double lanes; see [LaneMath].
final class RealMath {
  private RealMath() {}

  static <E> Vector<E> div(Vector<E> a, Vector<E> b) {
    return a.div(b);
  }

  static <E> Vector<E> squaredDifference(Vector<E> a, Vector<E> b) {
    Vector<E> d = a.sub(b);
    return d.mul(d);
  }

  static <E> Vector<E> ifNan(Vector<E> a, Vector<E> b) {
    return a.blend(b, a.compare(NE, a));
  }

  static <E> Vector<E> sqrt(Vector<E> x) {
    return x.lanewise(SQRT);
  }

  static <E> Vector<E> rsqrt(Vector<E> x) {
    return x.broadcast(1).div(x.lanewise(SQRT));
  }

  static <E> Vector<E> reciprocal(Vector<E> x) {
    return x.broadcast(1).div(x);
  }

  static <E> Vector<E> addScaled(Vector<E> a, Vector<E> b, Vector<E> scale) {
    return b.lanewise(FMA, scale, a);
  }

  static <E> Vector<E> isNan(Vector<E> x) {
    return x.broadcast(0).blend(1, x.compare(NE, x));
  }

  /// x − x is NaN for infinities.
  static <E> Vector<E> isFinite(Vector<E> x) {
    return x.broadcast(0).blend(1, x.sub(x).compare(EQ, 0));
  }

  static <E> Vector<E> isInf(Vector<E> x) {
    return x.broadcast(0).blend(1, x.sub(x).compare(NE, 0).and(x.compare(EQ, x)));
  }

  // ---- steps of folds ----

  /// As the maximum, but of zeros with different signs either, which takes fewer instructions.
  static <E> Vector<E> larger(Vector<E> a, Vector<E> b) {
    return a.blend(b, a.compare(LT, b).or(b.compare(NE, b)));
  }

  static <E> Vector<E> smaller(Vector<E> a, Vector<E> b) {
    return a.blend(b, a.compare(GT, b).or(b.compare(NE, b)));
  }

  // ---- gradients ----

  static <E> Vector<E> sigmoidBackward(Vector<E> g, Vector<E> y) {
    return g.mul(y).mul(y.broadcast(1).sub(y));
  }

  static <E> Vector<E> tanhBackward(Vector<E> g, Vector<E> y) {
    return g.mul(y.broadcast(1).sub(y.mul(y)));
  }
}
