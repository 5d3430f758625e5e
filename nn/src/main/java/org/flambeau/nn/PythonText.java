package org.flambeau.nn;

import java.util.Arrays;
import java.util.stream.Collectors;

/// Values as PyTorch prints them between a layer's parentheses.
final class PythonText {
  private PythonText() {}

  static String of(boolean value) {
    return value ? "True" : "False";
  }

  /// The shortest decimal that reads back as `value`: `0.1`, `1e-05`, `1e+16`.
  static String of(double value) {
    if (Double.isNaN(value) || Double.isInfinite(value)) {
      return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    }
    double size = Math.abs(value);
    if (size != 0 && (size < 1e-4 || size >= 1e16)) {
      String[] parts = Double.toString(value).split("E");
      int exponent = Integer.parseInt(parts[1]);
      String mantissa = parts[0].endsWith(".0") ? parts[0].substring(0, parts[0].length() - 2) : parts[0];
      return mantissa + (exponent < 0 ? "e-" : "e+") + (Math.abs(exponent) < 10 ? "0" : "") + Math.abs(exponent);
    }
    String digits = new java.math.BigDecimal(Double.toString(value)).toPlainString();
    return digits.contains(".") ? digits : digits + ".0";
  }

  /// `(3, 4)`, or `(3,)`.
  static String tuple(long... values) {
    return values.length == 1
        ? "(" + values[0] + ",)"
        : Arrays.stream(values).mapToObj(Long::toString).collect(Collectors.joining(", ", "(", ")"));
  }

  /// `3` where rows and columns are alike, else `(3, 4)`.
  static String pair(long rows, long columns) {
    return rows == columns ? Long.toString(rows) : tuple(rows, columns);
  }
}
