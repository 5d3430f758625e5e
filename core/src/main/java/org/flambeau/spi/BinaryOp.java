package org.flambeau.spi;

import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import org.flambeau.DType;
import org.jspecify.annotations.Nullable;

/// Element-wise functions of two operands of one dtype, each with the formula that every backend's kernel must agree
/// with: `real` over float dtypes, `whole` over integral ones, absent where an operation has no meaning there.
/// Results have the operands' dtype unless [#isPredicate()].
public enum BinaryOp {
  ADD((a, b) -> a + b, (a, b) -> a + b),
  SUB((a, b) -> a - b, (a, b) -> a - b),
  MUL((a, b) -> a * b, (a, b) -> a * b),
  DIV((a, b) -> a / b),
  /// ⌊a/b⌋; an integral division by zero is an `ArithmeticException`.
  FLOOR_DIVIDE(SpecialFunctions::floorDivide, Math::floorDiv),
  /// a/b rounded toward zero.
  TRUNC_DIVIDE((a, b) -> a / b < 0 ? Math.ceil(a / b) : Math.floor(a / b), (a, b) -> a / b),
  /// a − b·⌊a/b⌋, with b's sign.
  REMAINDER(SpecialFunctions::remainder, Math::floorMod),
  /// C's fmod: the remainder with a's sign.
  FMOD((a, b) -> a % b, (a, b) -> a % b),
  POW(SpecialFunctions::pow, SpecialFunctions::pow),
  ATAN2(Math::atan2),
  HYPOT(Math::hypot),
  COPYSIGN(Math::copySign),
  /// a·log b, and 0 where a is 0 and b is not NaN.
  XLOGY((a, b) -> a == 0 && !Double.isNaN(b) ? 0 : a * Math.log(b)),
  /// (a − b)².
  SQUARED_DIFFERENCE((a, b) -> (a - b) * (a - b)),
  /// |a − b| − ½, or (a − b)²/2 where the distance is less than 1.
  SMOOTH_DISTANCE((a, b) -> Math.abs(a - b) < 1 ? 0.5 * (a - b) * (a - b) : Math.abs(a - b) - 0.5),
  /// a, or b where a is NaN.
  IF_NAN((a, b) -> Double.isNaN(a) ? b : a),
  /// log(eᵃ + eᵇ).
  LOG_ADD_EXP(SpecialFunctions::logAddExp),
  /// The larger; NaN if either is.
  MAXIMUM(Math::max, Math::max),
  /// The smaller; NaN if either is.
  MINIMUM(Math::min, Math::min),
  BITWISE_AND(null, (a, b) -> a & b),
  BITWISE_OR(null, (a, b) -> a | b),
  BITWISE_XOR(null, (a, b) -> a ^ b),
  SHIFT_LEFT(null, (a, b) -> b < 0 || b > 63 ? 0 : a << b),
  SHIFT_RIGHT(null, (a, b) -> a >> (b < 0 || b > 63 ? 63 : b)),
  /// (x, q) → Σ (q + k)⁻ˣ over k ≥ 0.
  ZETA(SpecialFunctions::zeta),
  LOGICAL_AND((a, b) -> a != 0 && b != 0 ? 1 : 0, (a, b) -> a != 0 && b != 0 ? 1 : 0),
  LOGICAL_OR((a, b) -> a != 0 || b != 0 ? 1 : 0, (a, b) -> a != 0 || b != 0 ? 1 : 0),
  LOGICAL_XOR((a, b) -> a != 0 ^ b != 0 ? 1 : 0, (a, b) -> a != 0 ^ b != 0 ? 1 : 0),
  EQ((a, b) -> a == b ? 1 : 0, (a, b) -> a == b ? 1 : 0),
  NE((a, b) -> a != b ? 1 : 0, (a, b) -> a != b ? 1 : 0),
  LT((a, b) -> a < b ? 1 : 0, (a, b) -> a < b ? 1 : 0),
  LE((a, b) -> a <= b ? 1 : 0, (a, b) -> a <= b ? 1 : 0),
  GT((a, b) -> a > b ? 1 : 0, (a, b) -> a > b ? 1 : 0),
  GE((a, b) -> a >= b ? 1 : 0, (a, b) -> a >= b ? 1 : 0),
  /// (gradient, result) → 0 where the result is at most 0, else the gradient.
  RELU_BACKWARD((g, y) -> y <= 0 ? 0 : g),
  /// (gradient, result) → g·y·(1 − y).
  SIGMOID_BACKWARD((g, y) -> g * y * (1 - y)),
  /// (gradient, result) → g·(1 − y²).
  TANH_BACKWARD((g, y) -> g * (1 - y * y)),
  /// (gradient, operand) → g·(Φ(x) + x·φ(x)).
  GELU_BACKWARD(SpecialFunctions::geluBackward),
  /// (gradient, operand) → the derivative of the tanh form.
  GELU_TANH_BACKWARD(SpecialFunctions::geluTanhBackward),
  /// (gradient, operand) → g·σ(x)·(1 + x·(1 − σ(x))).
  SILU_BACKWARD(SpecialFunctions::siluBackward),
  /// (gradient, operand) → g/6 between −3 and 3, else 0.
  HARDSIGMOID_BACKWARD((g, x) -> x > -3 && x < 3 ? g / 6 : 0),
  /// (gradient, operand) → 0 up to −3, g·(x/3 + ½) below 3, else g.
  HARDSWISH_BACKWARD((g, x) -> x <= -3 ? 0 : x < 3 ? g * (x / 3 + 0.5) : g);

  private final @Nullable DoubleBinaryOperator real;
  private final @Nullable LongBinaryOperator whole;

  BinaryOp(DoubleBinaryOperator real) {
    this(real, null);
  }

  BinaryOp(@Nullable DoubleBinaryOperator real, @Nullable LongBinaryOperator whole) {
    this.real = real;
    this.whole = whole;
  }

  public @Nullable DoubleBinaryOperator real() {
    return real;
  }

  public @Nullable LongBinaryOperator whole() {
    return whole;
  }

  /// Whether the result is a truth value, of dtype `bool` whatever the operands'.
  public boolean isPredicate() {
    return switch (this) {
      case EQ, NE, LT, LE, GT, GE, LOGICAL_AND, LOGICAL_OR, LOGICAL_XOR -> true;
      default -> false;
    };
  }

  /// The dtype in which a predicate meets its operands; that of a host scalar counts only beside another.
  public static DType operandType(Strided a, Strided b) {
    return operandType(a.dtype(), a.isHostScalar(), b.dtype(), b.isHostScalar());
  }

  /// The same, given what that depends on.
  public static DType operandType(DType a, boolean hostA, DType b, boolean hostB) {
    return hostA == hostB ? DType.promote(a, b) : hostA ? b : a;
  }
}
