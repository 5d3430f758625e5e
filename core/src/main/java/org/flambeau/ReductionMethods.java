package org.flambeau;

import org.flambeau.internal.ops.Extrema;
import org.flambeau.internal.ops.Moments;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Reductions;

/// How the elements of every tensor become fewer: over all dimensions or some.
///
/// Shapes: dimensions that are reduced disappear, or stay with size 1 where `keepdim`; negative ones count from the end. DTypes: any for sums,
/// products, extrema and truth, float for means, moments and norms. Autograd: all but positions, counts and truth values are differentiable any
/// number of times. Errors: `IndexOutOfBoundsException` for a dimension out of range, or of size 0 in which an extremum is sought,
/// `IllegalArgumentException` for a dimension named twice or a dtype that does not fit.
sealed interface ReductionMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  // ---- sums and products ----

  /// Σ x over all elements; integral and bool tensors sum to int64.
  default Tensor sum() {
    return Reductions.sum(self(), new int[0], false);
  }

  /// Σ x over the given dimensions.
  default Tensor sum(int... dims) {
    return Reductions.sum(self(), dims, false);
  }

  /// Σ x over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor sum(int[] dims, boolean keepdim) {
    return Reductions.sum(self(), dims, keepdim);
  }

  /// Σ x over one dimension, which stays with size 1 where `keepdim`.
  default Tensor sum(int dim, boolean keepdim) {
    return sum(new int[] {dim}, keepdim);
  }

  /// Σ x over all elements, NaN counting as 0.
  default Tensor nansum() {
    return Reductions.nansum(self(), new int[0], false);
  }

  /// Σ x over the given dimensions, NaN counting as 0.
  default Tensor nansum(int... dims) {
    return Reductions.nansum(self(), dims, false);
  }

  /// Σ x over the given dimensions, which stay with size 1 where `keepdim`, NaN counting as 0.
  default Tensor nansum(int[] dims, boolean keepdim) {
    return Reductions.nansum(self(), dims, keepdim);
  }

  /// Π x over all elements; integral and bool tensors multiply to int64.
  default Tensor prod() {
    return Reductions.prod(self(), new int[0], false);
  }

  /// Π x over the given dimensions.
  default Tensor prod(int... dims) {
    return Reductions.prod(self(), dims, false);
  }

  /// Π x over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor prod(int[] dims, boolean keepdim) {
    return Reductions.prod(self(), dims, keepdim);
  }

  /// Π x over one dimension, which stays with size 1 where `keepdim`.
  default Tensor prod(int dim, boolean keepdim) {
    return prod(new int[] {dim}, keepdim);
  }

  /// How many elements are not 0 over the given dimensions, or all, int64.
  default Tensor countNonzero(int... dims) {
    return Reductions.countNonzero(self(), dims);
  }

  // ---- moments ----

  /// The mean of all elements.
  ///
  /// DTypes: float. Errors: `IllegalArgumentException` for integral tensors.
  default Tensor mean() {
    return Reductions.mean(self(), new int[0], false);
  }

  /// The mean over the given dimensions.
  default Tensor mean(int... dims) {
    return Reductions.mean(self(), dims, false);
  }

  /// The mean over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor mean(int[] dims, boolean keepdim) {
    return Reductions.mean(self(), dims, keepdim);
  }

  /// The mean over one dimension, which stays with size 1 where `keepdim`.
  default Tensor mean(int dim, boolean keepdim) {
    return mean(new int[] {dim}, keepdim);
  }

  /// The mean of all elements that are not NaN.
  default Tensor nanmean() {
    return Reductions.nanmean(self(), new int[0], false);
  }

  /// The mean of what is not NaN over the given dimensions.
  default Tensor nanmean(int... dims) {
    return Reductions.nanmean(self(), dims, false);
  }

  /// The mean of what is not NaN over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor nanmean(int[] dims, boolean keepdim) {
    return Reductions.nanmean(self(), dims, keepdim);
  }

  /// The unbiased variance of all elements: Bessel's correction of 1.
  default Tensor var() {
    return Moments.var(self(), new int[0], 1, false);
  }

  /// The unbiased variance over the given dimensions.
  default Tensor var(int... dims) {
    return Moments.var(self(), dims, 1, false);
  }

  /// The variance over the given dimensions (none stands for all): `Σ (x − mean)² / max(0, n − correction)`.
  default Tensor var(int[] dims, double correction, boolean keepdim) {
    return Moments.var(self(), dims, correction, keepdim);
  }

  /// The unbiased standard deviation of all elements: Bessel's correction of 1.
  default Tensor std() {
    return Moments.std(self(), new int[0], 1, false);
  }

  /// The unbiased standard deviation over the given dimensions.
  default Tensor std(int... dims) {
    return Moments.std(self(), dims, 1, false);
  }

  /// The standard deviation over the given dimensions (none stands for all): `√(Σ (x − mean)² / max(0, n − correction))`.
  default Tensor std(int[] dims, double correction, boolean keepdim) {
    return Moments.std(self(), dims, correction, keepdim);
  }

  /// The variance, as in [#var(int[], double, boolean)], and the mean.
  default VarMean varMean(int[] dims, double correction, boolean keepdim) {
    Tensor[] both = Moments.varMean(self(), dims, correction, keepdim);
    return new VarMean(both[0], both[1]);
  }

  /// The standard deviation, as in [#std(int[], double, boolean)], and the mean.
  default StdMean stdMean(int[] dims, double correction, boolean keepdim) {
    Tensor[] both = Moments.stdMean(self(), dims, correction, keepdim);
    return new StdMean(both[0], both[1]);
  }

  /// The Euclidean norm of all elements, `√(Σ x²)`.
  default Tensor norm() {
    return Reductions.norm(self(), 2, new int[0], false);
  }

  /// The norm of order p over the given dimensions, or all: `(Σ |x|ᵖ)^(1/p)`; p = 0 counts what is not 0, ±∞ gives the largest or smallest |x|.
  ///
  /// Autograd: 0 where the norm is 0.
  default Tensor norm(double p, int... dims) {
    return Reductions.norm(self(), p, dims, false);
  }

  /// [#norm(double, int...)] over one dimension, which stays with size 1 where `keepdim`.
  default Tensor norm(double p, int dim, boolean keepdim) {
    return norm(p, new int[] {dim}, keepdim);
  }

  /// [#norm(double, int...)] over dimensions which stay with size 1 where `keepdim`.
  default Tensor norm(double p, int[] dims, boolean keepdim) {
    return Reductions.norm(self(), p, dims, keepdim);
  }

  // ---- extrema ----

  /// The largest of all elements; NaN if any is.
  ///
  /// Autograd: equal extrema share the gradient.
  default Tensor max() {
    return Extrema.max(self());
  }

  /// The largest elements along `dim`, and their positions.
  ///
  /// Autograd: the gradient goes to the positions that are returned, of equal ones the first.
  default Selected max(int dim) {
    return Extrema.max(self(), dim, false);
  }

  /// The largest elements along `dim`, which stays with size 1 where `keepdim`, and their positions.
  default Selected max(int dim, boolean keepdim) {
    return Extrema.max(self(), dim, keepdim);
  }

  /// The larger of each pair of elements: [Tensor#maximum].
  default Tensor max(Tensor other) {
    return Op.scoped("max", () -> self().maximum(other));
  }

  /// The smallest of all elements; NaN if any is.
  ///
  /// Autograd: equal extrema share the gradient.
  default Tensor min() {
    return Extrema.min(self());
  }

  /// The smallest elements along `dim`, and their positions.
  ///
  /// Autograd: the gradient goes to the positions that are returned, of equal ones the first.
  default Selected min(int dim) {
    return Extrema.min(self(), dim, false);
  }

  /// The smallest elements along `dim`, which stays with size 1 where `keepdim`, and their positions.
  default Selected min(int dim, boolean keepdim) {
    return Extrema.min(self(), dim, keepdim);
  }

  /// The smaller of each pair of elements: [Tensor#minimum].
  default Tensor min(Tensor other) {
    return Op.scoped("min", () -> self().minimum(other));
  }

  /// The largest of all elements.
  default Tensor amax() {
    return Extrema.amax(self(), new int[0], false);
  }

  /// The largest elements over the given dimensions; equal ones share the gradient.
  default Tensor amax(int... dims) {
    return Extrema.amax(self(), dims, false);
  }

  /// The largest elements over the given dimensions, which stay with size 1 where `keepdim`; equal ones share the gradient.
  default Tensor amax(int[] dims, boolean keepdim) {
    return Extrema.amax(self(), dims, keepdim);
  }

  /// The largest elements over one dimension, which stays with size 1 where `keepdim`; equal ones share the gradient.
  default Tensor amax(int dim, boolean keepdim) {
    return amax(new int[] {dim}, keepdim);
  }

  /// The smallest of all elements.
  default Tensor amin() {
    return Extrema.amin(self(), new int[0], false);
  }

  /// The smallest elements over the given dimensions; equal ones share the gradient.
  default Tensor amin(int... dims) {
    return Extrema.amin(self(), dims, false);
  }

  /// The smallest elements over the given dimensions, which stay with size 1 where `keepdim`; equal ones share the gradient.
  default Tensor amin(int[] dims, boolean keepdim) {
    return Extrema.amin(self(), dims, keepdim);
  }

  /// The smallest elements over one dimension, which stays with size 1 where `keepdim`; equal ones share the gradient.
  default Tensor amin(int dim, boolean keepdim) {
    return amin(new int[] {dim}, keepdim);
  }

  /// The position of the largest of all elements in row-major order, of equal ones the first.
  default Tensor argmax() {
    return Extrema.argmax(self(), false);
  }

  /// [#argmax()] in as many dimensions of size 1 as the tensor has, where `keepdim`.
  default Tensor argmax(boolean keepdim) {
    return Extrema.argmax(self(), keepdim);
  }

  /// The positions of the largest elements along `dim`, int64.
  default Tensor argmax(int dim) {
    return Extrema.argmax(self(), dim, false);
  }

  /// The positions of the largest elements along `dim`, which stays with size 1 where `keepdim`.
  default Tensor argmax(int dim, boolean keepdim) {
    return Extrema.argmax(self(), dim, keepdim);
  }

  /// The position of the smallest of all elements in row-major order, of equal ones the first.
  default Tensor argmin() {
    return Extrema.argmin(self(), false);
  }

  /// [#argmin()] in as many dimensions of size 1 as the tensor has, where `keepdim`.
  default Tensor argmin(boolean keepdim) {
    return Extrema.argmin(self(), keepdim);
  }

  /// The positions of the smallest elements along `dim`, int64.
  default Tensor argmin(int dim) {
    return Extrema.argmin(self(), dim, false);
  }

  /// The positions of the smallest elements along `dim`, which stays with size 1 where `keepdim`.
  default Tensor argmin(int dim, boolean keepdim) {
    return Extrema.argmin(self(), dim, keepdim);
  }

  // ---- truth ----

  /// Whether any element is not 0: as bool, of a uint8 tensor as uint8.
  default Tensor any() {
    return Reductions.any(self(), new int[0], false);
  }

  /// Whether any element is not 0, over the given dimensions.
  default Tensor any(int... dims) {
    return Reductions.any(self(), dims, false);
  }

  /// Whether any element is not 0, over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor any(int[] dims, boolean keepdim) {
    return Reductions.any(self(), dims, keepdim);
  }

  /// Whether any element is not 0, over one dimension, which stays with size 1 where `keepdim`.
  default Tensor any(int dim, boolean keepdim) {
    return any(new int[] {dim}, keepdim);
  }

  /// Whether no element is 0: as bool, of a uint8 tensor as uint8.
  default Tensor all() {
    return Reductions.all(self(), new int[0], false);
  }

  /// Whether no element is 0, over the given dimensions.
  default Tensor all(int... dims) {
    return Reductions.all(self(), dims, false);
  }

  /// Whether no element is 0, over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor all(int[] dims, boolean keepdim) {
    return Reductions.all(self(), dims, keepdim);
  }

  /// Whether no element is 0, over one dimension, which stays with size 1 where `keepdim`.
  default Tensor all(int dim, boolean keepdim) {
    return all(new int[] {dim}, keepdim);
  }
}
