package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.XOR;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.flambeau.spi.BinaryOp;

/// Whole numbers, and what divisions by them leave: all of it exact. Made to be inlined, as [FloatMath] is.
final class FloatRounding {
  /// From here on floats are whole. Adding and taking it away again rounds what is smaller.
  private static final float WHOLE = 0x1p23f;

  private FloatRounding() {}

  static FloatVector round(FloatVector x) {
    FloatVector a = x.abs();
    return FloatMath.copysign(a.add(WHOLE).sub(WHOLE), x).blend(x, a.compare(GE, WHOLE));
  }

  static FloatVector floor(FloatVector x) {
    FloatVector y = round(x);
    return y.sub(1f, y.compare(GT, x));
  }

  static FloatVector ceil(FloatVector x) {
    return floor(x.neg()).neg();
  }

  static FloatVector trunc(FloatVector x) {
    FloatVector a = x.abs();
    return FloatMath.copysign(below(a), x).blend(x, a.compare(GE, WHOLE));
  }

  /// ⌊a⌋ for 0 ≤ a < 2²³.
  private static FloatVector below(FloatVector a) {
    FloatVector y = a.add(WHOLE).sub(WHOLE);
    return y.sub(1f, y.compare(GT, a));
  }

  // ---- division with a remainder ----

  /// ⌊n/d⌋ for n ≥ 0 and d > 0 where that is less than 2²³: the rounded quotient's, or one less where rounding has carried it to
  /// a whole number. The fused product tells, since it is exact.
  private static FloatVector wholeQuotient(FloatVector n, FloatVector d) {
    FloatVector q = below(n.div(d));
    return q.sub(1f, q.neg().fma(d, n).compare(LT, 0f));
  }

  /// What is left of n; d may be infinite.
  private static FloatVector rest(FloatVector n, FloatVector d, FloatVector wholeQuotient) {
    return wholeQuotient.neg().fma(d, n).blend(n, n.compare(LT, d));
  }

  /// Where a quotient has more digits than a float; infinite ones are among them.
  private static VectorMask<Float> isLong(FloatVector a, FloatVector b) {
    return a.div(b).abs().compare(GE, WHOLE);
  }

  private static VectorMask<Float> differInSign(FloatVector a, FloatVector b) {
    return a.reinterpretAsInts().lanewise(XOR, b.reinterpretAsInts()).compare(LT, 0).cast(SPECIES);
  }

  static FloatVector fmod(FloatVector a, FloatVector b) {
    FloatVector n = a.abs();
    FloatVector d = b.abs();
    FloatVector y = FloatMath.copysign(rest(n, d, wholeQuotient(n, d)), a);
    VectorMask<Float> far = isLong(a, b);
    return far.anyTrue() ? y.blend(ExactLanes.of(BinaryOp.FMOD, a, b), far) : y;
  }

  static FloatVector remainder(FloatVector a, FloatVector b) {
    FloatVector y = fmod(a, b);
    return y.blend(y.add(b), differInSign(y, b).and(y.compare(NE, 0f)));
  }

  static FloatVector floorDivide(FloatVector a, FloatVector b) {
    FloatVector n = a.abs();
    FloatVector d = b.abs();
    FloatVector q = wholeQuotient(n, d);
    FloatVector up = q.add(1f, rest(n, d, q).compare(NE, 0f));
    FloatVector y = q.blend(up.neg(), differInSign(a, b));
    VectorMask<Float> far = isLong(a, b);
    return far.anyTrue() ? y.blend(ExactLanes.of(BinaryOp.FLOOR_DIVIDE, a, b), far) : y;
  }

  static FloatVector truncDivide(FloatVector a, FloatVector b) {
    return trunc(a.div(b));
  }
}
