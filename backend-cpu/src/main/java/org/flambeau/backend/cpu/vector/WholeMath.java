package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.VectorOperators.AND;
import static jdk.incubator.vector.VectorOperators.NOT;
import static jdk.incubator.vector.VectorOperators.OR;
import static jdk.incubator.vector.VectorOperators.XOR;

import jdk.incubator.vector.Vector;

/// The operations that are the same on int and long lanes; see [LaneMath].
final class WholeMath {
  private WholeMath() {}

  static <E> Vector<E> addScaled(Vector<E> a, Vector<E> b, Vector<E> scale) {
    return a.add(b.mul(scale));
  }

  static <E> Vector<E> larger(Vector<E> a, Vector<E> b) {
    return a.max(b);
  }

  static <E> Vector<E> smaller(Vector<E> a, Vector<E> b) {
    return a.min(b);
  }

  static <E> Vector<E> bitwiseAnd(Vector<E> a, Vector<E> b) {
    return a.lanewise(AND, b);
  }

  static <E> Vector<E> bitwiseOr(Vector<E> a, Vector<E> b) {
    return a.lanewise(OR, b);
  }

  static <E> Vector<E> bitwiseXor(Vector<E> a, Vector<E> b) {
    return a.lanewise(XOR, b);
  }

  static <E> Vector<E> bitwiseNot(Vector<E> x) {
    return x.lanewise(NOT);
  }
}
