package org.flambeau;

import org.flambeau.internal.ops.Polygamma;
import org.flambeau.internal.ops.Unary;

/// What every tensor can do element by element.
///
/// Shapes: the result has the operand's sizes and order of dimensions. DTypes: any; functions of real numbers take
/// integral tensors as float32, and in place refuse them. Autograd: all are differentiable any number of times, unless
/// they say otherwise or give truth values. Those with a trailing underscore change the tensor in place and return it.
sealed interface PointwiseMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /// \|x\|.
  default Tensor abs() {
    return Unary.ABS.of(self());
  }

  /// [#abs()] in place.
  default Tensor abs_() {
    return Unary.ABS.inPlace(self());
  }

  /// −x.
  default Tensor neg() {
    return Unary.NEG.of(self());
  }

  /// [#neg()] in place.
  default Tensor neg_() {
    return Unary.NEG.inPlace(self());
  }

  /// −1, 0 or 1 by the sign of x. Its gradient is 0.
  default Tensor sign() {
    return Unary.SIGN.of(self());
  }

  /// [#sign()] in place.
  default Tensor sign_() {
    return Unary.SIGN.inPlace(self());
  }

  /// ⌈x⌉. Its gradient is 0.
  default Tensor ceil() {
    return Unary.CEIL.of(self());
  }

  /// [#ceil()] in place.
  default Tensor ceil_() {
    return Unary.CEIL.inPlace(self());
  }

  /// ⌊x⌋. Its gradient is 0.
  default Tensor floor() {
    return Unary.FLOOR.of(self());
  }

  /// [#floor()] in place.
  default Tensor floor_() {
    return Unary.FLOOR.inPlace(self());
  }

  /// x rounded to the nearest whole number, halves to even. Its gradient is 0.
  default Tensor round() {
    return Unary.ROUND.of(self());
  }

  /// [#round()] in place.
  default Tensor round_() {
    return Unary.ROUND.inPlace(self());
  }

  /// x without its fraction. Its gradient is 0.
  default Tensor trunc() {
    return Unary.TRUNC.of(self());
  }

  /// [#trunc()] in place.
  default Tensor trunc_() {
    return Unary.TRUNC.inPlace(self());
  }

  /// x².
  default Tensor square() {
    return Unary.SQUARE.of(self());
  }

  /// [#square()] in place.
  default Tensor square_() {
    return Unary.SQUARE.inPlace(self());
  }

  /// √x.
  default Tensor sqrt() {
    return Unary.SQRT.of(self());
  }

  /// [#sqrt()] in place.
  default Tensor sqrt_() {
    return Unary.SQRT.inPlace(self());
  }

  /// 1/√x.
  default Tensor rsqrt() {
    return Unary.RSQRT.of(self());
  }

  /// [#rsqrt()] in place.
  default Tensor rsqrt_() {
    return Unary.RSQRT.inPlace(self());
  }

  /// 1/x.
  default Tensor reciprocal() {
    return Unary.RECIPROCAL.of(self());
  }

  /// [#reciprocal()] in place.
  default Tensor reciprocal_() {
    return Unary.RECIPROCAL.inPlace(self());
  }

  /// eˣ.
  default Tensor exp() {
    return Unary.EXP.of(self());
  }

  /// [#exp()] in place.
  default Tensor exp_() {
    return Unary.EXP.inPlace(self());
  }

  /// 2ˣ.
  default Tensor exp2() {
    return Unary.EXP2.of(self());
  }

  /// [#exp2()] in place.
  default Tensor exp2_() {
    return Unary.EXP2.inPlace(self());
  }

  /// eˣ − 1, exact near 0.
  default Tensor expm1() {
    return Unary.EXPM1.of(self());
  }

  /// [#expm1()] in place.
  default Tensor expm1_() {
    return Unary.EXPM1.inPlace(self());
  }

  /// The natural logarithm of x.
  default Tensor log() {
    return Unary.LOG.of(self());
  }

  /// [#log()] in place.
  default Tensor log_() {
    return Unary.LOG.inPlace(self());
  }

  /// log₂ x.
  default Tensor log2() {
    return Unary.LOG2.of(self());
  }

  /// [#log2()] in place.
  default Tensor log2_() {
    return Unary.LOG2.inPlace(self());
  }

  /// log₁₀ x.
  default Tensor log10() {
    return Unary.LOG10.of(self());
  }

  /// [#log10()] in place.
  default Tensor log10_() {
    return Unary.LOG10.inPlace(self());
  }

  /// log(1 + x), exact near 0.
  default Tensor log1p() {
    return Unary.LOG1P.of(self());
  }

  /// [#log1p()] in place.
  default Tensor log1p_() {
    return Unary.LOG1P.inPlace(self());
  }

  /// sin x, in radians.
  default Tensor sin() {
    return Unary.SIN.of(self());
  }

  /// [#sin()] in place.
  default Tensor sin_() {
    return Unary.SIN.inPlace(self());
  }

  /// cos x, in radians.
  default Tensor cos() {
    return Unary.COS.of(self());
  }

  /// [#cos()] in place.
  default Tensor cos_() {
    return Unary.COS.inPlace(self());
  }

  /// tan x, in radians.
  default Tensor tan() {
    return Unary.TAN.of(self());
  }

  /// [#tan()] in place.
  default Tensor tan_() {
    return Unary.TAN.inPlace(self());
  }

  /// arcsin x; NaN outside [−1, 1].
  default Tensor asin() {
    return Unary.ASIN.of(self());
  }

  /// [#asin()] in place.
  default Tensor asin_() {
    return Unary.ASIN.inPlace(self());
  }

  /// arccos x; NaN outside [−1, 1].
  default Tensor acos() {
    return Unary.ACOS.of(self());
  }

  /// [#acos()] in place.
  default Tensor acos_() {
    return Unary.ACOS.inPlace(self());
  }

  /// arctan x.
  default Tensor atan() {
    return Unary.ATAN.of(self());
  }

  /// [#atan()] in place.
  default Tensor atan_() {
    return Unary.ATAN.inPlace(self());
  }

  /// sinh x.
  default Tensor sinh() {
    return Unary.SINH.of(self());
  }

  /// [#sinh()] in place.
  default Tensor sinh_() {
    return Unary.SINH.inPlace(self());
  }

  /// cosh x.
  default Tensor cosh() {
    return Unary.COSH.of(self());
  }

  /// [#cosh()] in place.
  default Tensor cosh_() {
    return Unary.COSH.inPlace(self());
  }

  /// tanh x.
  default Tensor tanh() {
    return Unary.TANH.of(self());
  }

  /// [#tanh()] in place.
  default Tensor tanh_() {
    return Unary.TANH.inPlace(self());
  }

  /// arsinh x.
  default Tensor asinh() {
    return Unary.ASINH.of(self());
  }

  /// [#asinh()] in place.
  default Tensor asinh_() {
    return Unary.ASINH.inPlace(self());
  }

  /// arcosh x; NaN below 1.
  default Tensor acosh() {
    return Unary.ACOSH.of(self());
  }

  /// [#acosh()] in place.
  default Tensor acosh_() {
    return Unary.ACOSH.inPlace(self());
  }

  /// artanh x; NaN outside [−1, 1].
  default Tensor atanh() {
    return Unary.ATANH.of(self());
  }

  /// [#atanh()] in place.
  default Tensor atanh_() {
    return Unary.ATANH.inPlace(self());
  }

  /// erf x = 2/√π · ∫₀ˣ exp(−t²) dt.
  default Tensor erf() {
    return Unary.ERF.of(self());
  }

  /// [#erf()] in place.
  default Tensor erf_() {
    return Unary.ERF.inPlace(self());
  }

  /// 1 − erf x, exact for large x.
  default Tensor erfc() {
    return Unary.ERFC.of(self());
  }

  /// [#erfc()] in place.
  default Tensor erfc_() {
    return Unary.ERFC.inPlace(self());
  }

  /// The inverse of erf; NaN outside [−1, 1].
  default Tensor erfinv() {
    return Unary.ERFINV.of(self());
  }

  /// [#erfinv()] in place.
  default Tensor erfinv_() {
    return Unary.ERFINV.inPlace(self());
  }

  /// log |Γ(x)|.
  default Tensor lgamma() {
    return Unary.LGAMMA.of(self());
  }

  /// [#lgamma()] in place.
  default Tensor lgamma_() {
    return Unary.LGAMMA.inPlace(self());
  }

  /// The `n`-th derivative of [#digamma()].
  ///
  /// DTypes: any; integral ones as float32. Autograd: any number of times.
  ///
  /// @throws IllegalArgumentException if n is negative
  default Tensor polygamma(int n) {
    return Polygamma.polygamma(self(), n);
  }

  /// Γ′(x)/Γ(x).
  default Tensor digamma() {
    return Unary.DIGAMMA.of(self());
  }

  /// [#digamma()] in place.
  default Tensor digamma_() {
    return Unary.DIGAMMA.inPlace(self());
  }

  /// σ(x) = 1/(1 + e⁻ˣ).
  default Tensor sigmoid() {
    return Unary.SIGMOID.of(self());
  }

  /// [#sigmoid()] in place.
  default Tensor sigmoid_() {
    return Unary.SIGMOID.inPlace(self());
  }

  /// log(x/(1 − x)), the inverse of [#sigmoid()]; NaN outside [0, 1].
  default Tensor logit() {
    return Unary.LOGIT.of(self());
  }

  /// [#logit()] in place.
  default Tensor logit_() {
    return Unary.LOGIT.inPlace(self());
  }

  /// max(x, 0).
  default Tensor relu() {
    return Unary.RELU.of(self());
  }

  /// [#relu()] in place.
  default Tensor relu_() {
    return Unary.RELU.inPlace(self());
  }

  /// All bits of x flipped; for bool, the opposite. Integral and bool tensors only.
  default Tensor bitwiseNot() {
    return Unary.BITWISE_NOT.of(self());
  }

  /// [#bitwiseNot()] in place.
  default Tensor bitwiseNot_() {
    return Unary.BITWISE_NOT.inPlace(self());
  }

  /// Whether x is 0, as bool.
  default Tensor logicalNot() {
    return Unary.LOGICAL_NOT.of(self());
  }

  /// [#logicalNot()] in place.
  default Tensor logicalNot_() {
    return Unary.LOGICAL_NOT.inPlace(self());
  }

  /// Whether x is NaN, as bool.
  default Tensor isnan() {
    return Unary.IS_NAN.of(self());
  }

  /// Whether x is infinite, as bool.
  default Tensor isinf() {
    return Unary.IS_INF.of(self());
  }

  /// Whether x is neither infinite nor NaN, as bool.
  default Tensor isfinite() {
    return Unary.IS_FINITE.of(self());
  }
}
