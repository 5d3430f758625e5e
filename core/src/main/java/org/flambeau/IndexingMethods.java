package org.flambeau;

import java.util.List;
import org.flambeau.internal.ops.AdvancedIndexing;
import org.flambeau.internal.ops.Diagonals;
import org.flambeau.internal.ops.Indexing;
import org.flambeau.internal.ops.Masking;
import org.flambeau.internal.ops.Scattering;

/// How elements of every tensor are picked and placed by positions, slices, masks and other tensors.
///
/// DTypes: any, with masks of bool and positions of int64 or, but for [#take], int32. Autograd: differentiable any number of times in the tensor and
/// in what is written. Errors: `IndexOutOfBoundsException` for a dimension or position out of range (negative positions count from the end where a
/// method says so), `IllegalArgumentException` for sizes or dtypes that do not fit. Those with a trailing underscore change the tensor in place and
/// return it.
sealed interface IndexingMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  // ---- by positions, slices and masks ----

  /// The part that a list of indices names, as `x[…]` does in PyTorch: positions, slices, new axes and the ellipsis make a view;
  /// tensors of positions, which may be negative, or truth values make a copy, in which the dimensions of the positions, broadcast together, stand
  /// where the first of them stood, or first where a slice stands between them.
  ///
  /// Autograd: gradients of an element that is named several times add up. Errors: `IndexOutOfBoundsException`.
  default Tensor index(Index... indices) {
    return AdvancedIndexing.index(self(), indices);
  }

  /// Writes `values`, broadcast, to the part that `indices` name.
  default Tensor indexPut_(List<Index> indices, Tensor values) {
    return AdvancedIndexing.indexPut(self(), values, false, indices.toArray(Index[]::new));
  }

  /// Writes `values`, broadcast, to the part that `indices` name, or adds them to it where `accumulate`, as often as it is named.
  default Tensor indexPut_(List<Index> indices, Tensor values, boolean accumulate) {
    return AdvancedIndexing.indexPut(self(), values, accumulate, indices.toArray(Index[]::new));
  }

  /// Writes a number to the part that `indices` name.
  default Tensor indexPut_(List<Index> indices, double value) {
    return AdvancedIndexing.indexPut(self(), Tensor.number(value), false, indices.toArray(Index[]::new));
  }

  /// [#indexPut_(List, Tensor, boolean)] on a copy.
  default Tensor indexPut(List<Index> indices, Tensor values, boolean accumulate) {
    return AdvancedIndexing.indexPutCopy(self(), values, accumulate, indices.toArray(Index[]::new));
  }

  // ---- along a dimension, element by element ----

  /// `out[i][j] = x[index[i][j]][j]` for `dim` 0, and likewise for others.
  ///
  /// Shapes: index of x's rank, and in the other dimensions of at most its sizes; the result has index's. DTypes: index int64 or int32.
  default Tensor gather(int dim, Tensor index) {
    return Scattering.gather(self(), dim, index);
  }

  /// [#gather] with the index and this broadcast in the other dimensions.
  default Tensor takeAlongDim(Tensor index, int dim) {
    return Scattering.takeAlongDim(self(), index, dim);
  }

  /// With `out[index[i][j]][j] = source[i][j]` for `dim` 0, and likewise for others; which of several sources for one place wins is
  /// not defined.
  default Tensor scatter(int dim, Tensor index, Tensor source) {
    return Scattering.scatter(self(), dim, index, source, false);
  }

  /// With `value` where `index` points along `dim`.
  default Tensor scatter(int dim, Tensor index, double value) {
    return Scattering.scatter(self(), dim, index, value, false);
  }

  /// With `source` added where `index` points along `dim`.
  default Tensor scatterAdd(int dim, Tensor index, Tensor source) {
    return Scattering.scatterAdd(self(), dim, index, source, false);
  }

  /// With all that `source` has for one place joined there by `reduce`, and with this tensor's own element too where `includeSelf`.
  ///
  /// Autograd: equal extrema share the gradient.
  default Tensor scatterReduce(int dim, Tensor index, Tensor source, Reduce reduce, boolean includeSelf) {
    return Scattering.scatterReduce(self(), dim, index, source, reduce, includeSelf, false);
  }

  /// [#scatter(int, Tensor, Tensor)] in place.
  default Tensor scatter_(int dim, Tensor index, Tensor source) {
    return Scattering.scatter(self(), dim, index, source, true);
  }

  /// [#scatter(int, Tensor, double)] in place.
  default Tensor scatter_(int dim, Tensor index, double value) {
    return Scattering.scatter(self(), dim, index, value, true);
  }

  /// [#scatterAdd] in place.
  default Tensor scatterAdd_(int dim, Tensor index, Tensor source) {
    return Scattering.scatterAdd(self(), dim, index, source, true);
  }

  /// [#scatterReduce] in place.
  default Tensor scatterReduce_(int dim, Tensor index, Tensor source, Reduce reduce, boolean includeSelf) {
    return Scattering.scatterReduce(self(), dim, index, source, reduce, includeSelf, true);
  }

  // ---- along a dimension, whole slices ----

  /// The parts of `dim` that `index`, a vector of int64 or int32, names, in its order.
  default Tensor indexSelect(int dim, Tensor index) {
    return Indexing.indexSelect(self(), dim, index);
  }

  /// With `source` added to the parts of `dim` that `index` names, as often as it names them.
  default Tensor indexAdd(int dim, Tensor index, Tensor source) {
    return Indexing.indexAdd(self(), dim, index, source, 1, false);
  }

  /// With alpha·`source` added to the parts of `dim` that `index` names.
  default Tensor indexAdd(int dim, Tensor index, Tensor source, double alpha) {
    return Indexing.indexAdd(self(), dim, index, source, alpha, false);
  }

  /// With the parts of `dim` that `index` names replaced by those of `source`.
  default Tensor indexCopy(int dim, Tensor index, Tensor source) {
    return Indexing.indexCopy(self(), dim, index, source, false);
  }

  /// With `value` in the parts of `dim` that `index` names; negative positions count from the end.
  default Tensor indexFill(int dim, Tensor index, double value) {
    return Indexing.indexFill(self(), dim, index, value, false);
  }

  /// With `value`, of rank 0, in the parts of `dim` that `index` names.
  default Tensor indexFill(int dim, Tensor index, Tensor value) {
    return Indexing.indexFill(self(), dim, index, value, false);
  }

  /// [#indexAdd(int, Tensor, Tensor)] in place.
  default Tensor indexAdd_(int dim, Tensor index, Tensor source) {
    return Indexing.indexAdd(self(), dim, index, source, 1, true);
  }

  /// [#indexAdd(int, Tensor, Tensor, double)] in place.
  default Tensor indexAdd_(int dim, Tensor index, Tensor source, double alpha) {
    return Indexing.indexAdd(self(), dim, index, source, alpha, true);
  }

  /// [#indexCopy] in place.
  default Tensor indexCopy_(int dim, Tensor index, Tensor source) {
    return Indexing.indexCopy(self(), dim, index, source, true);
  }

  /// [#indexFill(int, Tensor, double)] in place.
  default Tensor indexFill_(int dim, Tensor index, double value) {
    return Indexing.indexFill(self(), dim, index, value, true);
  }

  /// [#indexFill(int, Tensor, Tensor)] in place.
  default Tensor indexFill_(int dim, Tensor index, Tensor value) {
    return Indexing.indexFill(self(), dim, index, value, true);
  }

  // ---- by truth values ----

  /// With `value` where `mask`, a bool tensor that broadcasts, is true.
  default Tensor maskedFill(Tensor mask, double value) {
    return Masking.maskedFill(self(), mask, value, false);
  }

  /// With `value`, of rank 0, where `mask` is true.
  default Tensor maskedFill(Tensor mask, Tensor value) {
    return Masking.maskedFill(self(), mask, value, false);
  }

  /// With the elements of `source`, in order, where `mask` is true.
  default Tensor maskedScatter(Tensor mask, Tensor source) {
    return Masking.maskedScatter(self(), mask, source, false);
  }

  /// [#maskedFill(Tensor, double)] in place.
  default Tensor maskedFill_(Tensor mask, double value) {
    return Masking.maskedFill(self(), mask, value, true);
  }

  /// [#maskedFill(Tensor, Tensor)] in place.
  default Tensor maskedFill_(Tensor mask, Tensor value) {
    return Masking.maskedFill(self(), mask, value, true);
  }

  /// [#maskedScatter] in place.
  default Tensor maskedScatter_(Tensor mask, Tensor source) {
    return Masking.maskedScatter(self(), mask, source, true);
  }

  /// The elements where `mask`, broadcast with this, is true, as a vector in row-major order.
  default Tensor maskedSelect(Tensor mask) {
    return Masking.maskedSelect(self(), mask);
  }

  /// The positions of the elements that are not 0, int64: a row for each.
  default Tensor nonzero() {
    return Masking.nonzero(self());
  }

  /// The columns of [#nonzero]: for each dimension a vector of positions.
  default List<Tensor> nonzeroTuple() {
    return Masking.nonzeroTuple(self());
  }

  /// This where `condition` is true, `other` elsewhere, all broadcast.
  default Tensor where(Tensor condition, Tensor other) {
    return Tensor.where(condition, self(), other);
  }

  /// This where `condition` is true, a number elsewhere.
  default Tensor where(Tensor condition, double other) {
    return Tensor.where(condition, self(), Tensor.number(other));
  }

  // ---- by number ----

  /// The elements at the given places in row-major order; negative places count from the end. The result has index's sizes.
  default Tensor take(Tensor index) {
    return Indexing.take(self(), index);
  }

  /// How often each number from 0 to the largest occurs in this vector of whole numbers, int64. Waits for the device.
  default Tensor bincount() {
    return Scattering.bincount(self(), null, 0);
  }

  /// [#bincount()] of at least `minLength` numbers.
  default Tensor bincount(long minLength) {
    return Scattering.bincount(self(), null, minLength);
  }

  /// The sums of `weights`, as many as this has elements, by number, of at least `minLength` numbers: of float32 in float32, of others in float64.
  /// Autograd: no gradient.
  default Tensor bincount(Tensor weights, long minLength) {
    return Scattering.bincount(self(), weights, minLength);
  }

  /// For each class number a vector with 1 at its place and 0 elsewhere, int64; as many classes as the largest number asks for.
  default Tensor oneHot() {
    return Diagonals.oneHot(self(), -1);
  }

  /// For each class number a vector of `classes` elements with 1 at its place and 0 elsewhere, int64.
  default Tensor oneHot(long classes) {
    return Diagonals.oneHot(self(), classes);
  }
}
