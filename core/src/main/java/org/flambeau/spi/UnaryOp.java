package org.flambeau.spi;

import java.util.function.DoubleUnaryOperator;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// Element-wise functions of one operand, each with the formula that every backend's kernel must agree with.
///
/// `real` is the function over float dtypes; `whole`, where present, over integral ones (core casts an integral operand
/// to a float dtype first where it is absent). Results have the operand's dtype unless [#isPredicate()].
public enum UnaryOp {
  ABS(Math::abs, Math::abs),
  NEG(x -> -x, x -> -x),
  SIGN(x -> x > 0 ? 1 : x < 0 ? -1 : 0, Long::signum),
  CEIL(Math::ceil, x -> x),
  FLOOR(Math::floor, x -> x),
  ROUND(Math::rint, x -> x),
  TRUNC(x -> x < 0 ? Math.ceil(x) : Math.floor(x), x -> x),
  SQUARE(x -> x * x, x -> x * x),
  CUBE(x -> x * x * x, x -> x * x * x),
  SQRT(Math::sqrt),
  RSQRT(x -> 1 / Math.sqrt(x)),
  RECIPROCAL(x -> 1 / x),
  EXP(Math::exp),
  EXP2(x -> Math.pow(2, x)),
  EXPM1(Math::expm1),
  LOG(Math::log),
  LOG2(x -> Math.log(x) / SpecialFunctions.LN_2),
  LOG10(Math::log10),
  LOG1P(Math::log1p),
  SIN(Math::sin),
  COS(Math::cos),
  TAN(Math::tan),
  ASIN(Math::asin),
  ACOS(Math::acos),
  ATAN(Math::atan),
  SINH(Math::sinh),
  COSH(Math::cosh),
  TANH(Math::tanh),
  ASINH(SpecialFunctions::asinh),
  ACOSH(SpecialFunctions::acosh),
  ATANH(SpecialFunctions::atanh),
  ERF(SpecialFunctions::erf),
  ERFC(SpecialFunctions::erfc),
  ERFINV(SpecialFunctions::erfinv),
  LGAMMA(SpecialFunctions::lgamma),
  DIGAMMA(SpecialFunctions::digamma),
  /// The derivative of [#DIGAMMA].
  TRIGAMMA(SpecialFunctions::trigamma),
  /// The inverse of [#SIGMOID]: log(x/(1 − x)).
  LOGIT(x -> Math.log(x / (1 - x))),
  SIGMOID(x -> 1 / (1 + Math.exp(-x))),
  RELU(x -> x < 0 ? 0 : x, x -> Math.max(x, 0)),
  SILU(x -> x / (1 + Math.exp(-x))),
  /// x·Φ(x), with Φ the normal distribution function.
  GELU(SpecialFunctions::gelu),
  /// The tanh approximation of [#GELU].
  GELU_TANH(SpecialFunctions::geluTanh),
  /// log(1 + eˣ), computed without overflow.
  SOFTPLUS(x -> Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  /// min(max(x + 3, 0), 6)/6.
  HARDSIGMOID(x -> Math.min(Math.max(x + 3, 0), 6) / 6),
  /// x·hardsigmoid(x).
  HARDSWISH(x -> x * (Math.min(Math.max(x + 3, 0), 6) / 6)),
  BITWISE_NOT(x -> Double.NaN, x -> ~x),
  LOGICAL_NOT(x -> x == 0 ? 1 : 0, x -> x == 0 ? 1 : 0),
  IS_NAN(x -> Double.isNaN(x) ? 1 : 0, x -> 0),
  IS_INF(x -> Double.isInfinite(x) ? 1 : 0, x -> 0),
  IS_FINITE(x -> Double.isFinite(x) ? 1 : 0, x -> 1);

  private final DoubleUnaryOperator real;
  private final @Nullable LongUnaryOperator whole;

  UnaryOp(DoubleUnaryOperator real) {
    this(real, null);
  }

  UnaryOp(DoubleUnaryOperator real, @Nullable LongUnaryOperator whole) {
    this.real = real;
    this.whole = whole;
  }

  public DoubleUnaryOperator real() {
    return real;
  }

  public @Nullable LongUnaryOperator whole() {
    return whole;
  }

  /// Whether the result is a truth value, of dtype `bool` whatever the operand's.
  public boolean isPredicate() {
    return switch (this) {
      case LOGICAL_NOT, IS_NAN, IS_INF, IS_FINITE -> true;
      default -> false;
    };
  }
}
