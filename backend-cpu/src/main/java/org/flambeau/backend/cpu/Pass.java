package org.flambeau.backend.cpu;

import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// How an element-wise function is computed: by a loop over operands of one compute type.
///
/// @param op a [UnaryOp], [BinaryOp] or [TernaryOp]; null where values are only cast
/// @param operands how many the loop has; of a function with fewer, `b` and `c` are the others
record Pass(@Nullable Enum<?> op, Compute compute, int operands, double b, double c) {
  /// Null where values are only cast.
  @Nullable Loop loop() {
    return op == null ? null : Loops.of(op, compute);
  }

  /// As [Loops#over], or null where there is none.
  @Nullable Loop loop(Halves halves) {
    return op == null || compute != Compute.FLOAT ? null : Loops.over(halves, op);
  }

  /// @param of the dtype of the first operand; for a comparison, that in which both operands meet
  static Pass of(Pointwise function, DType out, DType of) {
    return switch (function) {
      case Pointwise.Copy() -> cast(out, of);
      case Pointwise.Unary(UnaryOp op) -> unary(op, of);
      case Pointwise.Binary(BinaryOp op) -> binary(op, op.isPredicate() ? of : out);
      case Pointwise.AddScaled(double alpha) -> ternary(TernaryOp.ADD_SCALED, out, 0, alpha);
      case Pointwise.Where() -> ternary(TernaryOp.WHERE, out, 0, 0);
      case Pointwise.Clamp(double low, double high) -> ternary(TernaryOp.CLAMP, out, low, high);
      case Pointwise.LeakyRelu(double slope) -> ternary(TernaryOp.LEAKY_RELU, out, slope, 0);
      case Pointwise.Elu(double alpha, double scale) -> ternary(TernaryOp.ELU, out, alpha * scale, scale);
    };
  }

  /// A truth value asks all bits of a number, a narrow whole one only the low. A number with a fraction is truncated as it is stored; to an unsigned one it goes
  /// by way of double.
  static Pass cast(DType out, DType of) {
    Compute compute = out == DType.BOOL ? Compute.ofElements(of)
        : !out.isIntegral() || !of.isFloating() ? Compute.ofElements(out) : out == DType.UINT8 ? Compute.DOUBLE : Compute.of(of);
    return new Pass(null, compute, 1, 0, 0);
  }

  private static Pass unary(UnaryOp op, DType of) {
    boolean negates = of == DType.BOOL && (op == UnaryOp.BITWISE_NOT || op == UnaryOp.LOGICAL_NOT);
    Compute compute = negates ? Compute.TRUTH : Compute.ofElements(of);
    return new Pass(negates ? UnaryOp.LOGICAL_NOT : op, compute, 1, 0, 0);
  }

  private static Pass binary(BinaryOp op, DType of) {
    BinaryOp logical = of == DType.BOOL ? ofTruthValues(op) : null;
    Compute compute = logical != null ? Compute.TRUTH : Compute.ofElements(of);
    return new Pass(logical != null ? logical : op, compute, 2, 0, 0);
  }

  /// What an operation comes to on truth values, of which it makes truth values again; null where it is none of those.
  private static @Nullable BinaryOp ofTruthValues(BinaryOp op) {
    return switch (op) {
      case LOGICAL_AND, BITWISE_AND, MUL, MINIMUM -> BinaryOp.LOGICAL_AND;
      case LOGICAL_OR, BITWISE_OR, ADD, MAXIMUM -> BinaryOp.LOGICAL_OR;
      case LOGICAL_XOR, BITWISE_XOR, NE -> BinaryOp.LOGICAL_XOR;
      case EQ, LT, LE, GT, GE -> op;
      default -> null;
    };
  }

  private static Pass ternary(TernaryOp op, DType out, double b, double c) {
    Compute compute = isInt(b) && isInt(c) ? Compute.ofElements(out) : Compute.of(out);
    return new Pass(op, compute, 3, b, c);
  }

  private static boolean isInt(double number) {
    return number == (int) number;
  }
}
