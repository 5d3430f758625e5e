package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.DoubleVector.broadcast;
import static jdk.incubator.vector.VectorOperators.D2F;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.F2D;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/// Functions of floats that are computed in double: where a float's intermediate values would have to be known to more digits than
/// a float has. Their vectors of floats are of half the width, so that one of doubles has as many lanes. Made to be inlined, as
/// [FloatMath] is.
///
/// What limits them is how long one operation waits for another: so polynomials are sums of parts, and what is needed late is made ready beside
/// them.
final class WideMath {
  static final VectorSpecies<Double> DOUBLES = VectorSpecies.of(double.class, FloatMath.SPECIES.vectorShape());
  static final VectorSpecies<Float> SPECIES = VectorSpecies.of(float.class, VectorShape.forBitSize(FloatMath.SPECIES.vectorBitSize() / 2));

  private static final double LN_2 = 0.6931471805599453;
  private static final double LOG_PI = 1.1447298858494002;
  private static final double HALF_LOG_2_PI = 0.9189385332046727;
  private static final int MANTISSA_BITS = 52;
  private static final long BIAS = 1023;
  private static final long ONE_BITS = BIAS << MANTISSA_BITS;
  private static final long SQRT_HALF_BITS = 0x3fe6a09e667f3bcdL;
  /// Adding 1.5·2⁵² rounds to a whole number and leaves it in the low bits.
  private static final double ROUNDER = 0x1.8p52;
  private static final long ROUNDER_BITS = 0x4338000000000000L;
  /// Powers of two beyond these are infinite and 0 in float.
  private static final double TOO_LARGE = 128;
  private static final double TOO_SMALL = -150;

  private WideMath() {}

  // ---- powers ----

  static FloatVector pow(FloatVector a, FloatVector b) {
    FloatVector base = a.abs();
    FloatVector y = narrowed(power(widened(base), widened(b)));
    VectorMask<Float> plain = a.reinterpretAsInts().compare(GE, 0).cast(SPECIES).and(b.compare(NE, 0f)).and(a.compare(NE, 1f));
    return plain.allTrue() ? y : ofAnyBase(a, b, y);
  }

  /// y = |a|ᵇ with the sign of aᵇ, and without what 0·∞ has made of it where the result is 1 whatever the other operand is.
  private static FloatVector ofAnyBase(FloatVector a, FloatVector b, FloatVector y) {
    VectorMask<Float> whole = FloatRounding.round(b).compare(EQ, b);
    FloatVector half = b.mul(0.5f);
    VectorMask<Float> odd = whole.and(FloatRounding.round(half).compare(NE, half));
    VectorMask<Float> none = a.compare(LT, 0f).and(a.compare(GT, Float.NEGATIVE_INFINITY)).and(whole.not());
    VectorMask<Float> one = a.compare(EQ, -1f).and(b.abs().compare(EQ, Float.POSITIVE_INFINITY)).or(a.compare(EQ, 1f))
        .or(b.compare(EQ, 0f));
    return y.blend(FloatMath.copysign(y, a), odd).blend(Float.NaN, none).blend(1f, one);
  }

  // ---- the logarithm of the gamma function ----

  /// By steps, lgamma(x) = lgamma(x + 1) − log x, from where it is known well: near 2, or from 6.5 on. Of a negative operand by the reflection
  /// Γ(x)·Γ(−x) = −π/(x·sin πx); infinite at negative whole numbers, as all from 2²³ on are.
  static FloatVector lgamma(FloatVector x) {
    DoubleVector a = widened(x.abs());
    DoubleVector next = a.add(1);
    VectorMask<Double> once = a.compare(LT, 1.5);
    VectorMask<Double> twice = a.compare(LT, 0.5);
    DoubleVector steps = broadcast(DOUBLES, 1).blend(a, once).blend(a.mul(next), twice);
    DoubleVector y = lgammaNearTwo(a.sub(2).blend(a.sub(1), once).blend(a, twice));
    VectorMask<Double> far = a.compare(GE, 2.5);
    if (far.anyTrue()) {
      VectorMask<Double> four = far.and(a.compare(LT, 8));
      steps = steps.blend(a.mul(next).mul(next.add(1)).mul(next.add(2)), four);
      y = y.blend(lgammaByStirling(a.blend(a.add(4), four)), far);
    }
    VectorMask<Double> negative = x.reinterpretAsInts().compare(LT, 0).cast(DOUBLES);
    if (negative.anyTrue()) {
      DoubleVector rest = a.sub(a.add(ROUNDER).sub(ROUNDER));
      VectorMask<Double> pole = rest.compare(EQ, 0).or(a.compare(GE, 0x1p23));
      steps = steps.blend(sineOfTurn(rest).mul(a).div(steps).blend(0, pole), negative);
      y = y.blend(broadcast(DOUBLES, LOG_PI).sub(y).blend(0, pole), negative);
    }
    return narrowed(log2Of(steps).fma(broadcast(DOUBLES, -LN_2), y));
  }

  /// lgamma(2 + t) = t·(t + 1)·P(t) for t in [−½, ½), to 3·10⁻¹¹.
  private static DoubleVector lgammaNearTwo(DoubleVector t) {
    DoubleVector square = t.mul(t);
    DoubleVector a = broadcast(DOUBLES, -0.1003173018903039).fma(t, broadcast(DOUBLES, 0.42278433509846714));
    DoubleVector b = broadcast(DOUBLES, -0.012384174964542117).fma(t, broadcast(DOUBLES, 0.032965000721835035));
    DoubleVector c = broadcast(DOUBLES, -0.0021085140532559911).fma(t, broadcast(DOUBLES, 0.0049986331325531007));
    DoubleVector d = broadcast(DOUBLES, -0.00040225296442764002).fma(t, broadcast(DOUBLES, 0.00091555556895533759));
    DoubleVector e = broadcast(DOUBLES, -9.6493393396628114e-5).fma(t, broadcast(DOUBLES, 0.00018094248392440206));
    DoubleVector p = broadcast(DOUBLES, 4.4412206005967837e-5).fma(square, e).fma(square, d).fma(square, c).fma(square, b).fma(square, a);
    return t.mul(t.add(1)).mul(p);
  }

  /// By Stirling's series, to 4·10⁻¹¹ from 6.5 on.
  private static DoubleVector lgammaByStirling(DoubleVector x) {
    DoubleVector inverse = broadcast(DOUBLES, 1).div(x);
    DoubleVector square = inverse.mul(inverse);
    DoubleVector series = broadcast(DOUBLES, -1.0 / 1680).fma(square, broadcast(DOUBLES, 1.0 / 1260))
        .fma(square, broadcast(DOUBLES, -1.0 / 360)).fma(square, broadcast(DOUBLES, 1.0 / 12)).mul(inverse);
    return x.sub(0.5).fma(log2Of(x).fma(broadcast(DOUBLES, LN_2), broadcast(DOUBLES, -1)), series.add(HALF_LOG_2_PI - 0.5));
  }

  /// |sin πr| for |r| ≤ ½, to 3·10⁻¹¹.
  private static DoubleVector sineOfTurn(DoubleVector r) {
    DoubleVector square = r.mul(r);
    DoubleVector low = broadcast(DOUBLES, -5.167712764593).fma(square, broadcast(DOUBLES, 3.141592653536132));
    DoubleVector middle = broadcast(DOUBLES, -0.59925218653158298).fma(square, broadcast(DOUBLES, 2.5501633179384269));
    DoubleVector high = broadcast(DOUBLES, -0.007028303855203096).fma(square, broadcast(DOUBLES, 0.082050350201472475));
    DoubleVector fourth = square.mul(square);
    return high.fma(fourth, middle).fma(fourth, low).mul(r).abs();
  }

  // ---- steps ----

  private static DoubleVector widened(FloatVector x) {
    return (DoubleVector) x.convertShape(F2D, DOUBLES, 0);
  }

  private static FloatVector narrowed(DoubleVector x) {
    return (FloatVector) x.convertShape(D2F, SPECIES, 0);
  }

  /// 2^(b·log₂a), for a ≥ 0.
  private static DoubleVector power(DoubleVector a, DoubleVector b) {
    DoubleVector product = b.mul(log2Of(a));
    return exp2Of(product).blend(Double.POSITIVE_INFINITY, product.compare(GT, TOO_LARGE)).blend(0, product.compare(LT, TOO_SMALL));
  }

  /// By a polynomial in s = (z − 1)/(z + 1), of which log z is an odd function, to 4·10⁻¹².
  private static DoubleVector log2Of(DoubleVector x) {
    // x = 2ᵉ·z with z in [√½, √2)
    LongVector bits = x.reinterpretAsLongs();
    LongVector biased = bits.add(ONE_BITS - SQRT_HALF_BITS).lanewise(LSHR, MANTISSA_BITS);
    DoubleVector z = bits.sub(biased.sub(BIAS).lanewise(LSHL, MANTISSA_BITS)).reinterpretAsDoubles();
    DoubleVector e = biased.add(ROUNDER_BITS - BIAS).reinterpretAsDoubles().sub(ROUNDER);
    e = e.blend(Double.NEGATIVE_INFINITY, x.compare(EQ, 0)).blend(x, x.compare(LT, Double.POSITIVE_INFINITY).not());
    DoubleVector s = z.sub(1).div(z.add(1));
    DoubleVector square = s.mul(s);
    DoubleVector low = broadcast(DOUBLES, 0.961796673342097).fma(square, broadcast(DOUBLES, 2.8853900817900855));
    DoubleVector high = broadcast(DOUBLES, 0.4116727212028043).fma(square, broadcast(DOUBLES, 0.5770835849229528));
    DoubleVector fourth = square.mul(square);
    return broadcast(DOUBLES, 0.3407300691107412).fma(fourth, high).fma(fourth, low).fma(s, e);
  }

  /// To a relative error of 2·10⁻⁹, where |x| is less than 1000.
  private static DoubleVector exp2Of(DoubleVector x) {
    DoubleVector rounded = x.add(ROUNDER);
    DoubleVector f = x.sub(rounded.sub(ROUNDER));
    DoubleVector square = f.mul(f);
    DoubleVector low = broadcast(DOUBLES, 0.6931472057371975).fma(f, broadcast(DOUBLES, 1.0000000005541883));
    DoubleVector middle = broadcast(DOUBLES, 0.05550328777078214).fma(f, broadcast(DOUBLES, 0.24022646890476115));
    DoubleVector high = broadcast(DOUBLES, 0.001339993118294016).fma(f, broadcast(DOUBLES, 0.009618488974138696));
    DoubleVector y = broadcast(DOUBLES, 0.00015345807432051936).fma(square, high).fma(square, middle).fma(square, low);
    return y.reinterpretAsLongs().add(rounded.reinterpretAsLongs().lanewise(LSHL, MANTISSA_BITS)).reinterpretAsDoubles();
  }
}
