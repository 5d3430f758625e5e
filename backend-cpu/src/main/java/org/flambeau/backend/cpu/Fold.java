package org.flambeau.backend.cpu;

import java.util.function.DoubleBinaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// What the reductions are made of: each element is mapped, with a number of its output's own, and what comes of it combined.
public enum Fold {
  SUM(0, (x, s) -> x, Double::sum, 0, x -> x, Long::sum, "first", "add"),
  PRODUCT(1, (x, s) -> x, (a, b) -> a * b, 1, x -> x, (a, b) -> a * b, "first", "mul"),
  MAX(Double.NEGATIVE_INFINITY, (x, s) -> x, Math::max, Long.MIN_VALUE, x -> x, Math::max, "first", "larger"),
  MIN(Double.POSITIVE_INFINITY, (x, s) -> x, Math::min, Long.MAX_VALUE, x -> x, Math::min, "first", "smaller"),
  ANY(0, (x, s) -> x != 0 ? 1 : 0, Math::max, 0, x -> x != 0 ? 1 : 0, Math::max, "nonzero", "larger"),
  ALL(1, (x, s) -> x != 0 ? 1 : 0, Math::min, 1, x -> x != 0 ? 1 : 0, Math::min, "nonzero", "smaller"),
  COUNT(0, (x, s) -> x != 0 ? 1 : 0, Double::sum, 0, x -> x != 0 ? 1 : 0, Long::sum, "nonzero", "add"),
  /// Σ (x − s)².
  SQUARED_DEVIATIONS((x, s) -> (x - s) * (x - s), "squaredDeviation"),
  /// Σ exp(x − s).
  EXPONENTIALS((x, s) -> Math.exp(x - s), null),
  /// Σ |x|.
  MAGNITUDES((x, s) -> Math.abs(x), "magnitude"),
  /// Σ x².
  SQUARES((x, s) -> x * x, "squareOf"),
  /// Σ |x|ˢ.
  POWERS((x, s) -> Math.pow(Math.abs(x), s), null),
  LARGEST_MAGNITUDE(0, (x, s) -> Math.abs(x), Math::max, 0, Math::abs, Math::max, "magnitude", "larger"),
  SMALLEST_MAGNITUDE(Double.POSITIVE_INFINITY, (x, s) -> Math.abs(x), Math::min, Long.MAX_VALUE, Math::abs, Math::min, "magnitude",
      "smaller");

  final double realInit;
  final DoubleBinaryOperator realMap;
  final DoubleBinaryOperator realCombine;
  final long wholeInit;
  final LongUnaryOperator wholeMap;
  final LongBinaryOperator wholeCombine;
  private final @Nullable String vectorMap;
  private final String vectorCombine;

  Fold(DoubleBinaryOperator realMap, @Nullable String vectorMap) {
    this(0, realMap, Double::sum, 0, x -> (long) realMap.applyAsDouble(x, 0), Long::sum, vectorMap, "add");
  }

  Fold(double realInit, DoubleBinaryOperator realMap, DoubleBinaryOperator realCombine, long wholeInit, LongUnaryOperator wholeMap,
      LongBinaryOperator wholeCombine, @Nullable String vectorMap, String vectorCombine) {
    this.realInit = realInit;
    this.realMap = realMap;
    this.realCombine = realCombine;
    this.wholeInit = wholeInit;
    this.wholeMap = wholeMap;
    this.wholeCombine = wholeCombine;
    this.vectorMap = vectorMap;
    this.vectorCombine = vectorCombine;
  }

  /// What combines with anything to the same, as a [Reducer] has it.
  public long init(Compute compute) {
    return compute == Compute.LONG ? wholeInit : Double.doubleToRawLongBits(realInit);
  }

  /// Combines what a [Reducer] made of two parts.
  public long combine(Compute compute, long a, long b) {
    return compute == Compute.LONG
        ? wholeCombine.applyAsLong(a, b)
        : Double.doubleToRawLongBits(realCombine.applyAsDouble(Double.longBitsToDouble(a), Double.longBitsToDouble(b)));
  }

  /// The vector functions for the two steps, or null where there is none.
  public @Nullable String vectorMap() {
    return vectorMap;
  }

  public String vectorCombine() {
    return vectorCombine;
  }

  /// The fold of what this one has made of parts.
  Fold ofParts() {
    return switch (vectorCombine) {
      case "add" -> SUM;
      case "mul" -> PRODUCT;
      case "larger" -> MAX;
      default -> MIN;
    };
  }

  /// Whether rounding errors add up, so that long sums must be cut in pieces.
  boolean isSum() {
    return vectorCombine.equals("add");
  }
}
