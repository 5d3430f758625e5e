package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.lang.invoke.MethodHandles;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;

/// The folds' formulas as loops, one element at a time.
final class ScalarReducers {
  private ScalarReducers() {}

  static Reducer of(Compute compute, Fold fold) {
    Class<? extends Reducer> template = switch (compute) {
      case FLOAT -> Floats.class;
      case DOUBLE -> Doubles.class;
      case LONG -> Longs.class;
      case INT, TRUTH -> throw new IllegalArgumentException("[reduction] whole numbers are added up in 64 bits");
    };
    return Specialization.of(MethodHandles.lookup(), Reducer.class, template, fold);
  }

  static final class Floats implements Reducer {
    private static final Fold FOLD = Specialization.data(MethodHandles.lookup(), Fold.class);
    private static final DoubleBinaryOperator MAP = FOLD.realMap;
    private static final DoubleBinaryOperator COMBINE = FOLD.realCombine;

    @Override
    public long row(long x, int n, double parameter) {
      double result = FOLD.realInit;
      for (long at = 0; at < 4L * n; at += 4) {
        result = COMBINE.applyAsDouble(result, MAP.applyAsDouble(ALL.get(FLOAT, x + at), parameter));
      }
      return Double.doubleToRawLongBits(result);
    }

    @Override
    public void rows(long acc, long x, long stride, int rows, long parameters, int n) {
      for (int r = 0; r < rows; r++) {
        long row = x + r * stride;
        for (long at = 0; at < 4L * n; at += 4) {
          double mapped = MAP.applyAsDouble(ALL.get(FLOAT, row + at), ALL.get(FLOAT, parameters + at));
          ALL.set(FLOAT, acc + at, (float) COMBINE.applyAsDouble(ALL.get(FLOAT, acc + at), mapped));
        }
      }
    }
  }

  static final class Doubles implements Reducer {
    private static final Fold FOLD = Specialization.data(MethodHandles.lookup(), Fold.class);
    private static final DoubleBinaryOperator MAP = FOLD.realMap;
    private static final DoubleBinaryOperator COMBINE = FOLD.realCombine;

    /// Four chains, since each waits for its last addition.
    @Override
    public long row(long x, int n, double parameter) {
      double a = FOLD.realInit;
      double b = a;
      double c = a;
      double d = a;
      long at = 0;
      for (; at + 32 <= 8L * n; at += 32) {
        a = COMBINE.applyAsDouble(a, MAP.applyAsDouble(ALL.get(DOUBLE, x + at), parameter));
        b = COMBINE.applyAsDouble(b, MAP.applyAsDouble(ALL.get(DOUBLE, x + at + 8), parameter));
        c = COMBINE.applyAsDouble(c, MAP.applyAsDouble(ALL.get(DOUBLE, x + at + 16), parameter));
        d = COMBINE.applyAsDouble(d, MAP.applyAsDouble(ALL.get(DOUBLE, x + at + 24), parameter));
      }
      for (; at < 8L * n; at += 8) {
        a = COMBINE.applyAsDouble(a, MAP.applyAsDouble(ALL.get(DOUBLE, x + at), parameter));
      }
      return Double.doubleToRawLongBits(COMBINE.applyAsDouble(COMBINE.applyAsDouble(a, b), COMBINE.applyAsDouble(c, d)));
    }

    @Override
    public void rows(long acc, long x, long stride, int rows, long parameters, int n) {
      for (int r = 0; r < rows; r++) {
        long row = x + r * stride;
        for (long at = 0; at < 8L * n; at += 8) {
          double mapped = MAP.applyAsDouble(ALL.get(DOUBLE, row + at), ALL.get(DOUBLE, parameters + at));
          ALL.set(DOUBLE, acc + at, COMBINE.applyAsDouble(ALL.get(DOUBLE, acc + at), mapped));
        }
      }
    }
  }

  static final class Longs implements Reducer {
    private static final Fold FOLD = Specialization.data(MethodHandles.lookup(), Fold.class);
    private static final LongUnaryOperator MAP = FOLD.wholeMap;
    private static final LongBinaryOperator COMBINE = FOLD.wholeCombine;

    @Override
    public long row(long x, int n, double parameter) {
      long result = FOLD.wholeInit;
      for (long at = 0; at < 8L * n; at += 8) {
        result = COMBINE.applyAsLong(result, MAP.applyAsLong(ALL.get(LONG, x + at)));
      }
      return result;
    }

    @Override
    public void rows(long acc, long x, long stride, int rows, long parameters, int n) {
      for (int r = 0; r < rows; r++) {
        long row = x + r * stride;
        for (long at = 0; at < 8L * n; at += 8) {
          ALL.set(LONG, acc + at, COMBINE.applyAsLong(ALL.get(LONG, acc + at), MAP.applyAsLong(ALL.get(LONG, row + at))));
        }
      }
    }
  }
}
