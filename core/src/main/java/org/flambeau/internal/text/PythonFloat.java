package org.flambeau.internal.text;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;

/// Floating-point numbers as Python writes them. Rounding is half to even on the exact binary value, so `0.125` has two digits `0.12`.
public final class PythonFloat {
  private PythonFloat() {}

  /// Python's `f"{value:.{precision}f}"`.
  public static String fixed(double value, int precision) {
    if (!Double.isFinite(value)) {
      return nonFinite(value);
    }
    return sign(value) + new BigDecimal(Math.abs(value)).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
  }

  /// Python's `f"{value:.{precision}e}"`: an exponent of at least two digits.
  public static String scientific(double value, int precision) {
    if (!Double.isFinite(value)) {
      return nonFinite(value);
    }
    int digits = precision + 1;
    BigDecimal rounded = new BigDecimal(Math.abs(value)).round(new MathContext(digits, RoundingMode.HALF_EVEN));
    return sign(value) + scientific(padded(rounded.unscaledValue(), digits), value == 0 ? 0 : exponent(rounded));
  }

  /// Python's `repr(value)`: the fewest digits that read back as `value`, with a point or an exponent.
  public static String repr(double value) {
    if (!Double.isFinite(value)) {
      return nonFinite(value);
    }
    if (value == 0) {
      return sign(value) + "0.0";
    }
    BigDecimal shortest = shortest(Math.abs(value));
    int exponent = exponent(shortest);
    if (-4 <= exponent && exponent < 16) {
      return sign(value) + shortest.setScale(Math.max(shortest.scale(), 1), RoundingMode.UNNECESSARY).toPlainString();
    }
    return sign(value) + scientific(shortest.unscaledValue().toString(), exponent);
  }

  /// [Double#toString(double)] finds the fewest digits but never fewer than two, and may then pick another pair than `d0`: the
  /// smallest double is `4.9E-324` in Java, `5e-324` in Python.
  private static BigDecimal shortest(double magnitude) {
    BigDecimal digits = new BigDecimal(Double.toString(magnitude)).stripTrailingZeros();
    if (digits.precision() == 2) {
      BigDecimal one = new BigDecimal(magnitude).round(new MathContext(1, RoundingMode.HALF_EVEN));
      if (one.doubleValue() == magnitude) {
        return one.stripTrailingZeros();
      }
    }
    return digits;
  }

  private static String scientific(String digits, int exponent) {
    var text = new StringBuilder(digits.length() + 5).append(digits.charAt(0));
    if (digits.length() > 1) {
      text.append('.').append(digits, 1, digits.length());
    }
    text.append('e').append(exponent < 0 ? '-' : '+');
    int magnitude = Math.abs(exponent);
    return (magnitude < 10 ? text.append('0') : text).append(magnitude).toString();
  }

  /// The power of ten of the leading digit.
  private static int exponent(BigDecimal value) {
    return value.precision() - value.scale() - 1;
  }

  private static String padded(BigInteger digits, int count) {
    String text = digits.toString();
    return text + "0".repeat(count - text.length());
  }

  private static String sign(double value) {
    return Double.doubleToRawLongBits(value) < 0 ? "-" : "";
  }

  private static String nonFinite(double value) {
    return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  }
}
