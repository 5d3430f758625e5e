package org.flambeau.testkit;

import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.flambeau.DType;

/// Counts what the suite has checked, and what it has not.
final class Tally {
  private static final class Row {
    final Set<String> ops = new TreeSet<>();
    final Set<DType> dtypes = EnumSet.noneOf(DType.class);
    int calls;
  }

  private final Map<String, Row> rows = new LinkedHashMap<>();
  private final Map<String, Set<String>> skipped = new TreeMap<>();

  /// Shows a line for `check` although nothing may come.
  synchronized void expect(String check) {
    rows.computeIfAbsent(check, _ -> new Row());
  }

  synchronized void count(String check, String op, DType dtype) {
    Row row = rows.computeIfAbsent(check, _ -> new Row());
    row.ops.add(op);
    row.dtypes.add(dtype);
    row.calls++;
  }

  synchronized void skip(String what, String reason) {
    skipped.computeIfAbsent(reason, _ -> new TreeSet<>()).add(what);
  }

  @Override
  public synchronized String toString() {
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%-28s %10s %7s %8s%n", "check", "operations", "dtypes", "samples"));
    rows.forEach((check, row) -> text
        .append(String.format(Locale.ROOT, "%-28s %,10d %7d %,8d%n", check, row.ops.size(), row.dtypes.size(), row.calls)));
    skipped.forEach((reason, what) -> text.append(String.format(Locale.ROOT, "not checked: %s: %s%n", String.join(", ", what), reason)));
    return text.toString();
  }
}
