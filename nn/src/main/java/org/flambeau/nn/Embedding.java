package org.flambeau.nn;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// A table of learnt rows: [Functional#embedding].
///
/// Shapes: x (…) of int64 → (…, dimension). Parameters: `weight` (rows, dimension), drawn from N(0, 1); the padding row is 0.
public final class Embedding extends Module {
  private final int rows;
  private final int dimension;
  private final @Nullable Integer paddingIdx;
  private final Tensor weight;

  /// Without a padding row.
  public Embedding(int rows, int dimension) {
    this(rows, dimension, null);
  }

  /// @param paddingIdx a row that is not learnt; a negative one counts from the end
  public Embedding(int rows, int dimension, @Nullable Integer paddingIdx) {
    this.rows = Sizes.positiveOrZero("Embedding", "num_embeddings", rows);
    this.dimension = Sizes.positiveOrZero("Embedding", "embedding_dim", dimension);
    if (paddingIdx != null && (paddingIdx < -rows || paddingIdx >= rows)) {
      throw new IllegalArgumentException("[Embedding] padding_idx must be within num_embeddings (" + rows + "), got " + paddingIdx);
    }
    this.paddingIdx = paddingIdx == null || paddingIdx >= 0 ? paddingIdx : (Integer) (paddingIdx + rows);
    this.weight = parameter("weight", Tensor.empty(rows, dimension));
    Init.normal_(weight);
    if (this.paddingIdx != null) {
      Init.zeros_(weight.detach().select(0, this.paddingIdx));
    }
  }

  public Tensor weight() {
    return weight;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return paddingIdx == null ? Functional.embedding(x, weight) : Functional.embedding(x, weight, paddingIdx);
  }

  @Override
  protected String extraRepr() {
    return rows + ", " + dimension + (paddingIdx == null ? "" : ", padding_idx=" + paddingIdx);
  }
}
