package org.flambeau.testkit;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a sample's operation is called with besides its operands, by PyTorch's names.
public final class Attributes {
  private final Map<String, String> values = new LinkedHashMap<>();

  /// @param text as in `dims=0,1;keepdim=true`
  Attributes(String text) {
    if (!text.isEmpty()) {
      for (String pair : text.split(";", -1)) {
        int at = pair.indexOf('=');
        values.put(pair.substring(0, at), pair.substring(at + 1));
      }
    }
  }

  /// These and one more, or with another value of that name.
  Attributes with(String name, String value) {
    var more = new Attributes("");
    more.values.putAll(values);
    more.values.put(name, value);
    return more;
  }

  public boolean has(String name) {
    return values.containsKey(name);
  }

  public String text(String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("the sample has no attribute \"" + name + "\", but " + values.keySet());
    }
    return value;
  }

  public boolean flag(String name) {
    return Boolean.parseBoolean(text(name));
  }

  public int integer(String name) {
    return Integer.parseInt(text(name));
  }

  public double number(String name) {
    return switch (text(name)) {
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      case String value -> Double.parseDouble(value);
    };
  }

  /// Whether a number was written as an integer.
  public boolean isWhole(String name) {
    return text(name).matches("-?\\d+");
  }

  public long[] longs(String name) {
    String value = text(name);
    return value.isEmpty() ? new long[0] : Arrays.stream(value.split(",", -1)).mapToLong(Long::parseLong).toArray();
  }

  public int[] integers(String name) {
    return Arrays.stream(longs(name)).mapToInt(Math::toIntExact).toArray();
  }

  @Override
  public String toString() {
    return values.toString();
  }
}
