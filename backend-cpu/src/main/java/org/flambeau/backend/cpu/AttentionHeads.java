package org.flambeau.backend.cpu;

import org.flambeau.spi.Strided;

/// The heads of an attention, and which keys a query meets: what its two ways to be computed share.
abstract sealed class AttentionHeads permits Attention, HalfAttention {
  final RowKernels rows = Rows.kernels();
  final Heads query;
  final Heads key;
  final Heads value;
  final float scale;
  final boolean causal;
  final long heads;
  final int queries;
  final int keys;
  final int width;

  AttentionHeads(Heads query, Heads key, Heads value, double scale, boolean causal) {
    this.query = query;
    this.key = key;
    this.value = value;
    this.scale = (float) scale;
    this.causal = causal;
    this.heads = query.x().size(0) * query.x().size(1);
    this.queries = Math.toIntExact(query.x().size(2));
    this.keys = Math.toIntExact(key.x().size(2));
    this.width = query.columns();
  }

  /// How many keys the queries before number `end` meet.
  final int counted(int end) {
    return causal ? Math.min(keys, end) : keys;
  }

  /// Gives the keys that query number `index` does not meet, and what fills the last vector up to `padded`, a value that does not count.
  final void hide(long row, int index, int padded, float value) {
    int counted = counted(index + 1);
    if (counted < padded) {
      Heads.fill(row + 4L * counted, padded - counted, value);
    }
  }

  /// The address of a query's logarithm.
  static long place(Strided logSumExp, long head, int index) {
    long count = logSumExp.size(1);
    return logSumExp.address()
        + 4 * (head / count * logSumExp.stride(0) + head % count * logSumExp.stride(1) + index * logSumExp.stride(2));
  }
}
