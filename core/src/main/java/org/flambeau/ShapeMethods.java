package org.flambeau;

import java.util.List;
import org.flambeau.internal.ops.AsStrided;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Rearranging;
import org.flambeau.internal.ops.Views;

/// How every tensor can be looked at with other sizes, in another order, or in part.
///
/// Unless they say that they copy, results are views: they share the tensor's memory, and what is changed in place through
/// one is seen through the other. DTypes: any. Autograd: all are differentiable any number of times, also when a view is
/// changed in place. Errors: `IndexOutOfBoundsException` for a dimension or index out of range (negative ones count from
/// the end), `IllegalArgumentException` for sizes that do not fit.
sealed interface ShapeMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /// The same elements, in row-major order, with other sizes, one of which may be -1 for what is left. A view where the
  /// strides allow it, else a copy.
  default Tensor reshape(long... sizes) {
    return Views.reshape(self(), sizes);
  }

  /// [#reshape] that never copies, and refuses where it would have to.
  default Tensor view(long... sizes) {
    return Views.view(self(), sizes);
  }

  /// `reshape` to the sizes of `other`.
  default Tensor reshapeAs(Tensor other) {
    return Views.reshape(self(), Op.given("reshape_as", "other", other).strided().sizes());
  }

  /// All elements in one dimension.
  default Tensor flatten() {
    return Views.flatten(self(), 0, -1);
  }

  /// The dimensions from `startDim` to `endDim`, both included, as one.
  default Tensor flatten(int startDim, int endDim) {
    return Views.flatten(self(), startDim, endDim);
  }

  /// Dimension `dim` taken apart into several, of which one may be -1.
  default Tensor unflatten(int dim, long... sizes) {
    return Views.unflatten(self(), dim, sizes);
  }

  /// Without the dimensions of size 1, or without those of `dims` that have size 1.
  default Tensor squeeze(int... dims) {
    return Views.squeeze(self(), dims);
  }

  /// With a new dimension of size 1 before dimension `dim`.
  default Tensor unsqueeze(int dim) {
    return Views.unsqueeze(self(), dim);
  }

  /// Repeated along dimensions of size 1 without a copy; -1 keeps a size.
  default Tensor expand(long... sizes) {
    return Views.expand(self(), sizes);
  }

  /// [#expand]: this with `sizes`, to which it broadcasts.
  default Tensor broadcastTo(long... sizes) {
    return Views.expand(self(), sizes);
  }

  /// [#expand] to the sizes of `other`.
  default Tensor expandAs(Tensor other) {
    return Views.expand(self(), Op.given("expand_as", "other", other).strided().sizes());
  }

  /// With two dimensions swapped.
  default Tensor transpose(int dim0, int dim1) {
    return Views.transpose(self(), dim0, dim1);
  }

  /// A matrix transposed; a vector or scalar as it is.
  default Tensor t() {
    return Views.t(self());
  }

  /// With the last two dimensions swapped.
  default Tensor mT() {
    return Views.mT(self());
  }

  /// With the dimensions in the order given.
  default Tensor permute(int... dims) {
    return Views.permute(self(), dims);
  }

  /// With dimension `source` moved to `destination`, the others keeping their order.
  default Tensor movedim(int source, int destination) {
    return Rearranging.movedim(self(), source, destination);
  }

  /// Every `step`-th element of `dim` from `start` up to, but not including, `end`; negative positions count from the end.
  default Tensor slice(int dim, long start, long end, long step) {
    return Views.slice(self(), dim, start, end, step);
  }

  /// The elements of `dim` from `start` up to, but not including, `end`; negative positions count from the end.
  default Tensor slice(int dim, long start, long end) {
    return Views.slice(self(), dim, start, end, 1);
  }

  /// `length` elements of `dim` from `start` on.
  default Tensor narrow(int dim, long start, long length) {
    return Views.narrow(self(), dim, start, length);
  }

  /// The part of `dim` at `index`, without that dimension; a negative index counts from the end.
  default Tensor select(int dim, long index) {
    return Views.select(self(), dim, index);
  }

  /// The part at the given indices of the leading dimensions: `x[i]`, `x[i][j]`, ….
  default Tensor get(long... indices) {
    return Rearranging.get(self(), indices);
  }

  /// Parts of `size` elements along `dim`; the last may be shorter.
  default List<Tensor> split(long size, int dim) {
    return Views.splitEvery(self(), size, dim);
  }

  /// Parts of the given lengths along `dim`.
  default List<Tensor> split(long[] lengths, int dim) {
    return Views.split(self(), dim, lengths);
  }

  /// At most `chunks` parts of equal length along `dim`; the last may be shorter.
  default List<Tensor> chunk(int chunks, int dim) {
    return Views.chunk(self(), chunks, dim);
  }

  /// Every part of `dim`, without that dimension.
  default List<Tensor> unbind(int dim) {
    return Views.unbind(self(), dim);
  }

  /// All windows of `size` elements along `dim`, `step` apart, as a new last dimension.
  default Tensor unfold(int dim, long size, long step) {
    return Views.unfold(self(), dim, size, step);
  }

  /// The elements (i, i + offset) of dimensions `dim1` and `dim2`, as a new last dimension.
  default Tensor diagonal(int offset, int dim1, int dim2) {
    return Views.diagonal(self(), offset, dim1, dim2);
  }

  /// The main diagonal of a matrix.
  default Tensor diagonal() {
    return Views.diagonal(self(), 0, 0, 1);
  }

  /// The same memory by other sizes, strides and an offset from where the storage begins, all in elements.
  default Tensor asStrided(long[] sizes, long[] strides, long offset) {
    return AsStrided.of(self(), sizes, strides, offset);
  }

  /// With the order of the given dimensions reversed. A copy.
  default Tensor flip(int... dims) {
    return Rearranging.flip(self(), dims);
  }

  /// Shifted by `shift` places along `dim`; what leaves at one end comes in at the other. A copy.
  default Tensor roll(long shift, int dim) {
    return Rearranging.roll(self(), shift, dim);
  }

  /// Tiled: repeated as often as `repeats` says in each dimension. A copy.
  default Tensor repeat(long... repeats) {
    return Rearranging.repeat(self(), repeats);
  }

  /// Each element `repeats` times in a row along `dim`. A copy.
  default Tensor repeatInterleave(long repeats, int dim) {
    return Rearranging.repeatInterleave(self(), repeats, dim);
  }
}
