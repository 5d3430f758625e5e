package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.XOR;
import static org.flambeau.backend.cpu.vector.FloatMath.ONE;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;
import static org.flambeau.backend.cpu.vector.FloatMath.ZERO;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import org.flambeau.spi.UnaryOp;

/// The circular functions, their inverses, and the hypotenuse. Made to be inlined, as [FloatMath] is.
///
/// Unless said otherwise polynomials are minimax fits of their functions, with coefficients rounded one after another.
final class FloatTrigonometry {
  /// Adding 1.5·2²³ rounds to a whole number and leaves it in the low bits.
  private static final float ROUNDER = 0x1.8p23f;
  /// Up to here π/2 in three floats is enough to take multiples of it away.
  private static final float FAR = 3e4f;
  private static final float PI_BY_2_HIGH = 1.57079601287841796875f;
  private static final float PI_BY_2_MIDDLE = 3.1391647326017846e-7f;
  private static final float PI_BY_2_LOW = 5.390302529957765e-15f;
  private static final float PI = 3.14159274f;
  private static final float PI_LOW = -8.74227766e-8f;
  private static final int EXPONENT = 0x7f800000;
  private static final int LEAST_EXPONENT = 1 << 23;
  private static final int LARGEST_EXPONENT = 253 << 23;
  private static final int TWICE_BIAS = 254 << 23;

  private FloatTrigonometry() {}

  // ---- sine, cosine, tangent ----

  static FloatVector sin(FloatVector x) {
    VectorMask<Float> far = x.abs().compare(GT, FAR);
    FloatVector y = circular(x, 0);
    return far.anyTrue() ? y.blend(ExactLanes.of(UnaryOp.SIN, x), far) : y;
  }

  static FloatVector cos(FloatVector x) {
    VectorMask<Float> far = x.abs().compare(GT, FAR);
    FloatVector y = circular(x, 1);
    return far.anyTrue() ? y.blend(ExactLanes.of(UnaryOp.COS, x), far) : y;
  }

  /// tan r, or −1/tan r beside an odd multiple of π/2, of an r in two floats.
  static FloatVector tan(FloatVector x) {
    VectorMask<Float> far = x.abs().compare(GT, FAR);
    FloatVector rounded = quadrants(x);
    FloatVector n = rounded.sub(ROUNDER);
    FloatVector high = n.fma(broadcast(SPECIES, -PI_BY_2_HIGH), x);
    FloatVector part = n.mul(-PI_BY_2_MIDDLE);
    FloatVector r = high.add(part);
    FloatVector gained = r.sub(high);
    FloatVector lost = high.sub(r.sub(gained)).add(part.sub(gained)).add(n.fma(broadcast(SPECIES, -PI_BY_2_MIDDLE), part.neg()));
    FloatVector low = n.fma(broadcast(SPECIES, -PI_BY_2_LOW), lost);
    FloatVector square = r.mul(r);
    FloatVector tail = broadcast(SPECIES, 0.004387556f).fma(square, broadcast(SPECIES, 7.02754e-05f))
        .fma(square, broadcast(SPECIES, 0.010847483f)).fma(square, broadcast(SPECIES, 0.021279454f))
        .fma(square, broadcast(SPECIES, 0.054059967f)).fma(square, broadcast(SPECIES, 0.1333267f))
        .fma(square, broadcast(SPECIES, 0.3333335f)).mul(square).mul(r);
    FloatVector rough = r.add(tail);
    tail = low.fma(rough.fma(rough, ONE), tail);
    FloatVector t = r.add(tail);
    FloatVector rest = tail.sub(t.sub(r));
    FloatVector inverse = ONE.neg().div(t);
    inverse = inverse.fma(inverse.fma(rest, inverse.fma(t, ONE)), inverse);
    FloatVector y = t.blend(inverse, isOdd(rounded.reinterpretAsInts())).blend(x, x.compare(EQ, 0f));
    return far.anyTrue() ? y.blend(ExactLanes.of(UnaryOp.TAN, x), far) : y;
  }

  /// sin(x + quadrant·π/2).
  private static FloatVector circular(FloatVector x, int quadrant) {
    FloatVector rounded = quadrants(x);
    FloatVector r = reduced(x, rounded);
    FloatVector square = r.mul(r);
    IntVector k = rounded.reinterpretAsInts().add(quadrant);
    IntVector sign = k.and(2).lanewise(LSHL, 30);
    FloatVector y = sine(r, square).blend(cosine(square), isOdd(k));
    return y.reinterpretAsInts().lanewise(XOR, sign).reinterpretAsFloats();
  }

  /// The multiple of π/2 that is nearest to x, in the low bits.
  private static FloatVector quadrants(FloatVector x) {
    return x.fma(broadcast(SPECIES, 0.636619772f), broadcast(SPECIES, ROUNDER));
  }

  /// x less that multiple.
  private static FloatVector reduced(FloatVector x, FloatVector quadrants) {
    FloatVector n = quadrants.sub(ROUNDER);
    FloatVector r = n.fma(broadcast(SPECIES, -PI_BY_2_HIGH), x);
    r = n.fma(broadcast(SPECIES, -PI_BY_2_MIDDLE), r);
    return n.fma(broadcast(SPECIES, -PI_BY_2_LOW), r);
  }

  private static VectorMask<Float> isOdd(IntVector k) {
    return k.and(1).compare(NE, 0).cast(SPECIES);
  }

  /// sin r for |r| ≤ π/4. Coefficients: Shibata's SLEEF.
  private static FloatVector sine(FloatVector r, FloatVector square) {
    FloatVector s = broadcast(SPECIES, 2.6083159809786593541503e-06f).fma(square, broadcast(SPECIES, -0.0001981069071916863322258f))
        .fma(square, broadcast(SPECIES, 0.00833307858556509017944336f)).fma(square, broadcast(SPECIES, -0.166666597127914428710938f))
        .mul(square).fma(r, r);
    return FloatMath.copysign(s, r);
  }

  /// cos r. Coefficients: Moshier's Cephes.
  private static FloatVector cosine(FloatVector square) {
    return broadcast(SPECIES, 2.443315711809948e-5f).fma(square, broadcast(SPECIES, -1.388731625493765e-3f))
        .fma(square, broadcast(SPECIES, 4.166664568298827e-2f)).fma(square, broadcast(SPECIES, -0.5f)).fma(square, ONE);
  }

  // ---- their inverses ----

  /// offset + x + tail, rounded once, where the offset is 0 or larger than |x|.
  private static FloatVector sum(FloatVector offset, FloatVector x, FloatVector tail) {
    FloatVector y = offset.add(x);
    return y.add(x.sub(y.sub(offset)).add(tail));
  }

  /// Where the arc is taken from the half of the rest: asin a = π/2 − 2·asin √((1 − a)/2).
  private static VectorMask<Float> isOuter(FloatVector a) {
    return a.compare(GT, 0.5f);
  }

  /// The square of the number whose arc is taken, for the magnitude a of an operand.
  private static FloatVector arcSquare(FloatVector a) {
    return a.mul(a).blend(a.fma(broadcast(SPECIES, -0.5f), broadcast(SPECIES, 0.5f)), isOuter(a));
  }

  /// asin r − r for |r| ≤ ½, with what the root r was rounded by.
  private static FloatVector arcTail(FloatVector r, FloatVector square, VectorMask<Float> rooted) {
    FloatVector error = ZERO.blend(r.neg().fma(r, square).div(r.add(r)), rooted);
    return broadcast(SPECIES, 0.042158306f).fma(square, broadcast(SPECIES, 0.024184778f)).fma(square, broadcast(SPECIES, 0.04546915f))
        .fma(square, broadcast(SPECIES, 0.074953094f)).fma(square, broadcast(SPECIES, 0.16666752f)).mul(square).fma(r, error);
  }

  static FloatVector asin(FloatVector x) {
    FloatVector a = x.abs();
    VectorMask<Float> outer = isOuter(a);
    FloatVector square = arcSquare(a);
    FloatVector r = a.blend(square.sqrt(), outer);
    FloatVector tail = arcTail(r, square, outer.and(a.compare(LT, 1f)));
    FloatVector complement = sum(broadcast(SPECIES, PI / 4), r.neg(), broadcast(SPECIES, PI_LOW / 4).sub(tail)).mul(2f);
    return FloatMath.copysign(r.add(tail).blend(complement, outer), x);
  }

  static FloatVector acos(FloatVector x) {
    FloatVector a = x.abs();
    VectorMask<Float> outer = isOuter(a);
    FloatVector square = arcSquare(a);
    FloatVector r = a.blend(square.sqrt(), outer);
    FloatVector tail = arcTail(r, square, outer.and(a.compare(LT, 1f)));
    // 2·asin r of an x that is large, 2·(π/2 − asin r) of one that is small, else π/2 − asin x
    VectorMask<Float> large = x.compare(GT, 0.5f);
    VectorMask<Float> minus = large.or(x.compare(GE, -0.5f).and(x.compare(LT, 0f)));
    FloatVector offset = broadcast(SPECIES, PI / 2).blend(0f, large);
    FloatVector low = broadcast(SPECIES, PI_LOW / 2).blend(0f, large);
    FloatVector y = sum(offset, r.neg().blend(r, minus), low.add(tail.neg().blend(tail, minus)));
    return y.blend(y.add(y), outer);
  }

  /// By atan a, or π/2 − atan 1/a.
  static FloatVector atan(FloatVector x) {
    FloatVector a = x.abs();
    VectorMask<Float> steep = a.compare(GT, 1f);
    FloatVector q = a.blend(ONE.div(a), steep);
    FloatVector square = q.mul(q);
    FloatVector tail = arctangentTail(square).mul(square).mul(q);
    FloatVector complement = broadcast(SPECIES, PI / 2).sub(q).add(broadcast(SPECIES, PI_LOW / 2).sub(tail));
    return FloatMath.signed(q.add(tail).blend(complement, steep), x);
  }

  /// (atan q − q)/q³ for q in [0, 1].
  private static FloatVector arctangentTail(FloatVector square) {
    return broadcast(SPECIES, -0.0017828207f).fma(square, broadcast(SPECIES, 0.010868685f))
        .fma(square, broadcast(SPECIES, -0.031096986f)).fma(square, broadcast(SPECIES, 0.05788139f))
        .fma(square, broadcast(SPECIES, -0.08399306f)).fma(square, broadcast(SPECIES, 0.109508805f))
        .fma(square, broadcast(SPECIES, -0.14264016f)).fma(square, broadcast(SPECIES, 0.1999853f))
        .fma(square, broadcast(SPECIES, -0.333333f));
  }

  static FloatVector atan2(FloatVector y, FloatVector x) {
    FloatVector a = y.abs();
    FloatVector b = x.abs();
    VectorMask<Float> steep = a.compare(GT, b);
    FloatVector small = a.blend(b, steep);
    FloatVector large = b.blend(a, steep);
    FloatVector q = small.div(large).blend(1f, small.compare(EQ, large)).blend(small, large.compare(EQ, 0f));
    // what the quotient was rounded by moves the angle by 1/(1 + q²) of that
    FloatVector error = q.neg().fma(large, small).div(q.fma(small, large));
    FloatVector square = q.mul(q);
    FloatVector tail = arctangentTail(square).mul(square).fma(q, error.blend(0f, error.compare(NE, error)));
    VectorMask<Float> left = x.reinterpretAsInts().compare(LT, 0).cast(SPECIES);
    VectorMask<Float> minus = left.xor(steep);
    FloatVector offset = ZERO.blend(PI, left).blend(PI / 2, steep);
    FloatVector low = ZERO.blend(PI_LOW, left).blend(PI_LOW / 2, steep);
    return FloatMath.copysign(sum(offset, q.blend(q.neg(), minus), low.add(tail.blend(tail.neg(), minus))), y);
  }

  // ---- the hypotenuse ----

  /// Of sides that are brought near 1 by a power of two, so that no square overflows or vanishes.
  static FloatVector hypot(FloatVector x, FloatVector y) {
    FloatVector a = x.abs();
    FloatVector b = y.abs();
    IntVector exponent = a.reinterpretAsInts().max(b.reinterpretAsInts()).and(EXPONENT).max(LEAST_EXPONENT).min(LARGEST_EXPONENT);
    FloatVector down = exponent.neg().add(TWICE_BIAS).reinterpretAsFloats();
    FloatVector p = a.mul(down);
    FloatVector q = b.mul(down);
    VectorMask<Float> infinite = a.compare(EQ, Float.POSITIVE_INFINITY).or(b.compare(EQ, Float.POSITIVE_INFINITY));
    return p.fma(p, q.mul(q)).sqrt().mul(exponent.reinterpretAsFloats()).blend(Float.POSITIVE_INFINITY, infinite);
  }
}
