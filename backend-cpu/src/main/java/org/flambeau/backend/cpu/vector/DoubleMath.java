package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.DoubleVector.broadcast;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/// The operations that have a vector form of their own on doubles, to one unit in the last place. Made to be inlined, as [FloatMath] is.
final class DoubleMath {
  static final VectorSpecies<Double> SPECIES = VectorSpecies.of(double.class, FloatMath.SPECIES.vectorShape());

  /// Rotations of the lanes.
  static final VectorShuffle<Double> BY_4 = rotation(4);
  static final VectorShuffle<Double> BY_2 = rotation(2);
  static final VectorShuffle<Double> BY_1 = rotation(1);

  private static final double LOG2_E = 1.4426950408889634;
  /// So short that its multiples by exponents are exact.
  private static final double LN_2_HIGH = 0.693147180559663;
  private static final double LN_2_LOW = 2.8235290563031577e-13;
  private static final int MANTISSA_BITS = 52;
  private static final long ONE_BITS = 1023L << MANTISSA_BITS;
  /// Adding 1.5·2⁵² rounds to a whole number and leaves it in the low bits.
  private static final double ROUNDER = 0x1.8p52;
  private static final long ROUNDER_BITS = 0x4338000000000000L;
  private static final double LARGEST_EXPONENT = 709.782712893384;
  private static final double LEAST_EXPONENT = -745.1332191019412;

  private DoubleMath() {}

  private static VectorShuffle<Double> rotation(int lanes) {
    return VectorShuffle.fromOp(SPECIES, lane -> (lane + lanes) % SPECIES.length());
  }

  /// By a minimax fit of `(eʳ − 1 − r)/r²`.
  static DoubleVector exp(DoubleVector x) {
    DoubleVector rounded = x.fma(broadcast(SPECIES, LOG2_E), broadcast(SPECIES, ROUNDER));
    DoubleVector n = rounded.sub(ROUNDER);
    DoubleVector r = n.fma(broadcast(SPECIES, -LN_2_LOW), n.fma(broadcast(SPECIES, -LN_2_HIGH), x));
    DoubleVector slope = broadcast(SPECIES, 2.0914686968086876e-9).fma(r, broadcast(SPECIES, 2.5105217004720745e-8))
        .fma(r, broadcast(SPECIES, 2.75572736431103e-7)).fma(r, broadcast(SPECIES, 2.7557255400206422e-6))
        .fma(r, broadcast(SPECIES, 2.4801587325547743e-5)).fma(r, broadcast(SPECIES, 1.9841269874820627e-4))
        .fma(r, broadcast(SPECIES, 1.3888888888883748e-3)).fma(r, broadcast(SPECIES, 8.333333333326136e-3))
        .fma(r, broadcast(SPECIES, 4.166666666666667e-2)).fma(r, broadcast(SPECIES, 0.1666666666666667)).fma(r, broadcast(SPECIES, 0.5));
    DoubleVector y = r.mul(r).fma(slope, r).add(1);
    return x.abs().compare(LE, 708).allTrue()
        ? y.reinterpretAsLongs().add(rounded.reinterpretAsLongs().lanewise(LSHL, MANTISSA_BITS)).reinterpretAsDoubles()
        : scaled(y, rounded).blend(Double.POSITIVE_INFINITY, x.compare(GT, LARGEST_EXPONENT)).blend(0, x.compare(LT, LEAST_EXPONENT));
  }

  /// y·2ⁿ, in two factors, since n may lie outside a double's exponents.
  private static DoubleVector scaled(DoubleVector y, DoubleVector powerOfTwo) {
    LongVector n = powerOfTwo.reinterpretAsLongs().sub(ROUNDER_BITS);
    LongVector half = n.lanewise(ASHR, 1);
    DoubleVector power = half.lanewise(LSHL, MANTISSA_BITS).add(ONE_BITS).reinterpretAsDoubles();
    DoubleVector rest = n.sub(half).lanewise(LSHL, MANTISSA_BITS).add(ONE_BITS).reinterpretAsDoubles();
    return y.mul(power).mul(rest);
  }
}
