package org.flambeau.backend.cpu;

import org.flambeau.DType;

/// Which operands of a loop over floats lie in memory in half precision.
///
/// @param operands a bit for each: of the result the lowest, of the first operand the next
public record Halves(DType dtype, int operands) {
  public static final Halves NONE = new Halves(DType.FLOAT32, 0);

  /// Loops over fewer elements are not worth a copy for halves.
  static final int LEAST_ELEMENTS = 4 * Scratch.TILE;

  static boolean are(DType dtype) {
    return dtype == DType.BFLOAT16 || dtype == DType.FLOAT16;
  }

  /// Whether operand `k` is, of which 0 is the result.
  public boolean contains(int k) {
    return (operands >> k & 1) != 0;
  }
}
