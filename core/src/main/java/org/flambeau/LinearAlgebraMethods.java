package org.flambeau;

import org.flambeau.internal.ops.Contractions;
import org.flambeau.internal.ops.Diagonals;
import org.flambeau.internal.ops.Distances;
import org.flambeau.internal.ops.MatMul;

/// Products of vectors and matrices, distances between their rows, and their triangles and diagonals.
///
/// DTypes: products take any but bool, the same for both operands; triangles and diagonals any. Autograd: differentiable any number of times. Errors:
/// `IllegalArgumentException` for ranks, sizes or dtypes that do not fit.
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

  /// The product of two matrices: (m, k) × (k, n) → (m, n).
  default Tensor mm(Tensor other) {
    return MatMul.mm(self(), other);
  }

  /// The product of a matrix and a vector: (m, k) × (k) → (m).
  default Tensor mv(Tensor vector) {
    return MatMul.mv(self(), vector);
  }

  /// The dot product of two vectors.
  default Tensor dot(Tensor other) {
    return MatMul.dot(self(), other);
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

  /// This plus the product of two batches of matrices: (b, m, k) × (b, k, n).
  default Tensor baddbmm(Tensor a, Tensor b) {
    return MatMul.baddbmm(self(), a, b, 1, 1);
  }

  /// beta·this + alpha·a·b for batches of matrices a and b.
  default Tensor baddbmm(Tensor a, Tensor b, double beta, double alpha) {
    return MatMul.baddbmm(self(), a, b, beta, alpha);
  }

  /// The products of all pairs of elements of two vectors: (m) × (n) → (m, n).
  default Tensor outer(Tensor other) {
    return Contractions.outer(self(), other);
  }

  /// Σ this·other over the last `count` dimensions of this and the first of `other`.
  default Tensor tensordot(Tensor other, int count) {
    return Contractions.tensordot(self(), other, count);
  }

  /// Σ this·other over pairs of dimensions; those that are left of this come before those that are left of `other`.
  default Tensor tensordot(Tensor other, int[] dims, int[] otherDims) {
    return Contractions.tensordot(self(), other, dims, otherDims);
  }

  // ---- distances ----

  /// The Euclidean distances of all rows of this from all rows of `other`.
  default Tensor cdist(Tensor other) {
    return Distances.cdist(self(), other, 2);
  }

  /// The distances `(Σ |x − y|ᵖ)^(1/p)` of all rows x of this from all rows y of `other`; p = 0 counts where they differ, ∞ gives the largest |x − y|.
  ///
  /// Shapes: (…, m, k) and (…, n, k) → (…, m, n), dimensions before the last two broadcast. DTypes: float, the same for both. Autograd: 0 between
  /// equal rows.
  default Tensor cdist(Tensor other, double p) {
    return Distances.cdist(self(), other, p);
  }

  // ---- triangles and diagonals ----

  /// With 0 above the main diagonal of the last two dimensions.
  default Tensor tril() {
    return Diagonals.triangle(self(), 0, false);
  }

  /// With 0 above the given diagonal; positive ones lie above the main one.
  default Tensor tril(long diagonal) {
    return Diagonals.triangle(self(), diagonal, false);
  }

  /// [#tril(long)] in place.
  default Tensor tril_(long diagonal) {
    return Diagonals.triangleInPlace(self(), diagonal, false);
  }

  /// With 0 below the main diagonal of the last two dimensions.
  default Tensor triu() {
    return Diagonals.triangle(self(), 0, true);
  }

  /// With 0 below the given diagonal; positive ones lie above the main one.
  default Tensor triu(long diagonal) {
    return Diagonals.triangle(self(), diagonal, true);
  }

  /// [#triu(long)] in place.
  default Tensor triu_(long diagonal) {
    return Diagonals.triangleInPlace(self(), diagonal, true);
  }

  /// A vector as the diagonal of a matrix; of a matrix, a copy of its diagonal.
  default Tensor diag() {
    return Diagonals.diag(self(), 0);
  }

  /// [#diag()] for another diagonal; positive ones lie above the main one.
  default Tensor diag(int diagonal) {
    return Diagonals.diag(self(), diagonal);
  }

  /// Matrices of zeros, in two new last dimensions, with the last dimension of this on their diagonals.
  default Tensor diagEmbed() {
    return Diagonals.diagEmbed(self(), 0, -2, -1);
  }

  /// [#diagEmbed()] for another diagonal, with the matrices in dimensions `dim1` and `dim2` of the result.
  default Tensor diagEmbed(int offset, int dim1, int dim2) {
    return Diagonals.diagEmbed(self(), offset, dim1, dim2);
  }

  /// The sum of a matrix's diagonal.
  default Tensor trace() {
    return Diagonals.trace(self());
  }
}
