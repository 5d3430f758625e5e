package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The operations that have a vector form on floats only, each named as its constant in [org.flambeau.spi.UnaryOp],
/// [org.flambeau.spi.BinaryOp] or [org.flambeau.backend.cpu.TernaryOp]. Those of all lanes are in [LaneMath] and [RealMath]; what is
/// in none of them is rare, or no faster on vectors.
///
/// The elementary functions are within one or two units in the last place. They are our own rather than the Vector API's,
/// which are calls into a library that exists on some platforms only, and slow loops over the lanes on the others.
///
/// All code here is made to be inlined by [org.flambeau.backend.cpu.Inliner]: straight-line, without lambdas and private fields.
final class FloatMath {
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  static final FloatVector ZERO = FloatVector.zero(SPECIES);
  static final FloatVector ONE = broadcast(SPECIES, 1f);

  /// Rotations of the lanes, for combining them in a fixed order, which the Vector API's own reductions do not promise.
  static final VectorShuffle<Float> BY_8 = rotation(8);
  static final VectorShuffle<Float> BY_4 = rotation(4);
  static final VectorShuffle<Float> BY_2 = rotation(2);
  static final VectorShuffle<Float> BY_1 = rotation(1);

  /// Lanes of two vectors in turn, of their lower and upper halves.
  static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, SPECIES.vectorShape());
  static final IntVector ZIP_LOW = zip(0);
  static final IntVector ZIP_HIGH = zip(SPECIES.length() / 2);

  private static final float LOG2_E = 1.44269502f;
  private static final float LOG2_E_LOW = 1.92596299e-8f;
  private static final float LN_2_HIGH = 0.693145752f;
  private static final float LN_2_LOW = 1.42860677e-6f;
  /// Adding 1.5·2²³ rounds to a whole number and leaves it in the low bits.
  private static final float ROUNDER = 0x1.8p23f;
  private static final int ROUNDER_BITS = 0x4b400000;
  private static final int ONE_BITS = 0x3f800000;
  private static final int TWO_THIRDS_BITS = 0x3f2aaaab;
  private static final int MANTISSA_BITS = 23;
  private static final int INFINITY_BITS = 0x7f800000;
  /// From here on lie the bits of what is not positive and normal, once infinity's are added to them.
  private static final int SPECIAL_BITS = 0xff000000;
  private static final int FOUR_BITS = 0x40800000;
  private static final int TWENTY_BITS = 0x41a00000;
  private static final int THIRTEEN_BITS = 0x41500000;
  private static final float LARGEST_EXPONENT = 88.7228394f;
  private static final float LN_2 = 0.693147182f;
  private static final float SQRT_2 = 1.41421354f;
  private static final float SQRT_2_LOW = 2.4203235e-8f;
  private static final float INV_SQRT_2PI = 0.39894228f;
  private static final float SQRT_2_BY_PI = 0.79788456f;
  private static final float GELU_CUBIC = 0.044715f;

  private FloatMath() {}

  static VectorShuffle<Float> rotation(int lanes) {
    return VectorShuffle.fromOp(SPECIES, lane -> (lane + lanes) % SPECIES.length());
  }

  private static IntVector zip(int first) {
    int[] lanes = new int[SPECIES.length()];
    for (int i = 0; i < lanes.length; i++) {
      lanes[i] = first + i / 2 + i % 2 * lanes.length;
    }
    return IntVector.fromArray(INTS, lanes, 0);
  }

  static float sumOfLanes(FloatVector v) {
    FloatVector sum = SPECIES.length() > 8 ? v.add(v.rearrange(BY_8)) : v;
    sum = SPECIES.length() > 4 ? sum.add(sum.rearrange(BY_4)) : sum;
    sum = SPECIES.length() > 2 ? sum.add(sum.rearrange(BY_2)) : sum;
    return sum.add(sum.rearrange(BY_1)).lane(0);
  }

  static float largestLane(FloatVector v) {
    FloatVector max = SPECIES.length() > 8 ? v.max(v.rearrange(BY_8)) : v;
    max = SPECIES.length() > 4 ? max.max(max.rearrange(BY_4)) : max;
    max = SPECIES.length() > 2 ? max.max(max.rearrange(BY_2)) : max;
    return max.max(max.rearrange(BY_1)).lane(0);
  }

  /// A number whose sign is 0, or already that of another one, with that.
  static FloatVector signed(FloatVector magnitude, FloatVector sign) {
    return sign.reinterpretAsInts().and(Integer.MIN_VALUE).or(magnitude.reinterpretAsInts()).reinterpretAsFloats();
  }

  static FloatVector copysign(FloatVector magnitude, FloatVector sign) {
    IntVector bit = sign.reinterpretAsInts().and(Integer.MIN_VALUE);
    return magnitude.reinterpretAsInts().and(Integer.MAX_VALUE).or(bit).reinterpretAsFloats();
  }

  // ---- exponentials and logarithms ----

  /// 2ᶠ for |f| ≤ ½, to a relative error of 2·10⁻⁹ before rounding.
  static FloatVector exp2Reduced(FloatVector f) {
    return broadcast(SPECIES, 0.00015353299484425166f).fma(f, broadcast(SPECIES, 0.001339895183207291f))
        .fma(f, broadcast(SPECIES, 0.009618438103595504f)).fma(f, broadcast(SPECIES, 0.055503322862963424f))
        .fma(f, broadcast(SPECIES, 0.24022647903587782f)).fma(f, broadcast(SPECIES, 0.6931472029329601f)).fma(f, ONE);
  }

  /// x/log 2 rounded to a whole number n, which is in the low bits.
  static FloatVector powerOfTwo(FloatVector x) {
    return x.fma(broadcast(SPECIES, LOG2_E), broadcast(SPECIES, ROUNDER));
  }

  /// eˣ/2ⁿ.
  static FloatVector exp2Rest(FloatVector x, FloatVector powerOfTwo) {
    FloatVector f = x.fma(broadcast(SPECIES, LOG2_E), broadcast(SPECIES, ROUNDER).sub(powerOfTwo));
    return exp2Reduced(x.fma(broadcast(SPECIES, LOG2_E_LOW), f));
  }

  /// y·2ⁿ, in two factors, since n may lie outside a float's exponents.
  static FloatVector scaled(FloatVector y, FloatVector powerOfTwo) {
    IntVector n = powerOfTwo.reinterpretAsInts().sub(ROUNDER_BITS);
    IntVector half = n.lanewise(ASHR, 1);
    FloatVector power = half.lanewise(LSHL, MANTISSA_BITS).add(ONE_BITS).reinterpretAsFloats();
    FloatVector rest = n.sub(half).lanewise(LSHL, MANTISSA_BITS).add(ONE_BITS).reinterpretAsFloats();
    return y.mul(power).mul(rest);
  }

  /// y·2ⁿ where that and 2ⁿ are normal.
  static FloatVector shifted(FloatVector y, FloatVector powerOfTwo) {
    return y.reinterpretAsInts().add(powerOfTwo.reinterpretAsInts().lanewise(LSHL, MANTISSA_BITS)).reinterpretAsFloats();
  }

  static FloatVector exp(FloatVector x) {
    FloatVector n = powerOfTwo(x);
    FloatVector y = exp2Rest(x, n);
    return x.abs().compare(LE, 87f).allTrue()
        ? shifted(y, n)
        : scaled(y, n).blend(Float.POSITIVE_INFINITY, x.compare(GT, LARGEST_EXPONENT)).blend(0f, x.compare(LT, -103.972084f));
  }

  /// eˣ for x that is NaN or at most 88; 0 where the result is less than 2⁻¹²⁵.
  static FloatVector expBelow(FloatVector x) {
    FloatVector n = powerOfTwo(x);
    return shifted(exp2Rest(x, n), n).blend(0f, x.compare(LT, -86.6f));
  }

  /// Coefficients: Shibata's SLEEF.
  static FloatVector expm1(FloatVector x) {
    FloatVector rounded = powerOfTwo(x);
    FloatVector n = rounded.sub(ROUNDER);
    FloatVector r = n.fma(broadcast(SPECIES, -LN_2_LOW), n.fma(broadcast(SPECIES, -LN_2_HIGH), x));
    FloatVector p = broadcast(SPECIES, 0.000198527617612853646278381f).fma(r, broadcast(SPECIES, 0.00139304355252534151077271f))
        .fma(r, broadcast(SPECIES, 0.00833336077630519866943359f)).fma(r, broadcast(SPECIES, 0.0416664853692054748535156f))
        .fma(r, broadcast(SPECIES, 0.166666671633720397949219f)).fma(r, broadcast(SPECIES, 0.5f));
    p = r.mul(r).fma(p, r);
    // 2ⁿ(p + 1) − 1, by way of 2ⁿ⁻¹ since 2¹²⁸ is too large
    FloatVector half = rounded.reinterpretAsInts().lanewise(LSHL, MANTISSA_BITS).add(ONE_BITS - (1 << MANTISSA_BITS)).reinterpretAsFloats();
    return half.fma(p, half.sub(0.5f)).mul(2f).blend(Float.POSITIVE_INFINITY, x.compare(GT, LARGEST_EXPONENT))
        .blend(-1f, x.compare(LT, -25f)).blend(x, x.compare(EQ, 0f));
  }

  /// Whether an x is none of the positive normal numbers, of which nothing below has to be asked.
  private static VectorMask<Float> isSpecial(FloatVector x) {
    return x.reinterpretAsInts().add(INFINITY_BITS).compare(GE, SPECIAL_BITS).cast(SPECIES);
  }

  /// The bits of a positive x; those of x·2²³ where it is subnormal.
  private static IntVector normalBits(FloatVector x) {
    return (isSpecial(x).anyTrue() ? x.blend(x.mul(0x1p23f), x.compare(LT, Float.MIN_NORMAL)) : x).reinterpretAsInts();
  }

  /// e + 23 of a subnormal x, e of any other, where x = 2ᵉ(1 + m) with 1 + m in [⅔, 4/3).
  private static IntVector normalExponent(IntVector bits) {
    return bits.sub(TWO_THIRDS_BITS).lanewise(ASHR, MANTISSA_BITS);
  }

  /// e of x = 2ᵉ(1 + m).
  static FloatVector exponent(FloatVector x) {
    FloatVector e = (FloatVector) normalExponent(normalBits(x)).convert(I2F, 0);
    return isSpecial(x).anyTrue() ? e.blend(e.sub(23f), x.compare(LT, Float.MIN_NORMAL)) : e;
  }

  /// m of x = 2ᵉ(1 + m).
  static FloatVector mantissa(FloatVector x) {
    IntVector bits = normalBits(x);
    return bits.sub(normalExponent(bits).lanewise(LSHL, MANTISSA_BITS)).reinterpretAsFloats().sub(1f);
  }

  /// y, the logarithm of a positive x, or the logarithm of an x that is not positive or not finite.
  static FloatVector logarithm(FloatVector x, FloatVector y) {
    return isSpecial(x).anyTrue()
        ? y.blend(Float.NaN, x.compare(LT, 0f)).blend(Float.NEGATIVE_INFINITY, x.compare(EQ, 0f))
            .blend(x, x.compare(EQ, Float.POSITIVE_INFINITY).or(x.compare(NE, x)))
        : y;
  }

  /// log(1 + m) + rest, for 1 + m in [⅔, 4/3) and a rest that is small beside it or, where m is 0, all: a minimax fit of
  /// `(log(1 + m) − m)/m²`.
  static FloatVector log1pReduced(FloatVector m, FloatVector rest) {
    FloatVector slope = broadcast(SPECIES, -0.12879285f).fma(m, broadcast(SPECIES, 0.13985594f))
        .fma(m, broadcast(SPECIES, -0.12187454f)).fma(m, broadcast(SPECIES, 0.14005543f)).fma(m, broadcast(SPECIES, -0.16680221f))
        .fma(m, broadcast(SPECIES, 0.20010436f)).fma(m, broadcast(SPECIES, -0.24999805f)).fma(m, broadcast(SPECIES, 0.33333215f))
        .fma(m, broadcast(SPECIES, -0.5f));
    return m.mul(m).fma(slope, rest);
  }

  static FloatVector log(FloatVector x) {
    FloatVector m = mantissa(x);
    return logarithm(x, exponent(x).fma(broadcast(SPECIES, LN_2), log1pReduced(m, m)));
  }

  /// log x + correction, which is small beside log x or, where x is 1, all.
  static FloatVector logOf(FloatVector x, FloatVector correction) {
    FloatVector m = mantissa(x);
    return logarithm(x, exponent(x).fma(broadcast(SPECIES, LN_2), m.add(log1pReduced(m, correction))));
  }

  /// log(1 + x), with what the sum was rounded by.
  static FloatVector log1p(FloatVector x) {
    FloatVector u = x.add(1f);
    return logOf(u, x.sub(u.sub(1f)).div(u)).blend(x, x.compare(EQ, 0f));
  }

  /// log(1 + x) for x in [0, 1]: a minimax fit of log(1 + x)/x.
  private static FloatVector log1pUnit(FloatVector x) {
    return broadcast(SPECIES, -0.003310628f).fma(x, broadcast(SPECIES, 0.020168265f)).fma(x, broadcast(SPECIES, -0.057594087f))
        .fma(x, broadcast(SPECIES, 0.10673169f)).fma(x, broadcast(SPECIES, -0.1535085f)).fma(x, broadcast(SPECIES, 0.19693746f))
        .fma(x, broadcast(SPECIES, -0.24958247f)).fma(x, broadcast(SPECIES, 0.33330476f)).fma(x, broadcast(SPECIES, -0.4999993f))
        .fma(x, ONE).mul(x);
  }

  static FloatVector logAddExp(FloatVector a, FloatVector b) {
    FloatVector sum = a.max(b).add(log1pUnit(expBelow(a.sub(b).abs().neg())));
    return sum.blend(a, a.compare(EQ, b).and(a.abs().compare(EQ, Float.POSITIVE_INFINITY)));
  }

  // ---- the inverse of the error function ----

  /// By w = −log(1 − x²): x·P(w), and √w + R(√w) where x is close to 1, to 2·10⁻⁹ before rounding. Minimax fits in the form of Giles,
  /// "Approximating the erfinv function" (GPU Computing Gems, 2011).
  static FloatVector erfinv(FloatVector x) {
    FloatVector w = log(x.neg().fma(x, ONE)).neg();
    FloatVector y = broadcast(SPECIES, 3.355458e-10f).fma(w, broadcast(SPECIES, -1.7161449e-08f)).fma(w, broadcast(SPECIES, 3.0979748e-07f))
        .fma(w, broadcast(SPECIES, -2.49788e-06f)).fma(w, broadcast(SPECIES, 5.835609e-06f)).fma(w, broadcast(SPECIES, 4.0486857e-05f))
        .fma(w, broadcast(SPECIES, -0.00012200274f)).fma(w, broadcast(SPECIES, -0.0023385405f))
        .fma(w, broadcast(SPECIES, 0.011550336f)).fma(w, broadcast(SPECIES, 0.23201355f)).fma(w, broadcast(SPECIES, 0.88622695f)).mul(x);
    VectorMask<Float> far = w.compare(GT, 5f);
    return far.anyTrue() ? y.blend(erfinvTail(x, w), far) : y;
  }

  private static FloatVector erfinvTail(FloatVector x, FloatVector w) {
    FloatVector root = w.sqrt();
    FloatVector s = root.sub(3f);
    FloatVector tail = broadcast(SPECIES, -1.7053454e-05f).fma(s, broadcast(SPECIES, 5.6730947e-05f))
        .fma(s, broadcast(SPECIES, -4.171078e-05f)).fma(s, broadcast(SPECIES, -0.00022118624f)).fma(s, broadcast(SPECIES, 0.0011439624f))
        .fma(s, broadcast(SPECIES, -0.0034450655f)).fma(s, broadcast(SPECIES, 0.006843529f)).fma(s, broadcast(SPECIES, 0.0026623839f))
        .fma(s, broadcast(SPECIES, -0.16719801f)).add(root);
    return copysign(tail, x).blend(x.mul(Float.POSITIVE_INFINITY), x.abs().compare(EQ, 1f));
  }

  // ---- activations ----

  static FloatVector elu(FloatVector x, FloatVector negative, FloatVector positive) {
    return negative.mul(expm1(x)).blend(x.mul(positive), x.compare(GT, 0f));
  }

  static FloatVector sigmoid(FloatVector x) {
    return ONE.div(exp(x.neg()).add(1f));
  }

  static FloatVector silu(FloatVector x) {
    return x.div(exp(x.neg()).add(1f));
  }

  static FloatVector siluBackward(FloatVector g, FloatVector x) {
    FloatVector s = sigmoid(x);
    return g.mul(s).mul(x.fma(ONE.sub(s), ONE));
  }

  static FloatVector softplus(FloatVector x) {
    return x.blend(0f, x.compare(LT, 0f)).add(log1pUnit(expBelow(x.abs().neg())));
  }

  /// Coefficients for small operands: Moshier's Cephes.
  static FloatVector tanh(FloatVector x) {
    FloatVector square = x.mul(x);
    FloatVector small = broadcast(SPECIES, -5.70498872745e-3f).fma(square, broadcast(SPECIES, 2.06390887954e-2f))
        .fma(square, broadcast(SPECIES, -5.37397155531e-2f)).fma(square, broadcast(SPECIES, 1.33314422036e-1f))
        .fma(square, broadcast(SPECIES, -3.33332819422e-1f)).mul(square).fma(x, x);
    FloatVector a = x.abs();
    FloatVector twice = atMost(a, TWENTY_BITS).mul(2f);
    FloatVector n = powerOfTwo(twice);
    FloatVector large = ONE.sub(broadcast(SPECIES, 2f).div(shifted(exp2Rest(twice, n), n).add(1f)));
    return signed(small.blend(large, a.compare(GE, 0.625f)), x);
  }

  /// A positive a or a limit, given by its bits, which have the floats' order: the limit, too, where a is NaN.
  private static FloatVector atMost(FloatVector a, int limit) {
    return a.reinterpretAsInts().min(limit).reinterpretAsFloats();
  }

  // ---- the normal distribution ----

  /// exp(−t²/2), given t² ≤ 169. Of the multiplier's operations, which bound all that follows, it takes eight.
  private static FloatVector bell(FloatVector square) {
    FloatVector rounded = square.fma(broadcast(SPECIES, -0.5f * LOG2_E), broadcast(SPECIES, ROUNDER));
    FloatVector f = square.fma(broadcast(SPECIES, -0.5f * LOG2_E), broadcast(SPECIES, ROUNDER).sub(rounded));
    IntVector power = rounded.reinterpretAsInts().lanewise(LSHL, MANTISSA_BITS);
    return exp2Reduced(f).reinterpretAsInts().add(power).reinterpretAsFloats();
  }

  /// ∫ₜ^∞ φ for t ≥ 0, as bell(t²) times a rational function fitted to a relative error of 6·10⁻⁹, in which the error of the
  /// constant ½·log₂e in float is made good. What t² was rounded by shows in the last ½·t² units.
  private static FloatVector upperTail(FloatVector t, FloatVector bell) {
    FloatVector p = broadcast(SPECIES, 0.00417195061001771f).fma(t, broadcast(SPECIES, 0.04105600425942082f))
        .fma(t, broadcast(SPECIES, 0.1845820469566522f)).fma(t, broadcast(SPECIES, 0.4402983039330715f))
        .fma(t, broadcast(SPECIES, 0.5f));
    FloatVector q = broadcast(SPECIES, 0.010457516252312045f).fma(t, broadcast(SPECIES, 0.10291625880042186f))
        .fma(t, broadcast(SPECIES, 0.47301310311161154f)).fma(t, broadcast(SPECIES, 1.2083938439144777f))
        .fma(t, broadcast(SPECIES, 1.6784815876505865f)).fma(t, ONE);
    return p.mul(bell).div(q);
  }

  /// |x|, at most 13: what lies beyond is 0 in float, or nearly.
  private static FloatVector distance(FloatVector x) {
    return atMost(x.abs(), THIRTEEN_BITS);
  }

  /// x·Φ(x) = max(x, 0) − |x|·Φ(−|x|).
  static FloatVector gelu(FloatVector x) {
    FloatVector t = distance(x);
    return t.fma(upperTail(t, bell(t.mul(t))).neg(), x.blend(0f, x.compare(LT, 0f)));
  }

  static FloatVector geluBackward(FloatVector g, FloatVector x) {
    FloatVector t = distance(x);
    FloatVector bell = bell(t.mul(t));
    FloatVector tail = upperTail(t, bell);
    FloatVector cdf = tail.blend(ONE.sub(tail), x.compare(GE, 0f));
    return g.mul(x.mul(bell).fma(broadcast(SPECIES, INV_SQRT_2PI), cdf));
  }

  private static FloatVector geluInner(FloatVector x) {
    return x.mul(x).mul(x).fma(broadcast(SPECIES, GELU_CUBIC), x).mul(SQRT_2_BY_PI);
  }

  static FloatVector geluTanh(FloatVector x) {
    return x.mul(0.5f).mul(tanh(geluInner(x)).add(1f));
  }

  static FloatVector geluTanhBackward(FloatVector g, FloatVector x) {
    FloatVector t = tanh(geluInner(x));
    FloatVector slope = x.mul(x).fma(broadcast(SPECIES, 3 * GELU_CUBIC * SQRT_2_BY_PI), broadcast(SPECIES, SQRT_2_BY_PI));
    return g.mul(x.mul(ONE.sub(t.mul(t))).mul(slope).add(t).add(1f).mul(0.5f));
  }

  /// 2·Q(√2·|x|), with the rounding errors of t = √2·|x| and of t² made good: `Q(t + δ) = Q(t) − δ·φ(t)`.
  static FloatVector erfc(FloatVector x) {
    FloatVector a = x.abs();
    FloatVector t = distance(a.mul(SQRT_2));
    FloatVector error = a.fma(broadcast(SPECIES, SQRT_2_LOW), a.fma(broadcast(SPECIES, SQRT_2), t.neg()));
    FloatVector square = t.mul(t);
    FloatVector correction = t.fma(t, square.neg()).fma(broadcast(SPECIES, -0.5f), ONE);
    FloatVector bell = bell(square);
    FloatVector tail = error.mul(bell).fma(broadcast(SPECIES, -INV_SQRT_2PI), upperTail(t, bell).mul(correction));
    FloatVector y = tail.mul(2f).blend(0f, a.compare(GT, 9f));
    return y.blend(broadcast(SPECIES, 2f).sub(y), x.compare(LT, 0f));
  }

  /// Minimax fits: of erf(x)/x − 1 in x² up to 1, and beyond of log₂(1 − erf|x|), which leaves no more than rounding errors.
  static FloatVector erf(FloatVector x) {
    FloatVector square = x.mul(x);
    FloatVector small = broadcast(SPECIES, 7.806903e-5f).fma(square, broadcast(SPECIES, -7.9978526e-4f))
        .fma(square, broadcast(SPECIES, 5.187162e-3f)).fma(square, broadcast(SPECIES, -2.6853347e-2f))
        .fma(square, broadcast(SPECIES, 0.11283579f)).fma(square, broadcast(SPECIES, -0.37612626f))
        .fma(square, broadcast(SPECIES, 0.12837917f)).fma(x, x);
    FloatVector a = x.abs();
    FloatVector t = atMost(a, FOUR_BITS);
    FloatVector log = broadcast(SPECIES, 2.6888584e-4f).fma(t, broadcast(SPECIES, -4.2525483e-3f)).fma(t, broadcast(SPECIES, 3.1505581e-2f))
        .fma(t, broadcast(SPECIES, -0.14875146f)).fma(t, broadcast(SPECIES, -0.9206485f)).fma(t, broadcast(SPECIES, -1.626046f))
        .fma(t, broadcast(SPECIES, -4.9271336e-4f));
    FloatVector n = log.add(ROUNDER);
    FloatVector large = ONE.sub(shifted(exp2Reduced(log.sub(n.sub(ROUNDER))), n));
    return small.blend(signed(large, x), a.compare(GE, 1f));
  }
}
