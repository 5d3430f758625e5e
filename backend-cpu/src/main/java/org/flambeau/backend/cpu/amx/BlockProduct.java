package org.flambeau.backend.cpu.amx;

/// Products of 32 rows of bfloat16 by 32 columns, added up in float32, as a matrix unit makes them: numbers so small that they are denormal count as
/// zero.
@FunctionalInterface
public interface BlockProduct {
  /// Rows and columns of a block, and how many terms of its sums a step adds.
  int SIDE = 32;
  /// The bytes of a block of sums.
  long BYTES = SIDE * SIDE * Float.BYTES;

  /// C = A·B, or C + A·B where `adding` is not 0, for `count` blocks that share B: A consists of `parts` side by side, which may lie anywhere.
  ///
  /// @param c behind each other, blocks of 32 rows of 32 floats
  /// @param a where the addresses of each block's parts of A are, each of 32 rows of 32 bfloat16 for each step, `aRow` bytes apart
  /// @param b for each two terms a row of 32 pairs of bfloat16, without gaps: `steps` of them for each part
  /// @param parts at least 1, and so are the steps and the blocks
  void run(long c, long a, long b, long steps, long adding, long aRow, long count, long parts);
}
