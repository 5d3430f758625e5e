package org.flambeau.backend.cpu;

/// How a matrix unit takes factors of bfloat16 and leaves their product, to and from rows that lie anywhere: 32 rows at a time.
///
/// Where two rows become one of pairs, those of even columns come first. So column `i` of 32 is to be found at [#place].
public interface PairLayouts {
  int ROWS = 32;

  static int place(int column) {
    return column / 2 + column % 2 * (ROWS / 2);
  }

  /// 32 rows of 32 bfloat16, at `rows[i] + offset`, become 16 rows of 32 pairs, without gaps.
  void pairs(long[] rows, long offset, long to);

  /// 32 rows of 32 bfloat16 become 32 columns: row `i` of what is written begins at `to + i·toRow`.
  ///
  /// @param scratch room for 2 KiB
  void transpose(long[] rows, long offset, long to, long toRow, long scratch);

  /// 32 rows of 16 floats become 16 rows of 32 bfloat16, rounded to the nearest.
  ///
  /// @param scratch room for 1 KiB
  void transposeRounded(long[] rows, long offset, long to, long toRow, long scratch);

  /// 32 rows of 32 bfloat16 become, row by row, columns of pairs: 16 rows of 32 pairs, without gaps.
  void columnPairs(long from, long fromRow, long to);

  /// Writes `rows` rows of 32 floats, in the order of [#place], as bfloat16 in that of their columns: y = max(scale·sum + shift + plus, least), rounded to
  /// the nearest.
  ///
  /// @param factors 32 scales, then 32 shifts, in the order of the sums
  /// @param plus rows of bfloat16 in the order of the columns, or 0
  /// @param least 0 or [Integer#MIN_VALUE], for none
  void finish(long sums, int rows, long to, long toRow, long factors, long plus, long plusRow, int least);
}
