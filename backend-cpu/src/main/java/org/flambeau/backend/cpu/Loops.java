package org.flambeau.backend.cpu;

import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
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
  private final Map<OverHalves<O>, Optional<Loop>> madeOverHalves = new ConcurrentHashMap<>();

  private record OverHalves<O>(O op, Halves halves) {}

  private Loops(O[] operations, Function<O, TernaryOp.@Nullable Real> real, Function<O, TernaryOp.@Nullable Whole> whole) {
    this.real = real;
    this.whole = whole;
    this.made = new Loop[Compute.values().length][operations.length];
  }

  /// That of a [UnaryOp], [BinaryOp] or [TernaryOp].
  static Loop of(Enum<?> op, Compute compute) {
    return switch (op) {
      case UnaryOp unary -> UNARY.get(unary, compute);
      case BinaryOp binary -> BINARY.get(binary, compute);
      case TernaryOp ternary -> TERNARY.get(ternary, compute);
      default -> throw new IllegalArgumentException("[loop] not an element-wise operation: " + op);
    };
  }

  /// The one on floats that reads and writes `halves` as they lie, to the bits of conversions and [#of]; null where it would be no faster.
  static @Nullable Loop over(Halves halves, Enum<?> op) {
    return switch (op) {
      case UnaryOp unary -> UNARY.overHalves(unary, halves);
      case BinaryOp binary -> BINARY.overHalves(binary, halves);
      case TernaryOp ternary -> TERNARY.overHalves(ternary, halves);
      default -> throw new IllegalArgumentException("[loop] not an element-wise operation: " + op);
    };
  }

  static Loop unary(UnaryOp op, Compute compute) {
    return UNARY.get(op, compute);
  }

  static Loop binary(BinaryOp op, Compute compute) {
    return BINARY.get(op, compute);
  }

  private Loop get(O op, Compute compute) {
    Loop loop = made[compute.ordinal()][op.ordinal()];
    return loop != null ? loop : make(op, compute);
  }

  private @Nullable Loop overHalves(O op, Halves halves) {
    Vectorization vectors = Vectorization.PRESENT;
    return vectors == null ? null
        : madeOverHalves.computeIfAbsent(new OverHalves<>(op, halves), _ -> Optional.ofNullable(vectors.loop(op, halves))).orElse(null);
  }

  private synchronized Loop make(O op, Compute compute) {
    @Nullable Loop loop = made[compute.ordinal()][op.ordinal()];
    if (loop == null) {
      Loop vector = Vectorization.PRESENT != null ? Vectorization.PRESENT.loop(op, compute) : null;
      loop = vector == null ? scalar(op, compute) : isExact(op, compute) ? new ByLength(scalar(op, compute), vector)
          : vector;
    }
    made[compute.ordinal()][op.ordinal()] = loop;
    return loop;
  }

  /// Whether an operation rounds once, so that computed in double and rounded to float it gives the same bits; on doubles, whether its
  /// formula does as its vectors do.
  private static boolean isExact(Enum<?> op, Compute compute) {
    if (compute != Compute.FLOAT) {
      return op != UnaryOp.EXP;
    }
    return switch (op) {
      case UnaryOp unary -> switch (unary) {
        case ABS, NEG, SIGN, CEIL, FLOOR, ROUND, TRUNC, SQUARE, SQRT, RECIPROCAL, RELU, LOGICAL_NOT, IS_NAN, IS_INF, IS_FINITE -> true;
        default -> false;
      };
      case BinaryOp binary -> switch (binary) {
        case ADD, SUB, MUL, DIV, MAXIMUM, MINIMUM, COPYSIGN, RELU_BACKWARD -> true;
        default -> binary.isPredicate();
      };
      case TernaryOp ternary -> ternary == TernaryOp.WHERE || ternary == TernaryOp.CLAMP || ternary == TernaryOp.LEAKY_RELU;
      default -> false;
    };
  }

  /// Where a few elements are all, plain Java is as fast, and a hundred times faster until the compiler has got hold of it.
  private record ByLength(Loop plain, Loop vector) implements Loop {
    private static final int FEW = 32;

    @Override
    public void run(long out, long a, long b, long c, int n) {
      (n <= FEW ? plain : vector).run(out, a, b, c, n);
    }
  }

  private Loop scalar(O op, Compute compute) {
    if (compute.isWhole()) {
      TernaryOp.Whole formula = whole.apply(op);
      if (formula != null) {
        return ScalarLoops.of(compute, formula);
      }
    } else {
      TernaryOp.Real formula = real.apply(op);
      if (formula != null) {
        return ScalarLoops.of(compute, formula);
      }
    }
    throw new UnsupportedOperationException(
        "[" + op + "] has no meaning for " + (compute.isWhole() ? "integral" : "float") + " dtypes");
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
