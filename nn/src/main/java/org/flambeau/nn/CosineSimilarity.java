package org.flambeau.nn;

import org.flambeau.Tensor;

/// The cosine of the angle between vectors: [Functional#cosineSimilarity].
///
/// Shapes: x1 and x2 broadcast; the result has not the dimension of the vectors.
public final class CosineSimilarity extends Module {
  private final int dim;
  private final double eps;

  /// Along dimension 1, with an epsilon of 10⁻⁸.
  public CosineSimilarity() {
    this(1, 1e-8);
  }

  /// @param dim along which dimension the vectors stand
  /// @param eps what their lengths count at least
  public CosineSimilarity(int dim, double eps) {
    this.dim = dim;
    this.eps = eps;
  }

  @Override
  protected Tensor forward(Tensor... inputs) {
    if (inputs.length != 2) {
      throw new IllegalArgumentException("[CosineSimilarity] expected 2 tensors, got " + inputs.length);
    }
    return Functional.cosineSimilarity(inputs[0], inputs[1], dim, eps);
  }
}
