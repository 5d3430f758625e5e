package org.flambeau;

import org.flambeau.internal.ops.MatMul;

/// Products of vectors and matrices.
sealed interface LinearAlgebraMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /// The product of vectors, matrices, or batches of matrices, by the operands' ranks: 1 × 1 gives the dot product, 2 × 2
  /// the matrix product; a vector counts as a row on the left and as a column on the right; dimensions before the last two
  /// are batches, which broadcast.
  ///
  /// Shapes: (…, m, k) × (…, k, n) → (…, m, n). DTypes: any but bool, the same for both. Errors: `IllegalArgumentException`
  /// where the inner sizes differ.
  default Tensor matmul(Tensor other) {
    return MatMul.matmul(self(), other);
  }

  /// The product of two batches of matrices: (b, m, k) × (b, k, n) → (b, m, n).
  default Tensor bmm(Tensor other) {
    return MatMul.bmm(self(), other);
  }

  /// This plus the product of two matrices: (m, k) × (k, n).
  default Tensor addmm(Tensor a, Tensor b) {
    return MatMul.addmm(self(), a, b, 1, 1);
  }

  /// beta·this + alpha·a·b.
  default Tensor addmm(Tensor a, Tensor b, double beta, double alpha) {
    return MatMul.addmm(self(), a, b, beta, alpha);
  }
}
