package org.flambeau.cli;

import java.util.List;

/// Rows of text in columns.
public final class Table {
  private Table() {}

  /// Pads the cells so that columns stand below each other.
  ///
  /// @param rightAligned from which column on cells end, rather than begin, below each other
  public static String of(List<String[]> rows, int rightAligned) {
    int columns = rows.getFirst().length;
    int[] widths = new int[columns];
    for (String[] row : rows) {
      for (int c = 0; c < columns; c++) {
        widths[c] = Math.max(widths[c], row[c].length());
      }
    }
    StringBuilder text = new StringBuilder();
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int c = 0; c < columns; c++) {
        String padding = " ".repeat(widths[c] - row[c].length());
        line.append(c == 0 ? "" : "  ").append(c < rightAligned ? row[c] + padding : padding + row[c]);
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }
}
