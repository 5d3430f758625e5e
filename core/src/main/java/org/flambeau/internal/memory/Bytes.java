package org.flambeau.internal.memory;

import java.util.Locale;

/// Amounts of memory as messages show them.
final class Bytes {
  private Bytes() {}

  static String show(long bytes) {
    return bytes < 1 << 20 ? String.format(Locale.ROOT, "%.1f KiB", bytes / 1024.0)
        : bytes < 1 << 30 ? String.format(Locale.ROOT, "%.1f MiB", bytes / 1048576.0)
        : String.format(Locale.ROOT, "%.2f GiB", bytes / 1073741824.0);
  }
}
