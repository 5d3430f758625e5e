package org.flambeau.backend.cpu;

import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// The loop for each operation and compute type, made on first use: the vector loop where there is one, else the scalar.
final class Loops<O extends Enum<O>> {
  private static final Loops<UnaryOp> UNARY = new Loops<>(UnaryOp.values(), Loops::real, Loops::whole);
  private static final Loops<BinaryOp> BINARY = new Loops<>(BinaryOp.values(), Loops::real, Loops::whole);
  private static final Loops<TernaryOp> TERNARY = new Loops<>(TernaryOp.values(), TernaryOp::real, TernaryOp::whole);

  private final Function<O, TernaryOp.@Nullable Real> real;
  private final Function<O, TernaryOp.@Nullable Whole> whole;
  private final @Nullable Loop[][] made;

  private Loops(O[] operations, Function<O, TernaryOp.@Nullable Real> real, Function<O, TernaryOp.@Nullable Whole> whole) {
    this.real = real;
    this.whole = whole;
    this.made = new Loop[Compute.values().length][operations.length];
  }

  static Loop unary(UnaryOp op, Compute compute) {
    return UNARY.get(op, compute);
  }

  static Loop binary(BinaryOp op, Compute compute) {
    return BINARY.get(op, compute);
  }

  static Loop ternary(TernaryOp op, Compute compute) {
    return TERNARY.get(op, compute);
  }

  private Loop get(O op, Compute compute) {
    Loop loop = made[compute.ordinal()][op.ordinal()];
    return loop != null ? loop : make(op, compute);
  }

  private synchronized Loop make(O op, Compute compute) {
    @Nullable Loop loop = made[compute.ordinal()][op.ordinal()];
    if (loop == null && compute == Compute.FLOAT && Vectorization.PRESENT != null) {
      loop = Vectorization.PRESENT.loop(op);
    }
    if (loop == null) {
      loop = scalar(op, compute);
    }
    made[compute.ordinal()][op.ordinal()] = loop;
    return loop;
  }

  private Loop scalar(O op, Compute compute) {
    if (compute == Compute.LONG) {
      TernaryOp.Whole formula = whole.apply(op);
      if (formula != null) {
        return ScalarLoops.of(formula);
      }
    } else {
      TernaryOp.Real formula = real.apply(op);
      if (formula != null) {
        return ScalarLoops.of(compute, formula);
      }
    }
    throw new UnsupportedOperationException(
        "[" + op + "] has no meaning for " + (compute == Compute.LONG ? "integral" : "float") + " dtypes");
  }

  private static TernaryOp.Real real(UnaryOp op) {
    DoubleUnaryOperator formula = op.real();
    return (a, b, c) -> formula.applyAsDouble(a);
  }

  private static TernaryOp.@Nullable Whole whole(UnaryOp op) {
    LongUnaryOperator formula = op.whole();
    return formula == null ? null : (a, b, c) -> formula.applyAsLong(a);
  }

  private static TernaryOp.@Nullable Real real(BinaryOp op) {
    DoubleBinaryOperator formula = op.real();
    return formula == null ? null : (a, b, c) -> formula.applyAsDouble(a, b);
  }

  private static TernaryOp.@Nullable Whole whole(BinaryOp op) {
    LongBinaryOperator formula = op.whole();
    return formula == null ? null : (a, b, c) -> formula.applyAsLong(a, b);
  }
}
