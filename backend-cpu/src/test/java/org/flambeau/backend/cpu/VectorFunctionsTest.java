package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.DoubleBinaryOperator;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Functions on vectors beside their formulas in float64.
class VectorFunctionsTest {
  private static final Kernels KERNELS = new CpuBackend().kernels(0);
  private static final int MANY = 20_000;

  /// Where a function is right to so many units in the last place.
  record Range(UnaryOp op, double from, double to, double units) {
    static Range of(UnaryOp op, double from, double to, double units) {
      return new Range(op, from, to, units);
    }

    /// All over the range, and close to 0.
    Strided operands() {
      return Operand.filled(floats(MANY),
          i -> i % 2 == 0 ? from + (to - from) * i / MANY : (i % 4 == 1 ? 1 : -1) * Math.exp(-i * 20.0 / MANY));
    }
  }

  private static Stream<Range> ranges() {
    return Stream.of(
        Range.of(UnaryOp.EXP, -104, 89, 1.5), Range.of(UnaryOp.EXP2, -150, 129, 1), Range.of(UnaryOp.EXPM1, -20, 80, 1.5),
        Range.of(UnaryOp.LOG, 1e-45, 1e3, 1), Range.of(UnaryOp.LOG2, 1e-45, 1e3, 1.75), Range.of(UnaryOp.LOG2, 0.5, 2, 1.75),
        Range.of(UnaryOp.LOG10, 1e-45, 1e3, 1.75), Range.of(UnaryOp.LOG10, 0.5, 2, 1.75), Range.of(UnaryOp.LOG1P, -0.999, 100, 1),
        Range.of(UnaryOp.SIN, -100, 100, 2), Range.of(UnaryOp.SIN, -1e9, 1e9, 1), Range.of(UnaryOp.COS, -100, 100, 2),
        Range.of(UnaryOp.TAN, -100, 100, 1.5), Range.of(UnaryOp.TAN, -3e4, 3e4, 1.5), Range.of(UnaryOp.TAN, -1e9, 1e9, 1),
        Range.of(UnaryOp.ASIN, -1, 1, 1), Range.of(UnaryOp.ACOS, -1, 1, 1), Range.of(UnaryOp.ATAN, -20, 20, 1.25),
        Range.of(UnaryOp.SINH, -90, 90, 1.75), Range.of(UnaryOp.SINH, -2, 2, 1.75), Range.of(UnaryOp.COSH, -90, 90, 1.75),
        Range.of(UnaryOp.TANH, -10, 10, 1.5), Range.of(UnaryOp.ASINH, -1e5, 1e5, 1.5), Range.of(UnaryOp.ASINH, -3, 3, 1.5),
        Range.of(UnaryOp.ACOSH, 1, 1e5, 1.75), Range.of(UnaryOp.ACOSH, 1, 3, 1.75), Range.of(UnaryOp.ATANH, -1, 1, 1.25),
        Range.of(UnaryOp.LOGIT, 0, 1, 1), Range.of(UnaryOp.SIGMOID, -80, 80, 2.5), Range.of(UnaryOp.SOFTPLUS, -80, 80, 2.5),
        Range.of(UnaryOp.SILU, -80, 80, 3), Range.of(UnaryOp.ERF, -5, 5, 2), Range.of(UnaryOp.ERFINV, -1, 1, 1.75),
        Range.of(UnaryOp.LGAMMA, 0, 10, 0.6), Range.of(UnaryOp.LGAMMA, 0.999, 1.001, 0.6), Range.of(UnaryOp.LGAMMA, 1.999, 2.001, 0.6),
        Range.of(UnaryOp.LGAMMA, 0, 3e38, 0.6), Range.of(UnaryOp.LGAMMA, -2, 0, 0.6), Range.of(UnaryOp.LGAMMA, -1e3, -4.5, 0.6),
        Range.of(UnaryOp.GELU, -1, 20, 4), Range.of(UnaryOp.GELU, -5, -1, 14));
  }

  @ParameterizedTest
  @MethodSource("ranges")
  void areRightToFewUnitsInTheLastPlace(Range range) {
    Strided x = range.operands();
    Strided out = floats(MANY);
    KERNELS.unary(range.op, out, x);
    double worst = 0;
    double at = 0;
    for (int i = 0; i < MANY; i++) {
      double value = Operand.get(x, i);
      double error = error(Operand.get(out, i), range.op.real().applyAsDouble(value));
      if (value >= range.from && value <= range.to && error > worst) {
        worst = error;
        at = value;
      }
    }
    assertEquals(0, Math.max(0, worst - range.units), range.op + " is wrong by " + worst + " units at " + at);
  }

  @Test
  void exponentialsOfDoublesAreRightToAUnitInTheLastPlaceAndAtTheEnds() {
    double[] ends = {0, 709.7, 709.79, 1e300, Double.POSITIVE_INFINITY, Double.NaN, -708, -709, -744, -745.13, -745.14, -1e300,
      Double.NEGATIVE_INFINITY, 1e-300};
    Strided x = Operand.filled(Operand.natively(DType.FLOAT64, Operand.Layout.contiguous(MANY)),
        i -> i < ends.length ? ends[(int) i] : -740 + i * 1440.0 / MANY);
    Strided out = Operand.natively(DType.FLOAT64, Operand.Layout.contiguous(MANY));
    KERNELS.unary(UnaryOp.EXP, out, x);
    for (int i = 0; i < MANY; i++) {
      double expected = StrictMath.exp(Operand.get(x, i));
      assertEquals(expected, Operand.get(out, i), Double.isFinite(expected) ? 1.5 * Math.ulp(expected) : 0, "exp " + Operand.get(x, i));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"POW", "ATAN2", "HYPOT", "FMOD", "REMAINDER", "FLOOR_DIVIDE"})
  void ofTwoOperandsAreRightToUnitsInTheLastPlaceForAllMagnitudesAndSigns(BinaryOp op) {
    Random random = new Random(1);
    Strided a = Operand.filled(floats(MANY), i -> random.nextGaussian() * Math.exp(30 * random.nextGaussian()));
    Strided b = Operand.filled(floats(MANY), i -> i % 3 == 0 ? Operand.get(a, i) / (1 + random.nextInt(50))
        : i % 3 == 1 ? random.nextInt(40) - 20 : Operand.get(a, i) * Math.exp(5 * random.nextGaussian()));
    double units = switch (op) {
      case POW -> 0.6;
      case ATAN2, HYPOT -> 1.25;
      default -> 0.5;
    };
    assertEquals(List.of(), wrong(op, a, b, units));
  }

  /// Signs of 0, infinities, NaN, ends of domains, ends of what is fast; of whole numbers, even and odd ones, small and large.
  private static final double[] SPECIAL = {0, 1, 2, 3, 0.5, 1.5, 2.5, 1 - 0x1p-24, 1 + 0x1p-23, Float.MIN_VALUE, Float.MIN_NORMAL, 0x1p-100,
    0.25,
    0.75, 20, 89, 128, 149, 8192, 8193, 3e4, 4e4, 0x1p22 - 0.5, 0x1p22 + 0.5, 0x1p23 - 1, 0x1p23 + 1, 0x1p24, 1e20, Float.MAX_VALUE,
    Float.POSITIVE_INFINITY, Float.NaN};

  private static double special(long i) {
    return i % 2 == 0 ? SPECIAL[(int) (i / 2)] : -SPECIAL[(int) (i / 2)];
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOOR", "CEIL", "ROUND", "TRUNC", "EXP2", "LOG2", "LOG10", "LOG1P", "TAN", "ASIN", "ACOS", "ATAN", "SINH", "COSH",
    "TANH",
    "ASINH", "ACOSH", "ATANH", "LOGIT", "ERFINV", "LGAMMA", "HARDSIGMOID", "HARDSWISH"})
  void takeSpecialOperandsAsTheirFormulasDo(UnaryOp op) {
    int n = 2 * SPECIAL.length;
    Strided x = Operand.filled(floats(n), VectorFunctionsTest::special);
    assertEquals(List.of(), wrong(op.name(), (a, b) -> op.real().applyAsDouble(a), x, x, 2, out -> KERNELS.unary(op, out, x)));
  }

  @ParameterizedTest
  @EnumSource(names = {"POW", "ATAN2", "HYPOT", "FMOD", "REMAINDER", "FLOOR_DIVIDE", "XLOGY", "SMOOTH_DISTANCE", "RELU_BACKWARD",
    "HARDSIGMOID_BACKWARD", "HARDSWISH_BACKWARD"})
  void takeAllPairsOfSpecialOperandsAsTheirFormulasDo(BinaryOp op) {
    int n = 2 * SPECIAL.length;
    Strided a = Operand.filled(floats(n * n), i -> special(i % n));
    Strided b = Operand.filled(floats(n * n), i -> special(i / n));
    assertEquals(List.of(), wrong(op, a, b, 2));
  }

  @Test
  void truncatedQuotientsAreThoseOfTheRoundedQuotient() {
    assumeTrue(Vectorization.PRESENT != null, "there are vectors");
    Strided a = Operand.of(DType.FLOAT32, 2.5, -7, 7, 0.3);
    Strided b = Operand.of(DType.FLOAT32, 0.001, 2, -2, 1);
    Strided out = floats(4);
    KERNELS.binary(BinaryOp.TRUNC_DIVIDE, out, a, b);
    assertEquals(List.of(2500.0, -3.0, -3.0, 0.0), Stream.of(0, 1, 2, 3).map(i -> Operand.get(out, i)).toList());
  }

  private static List<String> wrong(BinaryOp op, Strided a, Strided b, double units) {
    return wrong(op.name(), Objects.requireNonNull(op.real()), a, b, units, out -> KERNELS.binary(op, out, a, b));
  }

  private static List<String> wrong(String op, DoubleBinaryOperator formula, Strided a, Strided b, double units,
      Consumer<Strided> kernel) {
    Strided out = floats((int) a.numel());
    kernel.accept(out);
    List<String> wrong = new ArrayList<>();
    for (int i = 0; i < a.numel(); i++) {
      double expected = formula.applyAsDouble(Operand.get(a, i), Operand.get(b, i));
      double actual = Operand.get(out, i);
      boolean sameSign = Double.isNaN(expected) || Math.copySign(1, expected) == Math.copySign(1, actual);
      if (!sameSign || !(error(actual, expected) <= units)) {
        wrong.add(op + " of " + Operand.get(a, i) + " and " + Operand.get(b, i) + " is " + expected + ", got " + actual);
      }
    }
    return wrong;
  }

  /// In units in the last place; 0 where both are the same when rounded, NaN among them.
  private static double error(double actual, double expected) {
    return Double.compare((float) expected, (float) actual) == 0 && !Double.isFinite(actual)
        ? 0 : Math.abs(actual - expected) / Operand.ulp(DType.FLOAT32, expected);
  }

  private static Strided floats(int n) {
    return Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(n));
  }

  @Test
  void existForTheOperationsTheyAreNamedAs() {
    assumeTrue(Vectorization.PRESENT != null, "there are vectors");
    Vectorization vectors = Objects.requireNonNull(Vectorization.PRESENT);
    for (UnaryOp op : UnaryOp.values()) {
      switch (op) {
        case DIGAMMA, TRIGAMMA, BITWISE_NOT -> {}
        default -> assertNotNull(vectors.loop(op, Compute.FLOAT), op + " has a vector form");
      }
    }
    for (BinaryOp op : BinaryOp.values()) {
      if (op.real() != null && op != BinaryOp.ZETA) {
        assertNotNull(vectors.loop(op, Compute.FLOAT), op + " has a vector form");
      }
    }
    for (TernaryOp op : TernaryOp.values()) {
      assertNotNull(vectors.loop(op, Compute.FLOAT), op + " has a vector form");
    }
  }

  @Test
  void fusedStepsTakeNoRowsButOfFloatsAndHalves() {
    assumeTrue(Vectorization.PRESENT != null, "there are vectors");
    assertThrows(IllegalArgumentException.class, () -> Rows.loop(RowOp.ADD, DType.FLOAT64));
  }
}
