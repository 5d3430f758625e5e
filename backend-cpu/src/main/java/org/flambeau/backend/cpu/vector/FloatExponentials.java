package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;
import static org.flambeau.backend.cpu.vector.FloatMath.ONE;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/// Exponentials and logarithms to other bases than e, the hyperbolic functions and their inverses. Made to be inlined, as [FloatMath] is.
///
/// Polynomials are minimax fits of their functions, with coefficients rounded one after another.
final class FloatExponentials {
  /// Adding 1.5·2²³ rounds to a whole number and leaves it in the low bits.
  private static final float ROUNDER = 0x1.8p23f;
  private static final float LN_2 = 0.693147182f;
  private static final float LOG2_E = 1.44269502f;
  private static final float LOG10_E = 0.4342945f;
  private static final float LOG10_2 = 0.30103001f;
  private static final float LOG10_2_LOW = -1.43209e-8f;
  /// From here on 1 is nothing beside a square.
  private static final float FAR = 0x1p13f;

  private FloatExponentials() {}

  // ---- exponentials ----

  static FloatVector exp2(FloatVector x) {
    FloatVector rounded = x.add(ROUNDER);
    FloatVector y = FloatMath.exp2Reduced(x.sub(rounded.sub(ROUNDER)));
    return x.abs().compare(LE, 125f).allTrue()
        ? FloatMath.shifted(y, rounded)
        : FloatMath.scaled(y, rounded).blend(Float.POSITIVE_INFINITY, x.compare(GE, 128f)).blend(0f, x.compare(LT, -150f));
  }

  /// eᵃ/2 for a ≥ 0 or NaN.
  private static FloatVector halfExp(FloatVector a) {
    FloatVector rounded = FloatMath.powerOfTwo(a);
    return FloatMath.shifted(FloatMath.exp2Rest(a, rounded).mul(0.5f), rounded)
        .blend(a.mul(Float.POSITIVE_INFINITY), a.compare(LE, 89.4159851f).not());
  }

  static FloatVector sinh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector square = a.mul(a);
    FloatVector small = broadcast(SPECIES, 2.7822132e-06f).fma(square, broadcast(SPECIES, 0.00019842896f))
        .fma(square, broadcast(SPECIES, 0.0083333105f)).fma(square, broadcast(SPECIES, 0.16666667f)).mul(square).fma(a, a);
    FloatVector half = halfExp(a);
    FloatVector large = half.sub(broadcast(SPECIES, 0.25f).div(half));
    return FloatMath.copysign(small.blend(large, a.compare(GE, 1f)), x);
  }

  static FloatVector cosh(FloatVector x) {
    FloatVector half = halfExp(x.abs());
    return half.add(broadcast(SPECIES, 0.25f).div(half));
  }

  // ---- logarithms ----

  static FloatVector log2(FloatVector x) {
    FloatVector m = FloatMath.mantissa(x);
    return FloatMath.logarithm(x, FloatMath.log1pReduced(m, m).fma(broadcast(SPECIES, LOG2_E), FloatMath.exponent(x)));
  }

  static FloatVector log10(FloatVector x) {
    FloatVector e = FloatMath.exponent(x);
    FloatVector m = FloatMath.mantissa(x);
    FloatVector y = FloatMath.log1pReduced(m, m).fma(broadcast(SPECIES, LOG10_E), e.mul(LOG10_2_LOW));
    return FloatMath.logarithm(x, e.fma(broadcast(SPECIES, LOG10_2), y));
  }

  static FloatVector xlogy(FloatVector a, FloatVector b) {
    return a.mul(FloatMath.log(b)).blend(0f, a.compare(EQ, 0f).and(b.compare(EQ, b)));
  }

  /// log(x/(1 − x)), with what 1 − x and the quotient were rounded by.
  static FloatVector logit(FloatVector x) {
    FloatVector rest = ONE.sub(x);
    FloatVector error = ONE.sub(rest).sub(x);
    FloatVector q = x.div(rest);
    return FloatMath.logOf(q, q.neg().fma(error, q.neg().fma(rest, x)).div(x));
  }

  // ---- inverse hyperbolic functions ----

  /// log(a + √(a² + 1)), by a and √(a² + 1) − 1.
  static FloatVector asinh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector square = a.mul(a);
    FloatVector rise = square.div(square.add(1f).sqrt().add(1f));
    FloatVector sum = a.add(rise);
    FloatVector u = sum.add(1f);
    // u less 1, a and the rise, by parts that are exact
    FloatVector part = u.sub(1f);
    FloatVector error = ONE.sub(u.sub(part)).add(sum.sub(part)).add(rise.sub(sum.sub(a)));
    return FloatMath.copysign(logOfTwiceWhereFar(a, u, error), x);
  }

  /// log(x + √(x² − 1)).
  static FloatVector acosh(FloatVector x) {
    FloatVector root = x.fma(x, ONE.neg()).sqrt();
    FloatVector u = x.add(root);
    return logOfTwiceWhereFar(x, u, root.sub(u.sub(x))).blend(Float.NaN, x.compare(LT, 1f));
  }

  /// log(u + error), but log 2x where x is so large that its square may be none.
  private static FloatVector logOfTwiceWhereFar(FloatVector x, FloatVector u, FloatVector error) {
    VectorMask<Float> far = x.compare(GT, FAR);
    FloatVector y = FloatMath.logOf(u.blend(x, far), error.div(u).blend(0f, far));
    return y.blend(y.add(LN_2), far);
  }

  /// ½·log((1 + x)/(1 − x)), with what the terms and the quotient were rounded by.
  static FloatVector atanh(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector n = a.add(1f);
    FloatVector d = ONE.sub(a);
    FloatVector q = n.div(d);
    FloatVector errors = q.fma(ONE.sub(d).sub(a).neg(), a.sub(n.sub(1f)));
    FloatVector y = FloatMath.logOf(q, q.neg().fma(d, n).add(errors).div(n));
    return FloatMath.copysign(y.mul(0.5f), x);
  }
}
