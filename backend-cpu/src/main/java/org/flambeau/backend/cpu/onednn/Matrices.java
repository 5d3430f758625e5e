package org.flambeau.backend.cpu.onednn;

import org.flambeau.spi.Strided;

/// The operands of a batched product in the fewest dimensions: a batch of one, and one whose second factor is the same
/// throughout, is a single product; one factor that is the same throughout has batch size 1.
record Matrices(Strided out, Strided a, Strided b) {
  /// From operands (batch, rows, columns), or (rows, columns).
  static Matrices of(Strided out, Strided a, Strided b) {
    if (out.rank() == 2) {
      return new Matrices(matrix(out), matrix(a), matrix(b));
    }
    long batch = out.size(0);
    long rows = out.size(1);
    if (batch == 1) {
      return new Matrices(matrix(out, 1), matrix(a, 1), matrix(b, 1));
    }
    if (b.stride(0) == 0 && continues(a) && continues(out)) {
      return new Matrices(matrix(out, batch * rows, out.size(2), rowStep(out), out.stride(2)),
          matrix(a, batch * rows, a.size(2), rowStep(a), a.stride(2)), matrix(b, 1));
    }
    return new Matrices(batch(out, false), batch(a, b.stride(0) != 0), batch(b, true));
  }

  /// Whether the rows of one matrix follow on those of the one before.
  private static boolean continues(Strided operand) {
    return operand.size(1) == 1 || operand.stride(0) == operand.size(1) * operand.stride(1);
  }

  private static long rowStep(Strided operand) {
    return operand.size(1) == 1 ? operand.stride(0) : operand.stride(1);
  }

  private static Strided matrix(Strided operand) {
    return matrix(operand, operand.size(0), operand.size(1), operand.stride(0), operand.stride(1));
  }

  private static Strided matrix(Strided operand, int rows) {
    return matrix(operand, operand.size(rows), operand.size(rows + 1), operand.stride(rows), operand.stride(rows + 1));
  }

  /// Where a size is 1 the stride means nothing, and is set to what a dense matrix has.
  private static Strided matrix(Strided operand, long rows, long columns, long rowStep, long step) {
    long across = columns == 1 ? 1 : step;
    long down = rows > 1 ? rowStep : across == 1 ? columns : 1;
    return operand.with(operand.offset(), new long[] {rows, columns}, new long[] {down, across});
  }

  private static Strided batch(Strided operand, boolean mayBeOne) {
    Strided matrix = matrix(operand, 1);
    long count = mayBeOne && operand.stride(0) == 0 ? 1 : operand.size(0);
    long step = count == 1 ? matrix.numel() : operand.stride(0);
    return operand.with(operand.offset(), new long[] {count, matrix.size(0), matrix.size(1)},
        new long[] {step, matrix.stride(0), matrix.stride(1)});
  }

  /// Whether oneDNN takes an operand as it lies: rows or columns without gaps, and no two elements at one place.
  static boolean isPlain(Strided operand) {
    int last = operand.rank() - 1;
    return (operand.stride(last) == 1 || operand.stride(last - 1) == 1) && isDistinct(operand);
  }

  /// Whether no two elements are at one place, as far as that shows dimension against dimension.
  static boolean isDistinct(Strided operand) {
    for (int d = 0; d < operand.rank(); d++) {
      for (int e = 0; e < d; e++) {
        boolean inner = operand.stride(d) < operand.stride(e);
        int low = inner ? d : e;
        int high = inner ? e : d;
        if (operand.size(low) > 1 && operand.size(high) > 1
            && (operand.stride(low) == 0 || operand.stride(high) < operand.stride(low) * operand.size(low))) {
          return false;
        }
      }
    }
    return true;
  }

  /// A vector as a row that is added to every row of a product of this rank.
  static Strided row(Strided vector, int rank) {
    long n = vector.size(0);
    return rank == 2
        ? vector.with(vector.offset(), new long[] {1, n}, new long[] {n, 1})
        : vector.with(vector.offset(), new long[] {1, 1, n}, new long[] {n, n, 1});
  }
}
