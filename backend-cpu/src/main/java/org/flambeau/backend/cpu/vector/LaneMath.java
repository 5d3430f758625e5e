package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.Vector;
import jdk.incubator.vector.VectorMask;

/// The operations that are the same on lanes of any type, each named as its constant in [org.flambeau.spi.UnaryOp],
/// [org.flambeau.spi.BinaryOp] or [org.flambeau.backend.cpu.TernaryOp].
///
/// As in [FloatMath], all code here is made to be inlined by [org.flambeau.backend.cpu.Inliner]: where it is, a vector's class is
/// known from where it was loaded.
final class LaneMath {
  private LaneMath() {}

  // ---- arithmetic ----

  static <E> Vector<E> abs(Vector<E> x) {
    return x.abs();
  }

  static <E> Vector<E> neg(Vector<E> x) {
    return x.neg();
  }

  static <E> Vector<E> sign(Vector<E> x) {
    return x.broadcast(0).blend(1, x.compare(GT, 0)).blend(-1, x.compare(LT, 0));
  }

  static <E> Vector<E> square(Vector<E> x) {
    return x.mul(x);
  }

  static <E> Vector<E> cube(Vector<E> x) {
    return x.mul(x).mul(x);
  }

  static <E> Vector<E> add(Vector<E> a, Vector<E> b) {
    return a.add(b);
  }

  static <E> Vector<E> sub(Vector<E> a, Vector<E> b) {
    return a.sub(b);
  }

  static <E> Vector<E> mul(Vector<E> a, Vector<E> b) {
    return a.mul(b);
  }

  static <E> Vector<E> maximum(Vector<E> a, Vector<E> b) {
    return a.max(b);
  }

  static <E> Vector<E> minimum(Vector<E> a, Vector<E> b) {
    return a.min(b);
  }

  static <E> Vector<E> clamp(Vector<E> x, Vector<E> low, Vector<E> high) {
    return x.max(low).min(high);
  }

  static <E> Vector<E> where(Vector<E> condition, Vector<E> a, Vector<E> b) {
    return b.blend(a, condition.compare(NE, 0));
  }

  static <E> Vector<E> relu(Vector<E> x) {
    return x.blend(0, x.compare(LT, 0));
  }

  static <E> Vector<E> reluBackward(Vector<E> g, Vector<E> y) {
    return g.blend(0, y.compare(LE, 0));
  }

  static <E> Vector<E> leakyRelu(Vector<E> x, Vector<E> slope) {
    return x.mul(slope).blend(x, x.compare(GT, 0));
  }

  // ---- predicates: 1 or 0 ----

  private static <E> Vector<E> truth(Vector<E> x, VectorMask<E> mask) {
    return x.broadcast(0).blend(1, mask);
  }

  static <E> Vector<E> logicalNot(Vector<E> x) {
    return truth(x, x.compare(EQ, 0));
  }

  static <E> Vector<E> logicalAnd(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(NE, 0).and(b.compare(NE, 0)));
  }

  static <E> Vector<E> logicalOr(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(NE, 0).or(b.compare(NE, 0)));
  }

  static <E> Vector<E> logicalXor(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(NE, 0).xor(b.compare(NE, 0)));
  }

  static <E> Vector<E> eq(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(EQ, b));
  }

  static <E> Vector<E> ne(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(NE, b));
  }

  static <E> Vector<E> lt(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(LT, b));
  }

  static <E> Vector<E> le(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(LE, b));
  }

  static <E> Vector<E> gt(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(GT, b));
  }

  static <E> Vector<E> ge(Vector<E> a, Vector<E> b) {
    return truth(a, a.compare(GE, b));
  }

  // ---- the first steps of folds ----

  static <E> Vector<E> first(Vector<E> x, Vector<E> s) {
    return x;
  }

  static <E> Vector<E> nonzero(Vector<E> x, Vector<E> s) {
    return truth(x, x.compare(NE, 0));
  }

  static <E> Vector<E> magnitude(Vector<E> x, Vector<E> s) {
    return x.abs();
  }

  static <E> Vector<E> squareOf(Vector<E> x, Vector<E> s) {
    return x.mul(x);
  }

  static <E> Vector<E> squaredDeviation(Vector<E> x, Vector<E> s) {
    Vector<E> d = x.sub(s);
    return d.mul(d);
  }
}
