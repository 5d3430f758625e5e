package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ElementwiseTest {
  private static final Kernels KERNELS = new CpuBackend().kernels(0);
  private static final Set<DType> FLOATS = EnumSet.of(DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.BFLOAT16);

  @ParameterizedTest
  @EnumSource(UnaryOp.class)
  void everyUnaryOperationAgreesWithItsFormulaForAllDtypes(UnaryOp op) {
    for (DType dtype : DType.values()) {
      LongUnaryOperator whole = op.whole();
      if (dtype.isFloating() ? op == UnaryOp.BITWISE_NOT : whole == null) {
        continue; // has no meaning
      }
      Strided x = Operand.random(Operand.natively(dtype, Operand.Layout.contiguous(1037)), op.ordinal());
      Strided out = Operand.natively(op.isPredicate() ? DType.BOOL : dtype, Operand.Layout.contiguous(1037));
      KERNELS.unary(op, out, x);
      for (int i = 0; i < 1037; i++) {
        String what = op + " of " + dtype.label() + " " + Operand.get(x, i);
        if (dtype.isFloating()) {
          double value = Operand.get(x, i);
          if (op == UnaryOp.EXP && dtype == DType.FLOAT64) { // has vectors of its own, right to a unit, as PyTorch does
            double expected = Math.exp(value);
            assertEquals(expected, Operand.get(out, i), Double.isFinite(expected) ? Math.ulp(expected) : 0, what);
          } else if (op != UnaryOp.GELU || Double.isFinite(value)) { // −∞·0 is NaN by the formula, −0 by the vectors
            assertClose(op.isPredicate() ? DType.FLOAT64 : dtype, op.real().applyAsDouble(value), Operand.get(out, i),
                cancelled(op, value), what);
          }
        } else {
          long expected = dtype == DType.BOOL && op == UnaryOp.BITWISE_NOT ? 1 - Operand.getLong(x, i)
              : Objects.requireNonNull(whole).applyAsLong(Operand.getLong(x, i));
          assertEquals(wrapped(out.dtype(), expected), Operand.getLong(out, i), what);
        }
      }
    }
  }

  /// In the tail, GELU shows that x² was rounded to float: by half a unit for each of its units.
  private static double cancelled(UnaryOp op, double value) {
    return switch (op) {
      case GELU_TANH -> 2e-7 * Math.abs(value);
      case GELU -> Math.abs(op.real().applyAsDouble(value)) * (4 + value * value / 2) * 0x1p-24;
      default -> 0;
    };
  }

  @ParameterizedTest
  @EnumSource(BinaryOp.class)
  void everyBinaryOperationAgreesWithItsFormulaForAllDtypes(BinaryOp op) {
    for (DType dtype : DType.values()) {
      DoubleBinaryOperator real = op.real();
      LongBinaryOperator whole = op.whole();
      if (dtype.isFloating() ? real == null : whole == null) {
        continue; // has no meaning
      }
      Strided a = Operand.random(Operand.natively(dtype, Operand.Layout.contiguous(1037)), op.ordinal());
      Strided b = Operand.random(Operand.natively(dtype, Operand.Layout.contiguous(1037)), op.ordinal() + 1000);
      if (!dtype.isFloating()) {
        for (int i = 0; i < 1037; i++) {
          if (Operand.getLong(b, i) == 0) {
            Operand.setLong(b, i, 1); // division by zero is another test's
          }
        }
      }
      Strided out = Operand.natively(op.isPredicate() ? DType.BOOL : dtype, Operand.Layout.contiguous(1037));
      KERNELS.binary(op, out, a, b);
      for (int i = 0; i < 1037; i++) {
        String what = op + " of " + dtype.label() + " " + Operand.get(a, i) + " and " + Operand.get(b, i);
        if (dtype.isFloating()) {
          double expected = Objects.requireNonNull(real).applyAsDouble(Operand.get(a, i), Operand.get(b, i));
          double g = Math.abs(Operand.get(a, i));
          double y = Operand.get(b, i);
          if (!op.name().endsWith("BACKWARD")) {
            double cancelled = op == BinaryOp.LOG_ADD_EXP && Double.isFinite(g + Math.abs(y)) ? 2e-7 * Math.max(g, Math.abs(y)) : 0;
            assertClose(op.isPredicate() ? DType.FLOAT64 : dtype, expected, Operand.get(out, i), cancelled, what);
          } else if (Double.isFinite(g) && Double.isFinite(y)) { // their terms cancel, and infinite ones in another order
            assertClose(dtype, expected, Operand.get(out, i), 5e-7 * g * (1 + y * y), what);
          }
        } else {
          long expected = Objects.requireNonNull(whole).applyAsLong(Operand.getLong(a, i), Operand.getLong(b, i));
          assertEquals(wrapped(out.dtype(), expected), Operand.getLong(out, i), what);
        }
      }
    }
  }

  /// Within four units in the last place, or of what was `cancelled`: vector functions round each
  /// step to float, and what is hardly more than 0 may become 0.
  private static void assertClose(DType dtype, double expected, double actual, double cancelled, String what) {
    double rounded = Operand.rounded(dtype, expected);
    if (Double.isNaN(rounded)) {
      assertTrue(Double.isNaN(actual), what + " is NaN, got " + actual);
    } else if (rounded != actual) {
      double tolerance = dtype == DType.FLOAT64 ? 0 : Math.max(4 * Operand.ulp(dtype, expected), cancelled) + 1e-37;
      assertEquals(rounded, actual, tolerance, what);
    }
  }

  private static long wrapped(DType dtype, long value) {
    return switch (dtype) {
      case BOOL -> value == 0 ? 0 : 1;
      case UINT8 -> value & 0xff;
      case INT8 -> (byte) value;
      case INT16 -> (short) value;
      case INT32 -> (int) value;
      default -> value;
    };
  }

  @Test
  void everyLayoutOfEveryOperandGivesTheSameSums() {
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.INT32, DType.INT64, DType.FLOAT64)) {
      for (Operand.Layout layout : Operand.layouts()) {
        List<Operand.Layout> inputs = Operand.inputLayouts(layout);
        for (Operand.Layout first : inputs) {
          for (Operand.Layout second : inputs) {
            Strided a = Operand.random(Operand.natively(dtype, first), 1);
            Strided b = Operand.random(Operand.natively(dtype, second), 2);
            checkSum(Operand.natively(dtype, layout), a, b, layout.name() + " = " + first.name() + " + " + second.name());
            if (layout.extent() <= 256) {
              Strided onHeap = Operand.random(Operand.onHeap(dtype, first), 1);
              checkSum(Operand.onHeap(dtype, layout), onHeap, b, "on heap " + layout.name() + " = " + first.name() + " + " + second.name());
            }
          }
        }
      }
    }
  }

  private static void checkSum(Strided out, Strided a, Strided b, String what) {
    KERNELS.binary(BinaryOp.ADD, out, a, b);
    for (long i = 0; i < out.numel(); i++) {
      if (out.dtype().isFloating()) {
        double sum = out.dtype() == DType.FLOAT64 ? Operand.get(a, i) + Operand.get(b, i)
            : (float) Operand.get(a, i) + (float) Operand.get(b, i);
        assertEquals(Operand.rounded(out.dtype(), sum), Operand.get(out, i), what);
      } else {
        assertEquals(wrapped(out.dtype(), Operand.getLong(a, i) + Operand.getLong(b, i)), Operand.getLong(out, i), what);
      }
    }
  }

  @Test
  void neighboursOfAnOutputStayAsTheyAre() {
    Strided storage = Operand.filled(Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(40)), i -> 7.0);
    Strided view = storage.with(3, new long[] {11}, new long[] {3});
    KERNELS.unary(UnaryOp.NEG, view, view);
    for (int i = 0; i < 40; i++) {
      boolean inView = i >= 3 && i <= 33 && i % 3 == 0;
      assertEquals(inView ? -7 : 7, Operand.get(storage, i), "element " + i);
    }
  }

  @Test
  void hostScalarsOfAnyDtypeMeetTensorsOfAnyDtype() {
    for (DType dtype : DType.values()) {
      for (DType of : DType.values()) {
        if (dtype == DType.BOOL) {
          continue; // products of truth values are elsewhere
        }
        Strided x = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(2000)), i -> (double) (i % 50));
        Strided out = Operand.natively(dtype, Operand.Layout.contiguous(2000));
        KERNELS.binary(BinaryOp.MUL, out, x, Operand.scalar(of, of == DType.BOOL ? 1 : 2));
        for (int i = 0; i < 2000; i++) {
          assertEquals(i % 50 * (of == DType.BOOL ? 1 : 2), Operand.get(out, i), dtype.label() + " times " + of.label());
        }
      }
    }
  }

  @Test
  void aColumnMeetsEachRowInEveryComputeType() {
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.INT32, DType.UINT8, DType.INT64, DType.FLOAT64)) {
      for (int columns : new int[] {3, 300, 1031}) {
        Strided x = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(7, columns)), i -> (double) (i % 11));
        Strided column = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(7)), i -> (double) i);
        Strided out = Operand.natively(dtype, Operand.Layout.contiguous(7, columns));
        KERNELS.binary(BinaryOp.ADD, out, x, column.with(column.offset(), new long[] {7, 1}, new long[] {1, 1}));
        for (int i = 0; i < 7 * columns; i++) {
          assertEquals(i % 11 + i / columns, Operand.get(out, i), dtype.label() + ", " + columns + " columns, element " + i);
        }
      }
    }
  }

  @Test
  void aScalarKeepsItsPrecisionBesideHalfPrecision() {
    Strided x = Operand.of(DType.BFLOAT16, 1);
    Strided out = Operand.of(DType.BFLOAT16, 0);
    KERNELS.binary(BinaryOp.MUL, out, x, Operand.scalar(DType.FLOAT64, 1.00390625 + 0.002));
    assertEquals(1.0078125, Operand.get(out, 0), "rounded once, not to bfloat16 first");
  }

  @Test
  void parametersArriveInEveryComputeType() {
    for (DType dtype : FLOATS) {
      Strided x = Operand.of(dtype, -3, -0.5, 0, 0.5, 3, Double.NaN);
      Strided out = Operand.of(dtype, 0, 0, 0, 0, 0, 0);
      KERNELS.clamp(out, x, -1, 2);
      assertValues(out, -1, -0.5, 0, 0.5, 2, Double.NaN);
      KERNELS.clamp(out, x, 2, -1);
      assertValues(out, -1, -1, -1, -1, -1, Double.NaN);
      KERNELS.leakyRelu(out, x, 0.25);
      assertValues(out, -0.75, -0.125, 0, 0.5, 3, Double.NaN);
      KERNELS.elu(out, x, 2, 3);
      assertValues(out, 6 * Math.expm1(-3), 6 * Math.expm1(-0.5), 0, 1.5, 9, Double.NaN);
      KERNELS.addScaled(out, x, x, 2);
      assertValues(out, -9, -1.5, 0, 1.5, 9, Double.NaN);
      KERNELS.where(out, Operand.of(DType.BOOL, 1, 0, 1, 0, 1, 0), x, Operand.scalar(DType.FLOAT32, 8));
      assertValues(out, -3, 8, 0, 8, 3, 8);
    }
    for (DType dtype : List.of(DType.INT64, DType.INT32, DType.INT8)) {
      Strided x = Operand.of(dtype, -3, 0, 5);
      Strided out = Operand.of(dtype, 0, 0, 0);
      KERNELS.clamp(out, x, Double.NEGATIVE_INFINITY, 2);
      assertValues(out, -3, 0, 2);
      KERNELS.addScaled(out, x, x, 3);
      assertValues(out, -12, 0, 20);
    }
  }

  private static void assertValues(Strided out, double... expected) {
    for (int i = 0; i < expected.length; i++) {
      double ulp = Operand.ulp(out.dtype(), expected[i]);
      assertEquals(expected[i], Operand.get(out, i), Double.isNaN(ulp) ? 0 : 2 * ulp, out.dtype().label() + " element " + i);
    }
  }

  @Test
  void integralDivisionByZeroIsAnArithmeticExceptionOnAnyThread() {
    Strided a = Operand.filled(Operand.natively(DType.INT32, Operand.Layout.contiguous(200_000)), i -> 7.0);
    Strided b = Operand.filled(Operand.natively(DType.INT32, Operand.Layout.contiguous(200_000)), i -> i == 150_001 ? 0.0 : 2.0);
    assertThrows(ArithmeticException.class, () -> KERNELS.binary(BinaryOp.FLOOR_DIVIDE, a, a, b));
  }

  @Test
  void anElementsResultDoesNotDependOnItsPlace() {
    for (UnaryOp op : List.of(UnaryOp.EXP, UnaryOp.GELU, UnaryOp.TANH, UnaryOp.LOG)) {
      Strided x = Operand.random(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(100_003)), 3);
      Strided out = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(100_003));
      KERNELS.unary(op, out, x);
      Strided one = Operand.of(DType.FLOAT32, 0);
      for (long i : new long[] {0, 15, 16, 50_000, 100_002}) {
        KERNELS.unary(op, one, x.with(i, new long[] {1}, new long[] {1}));
        assertEquals(Operand.get(out, i), Operand.get(one, 0), op + " of element " + i);
      }
    }
  }
  /// Beyond some thousand elements loops read and write halves as they lie; a view that steps over elements goes by way of tiles.
  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT16", "BFLOAT16"})
  void manyHalvesComeToTheBitsOfThoseThatAreConverted(DType dtype) {
    int n = Halves.LEAST_ELEMENTS + 37;
    Strided[] x = new Strided[3];
    Strided[] apart = new Strided[3];
    for (int k = 0; k < 3; k++) {
      x[k] = Operand.random(Operand.natively(dtype, Operand.Layout.contiguous(n)), 10 + k);
      apart[k] = everySecond(dtype, n);
      KERNELS.copy(apart[k], x[k]);
    }
    for (UnaryOp op : UnaryOp.values()) {
      if (op != UnaryOp.BITWISE_NOT) {
        checkHalves(op.isPredicate() ? DType.BOOL : dtype, n, op, out -> KERNELS.unary(op, out, x[0]),
            out -> KERNELS.unary(op, out, apart[0]));
      }
    }
    for (BinaryOp op : BinaryOp.values()) {
      if (op.real() != null) {
        checkHalves(op.isPredicate() ? DType.BOOL : dtype, n, op, out -> KERNELS.binary(op, out, x[0], x[1]),
            out -> KERNELS.binary(op, out, apart[0], apart[1]));
        checkHalves(op.isPredicate() ? DType.BOOL : dtype, n, op, out -> KERNELS.binary(op, out, x[0], apart[1]),
            out -> KERNELS.binary(op, out, apart[0], x[1]));
        Strided half = Operand.scalar(DType.FLOAT32, 0.3);
        checkHalves(op.isPredicate() ? DType.BOOL : dtype, n, op, out -> KERNELS.binary(op, out, x[0], half),
            out -> KERNELS.binary(op, out, apart[0], half));
      }
    }
    Strided condition = Operand.random(Operand.natively(DType.BOOL, Operand.Layout.contiguous(n)), 9);
    checkHalves(dtype, n, "where", out -> KERNELS.where(out, condition, x[0], x[1]),
        out -> KERNELS.where(out, condition, apart[0], apart[1]));
    checkHalves(dtype, n, "clamp", out -> KERNELS.clamp(out, x[0], -0.3, 0.7), out -> KERNELS.clamp(out, apart[0], -0.3, 0.7));
    checkHalves(dtype, n, "a + 0.3 b", out -> KERNELS.addScaled(out, x[0], x[1], 0.3),
        out -> KERNELS.addScaled(out, apart[0], apart[1], 0.3));
    checkHalves(dtype, n, "leaky ReLU", out -> KERNELS.leakyRelu(out, x[0], 0.1), out -> KERNELS.leakyRelu(out, apart[0], 0.1));
  }

  private static Strided everySecond(DType dtype, long n) {
    return Operand.natively(dtype, new Operand.Layout("every second", new long[] {n}, new long[] {2}, 1));
  }

  private static void checkHalves(DType dtype, int n, Object op, Consumer<Strided> asTheyLie, Consumer<Strided> converted) {
    Strided out = Operand.natively(dtype, Operand.Layout.contiguous(n));
    asTheyLie.accept(out);
    Strided expected = everySecond(dtype, n);
    converted.accept(expected);
    for (int i = 0; i < n; i++) {
      assertEquals(Double.doubleToLongBits(Operand.get(expected, i)), Double.doubleToLongBits(Operand.get(out, i)),
          op + " of " + dtype.label() + ", element " + i + ": " + Operand.get(expected, i) + ", got " + Operand.get(out, i));
    }
  }

  @Test
  void numbersThatAWholeOneCannotHoldAreCastAlikeOnVectorsAndOneByOne() {
    double[] edges = {0.7, -0.7, 0x1p31, -0x1p31, 0x1p31 - 1, -0x1p31 - 1, -0x1p31 - 0x1p9, 0x1p63, -0x1p63, 0x1p63 - 0x1p10,
      0x1p63 - 0x1p39,
      0x1p64, 3e9, -3e9, 1e30, -1e30, 300, -200, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY};
    int n = 5000;
    for (DType from : FLOATS) {
      Strided x = Operand.filled(Operand.natively(from, Operand.Layout.contiguous(n)), i -> edges[(int) (i * 7 % edges.length)]);
      Strided apart = everySecond(from, n);
      KERNELS.copy(apart, x);
      for (DType to : List.of(DType.INT64, DType.INT32, DType.INT16, DType.INT8, DType.UINT8, DType.BOOL, DType.FLOAT64)) {
        Strided out = Operand.natively(to, Operand.Layout.contiguous(n));
        Strided expected = everySecond(to, n);
        KERNELS.copy(out, x);
        KERNELS.copy(expected, apart);
        for (int i = 0; i < n; i++) {
          String what = from.label() + " " + Operand.get(x, i) + " to " + to.label();
          if (to == DType.FLOAT64) {
            assertEquals(Operand.get(x, i), Operand.get(out, i), what);
          } else {
            assertEquals(Operand.getLong(expected, i), Operand.getLong(out, i), what);
          }
        }
      }
    }
  }
}
