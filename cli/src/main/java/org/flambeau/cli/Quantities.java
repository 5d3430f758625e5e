package org.flambeau.cli;

import java.util.Locale;

/// Numbers as people read them.
public final class Quantities {
  private Quantities() {}

  /// `1.5 GiB`.
  public static String bytes(long bytes) {
    if (bytes < 1024) {
      return bytes + " B";
    }
    int power = Math.min(4, (63 - Long.numberOfLeadingZeros(bytes)) / 10);
    return String.format(Locale.ROOT, "%.1f %ciB", bytes / (double) (1L << 10 * power), "KMGT".charAt(power - 1));
  }

  /// `11,689,512`.
  public static String count(long count) {
    return String.format(Locale.ROOT, "%,d", count);
  }

  /// `1:02:03` or `2:03`.
  public static String duration(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%d:%02d", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }

  public static String counted(long count, String singular, String plural) {
    return count(count) + " " + (count == 1 ? singular : plural);
  }
}
