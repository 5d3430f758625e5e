package org.flambeau;

import org.flambeau.internal.ops.Ordering;
import org.flambeau.internal.ops.Scans;
import org.flambeau.internal.ops.Softmax;

/// How the elements of every tensor are put in order, summed up or normalised along a dimension.
///
/// DTypes: any where nothing else is said. Autograd: differentiable any number of times in the values, not in
/// positions. Errors: `IndexOutOfBoundsException` for a dimension out of range (negative ones count from the end), `IllegalArgumentException` for a
/// `k` that there is no element for.
sealed interface OrderingMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  // ---- exponentials ----

  /// `eˣ / Σ eˣ` along `dim`.
  ///
  /// DTypes: float. Autograd: from the result alone.
  default Tensor softmax(int dim) {
    return Softmax.softmax(self(), dim);
  }

  /// `log(eˣ / Σ eˣ)` along `dim`, without the loss of digits of the logarithm of [#softmax]. DTypes: float.
  default Tensor logSoftmax(int dim) {
    return Softmax.logSoftmax(self(), dim);
  }

  /// `log Σ eˣ` over the given dimensions, or all; never overflows. Integral tensors count as float32.
  default Tensor logsumexp(int... dims) {
    return Softmax.logSumExp(self(), dims, false);
  }

  /// [#logsumexp(int...)] over dimensions which stay with size 1 where `keepdim`.
  default Tensor logsumexp(int[] dims, boolean keepdim) {
    return Softmax.logSumExp(self(), dims, keepdim);
  }

  /// log Σ eˣ over one dimension, which stays with size 1 where `keepdim`.
  default Tensor logsumexp(int dim, boolean keepdim) {
    return logsumexp(new int[] {dim}, keepdim);
  }

  // ---- running ----

  /// Running sums along `dim`; integral tensors sum to int64.
  default Tensor cumsum(int dim) {
    return Scans.cumsum(self(), dim);
  }

  /// Running products along `dim`; integral tensors multiply to int64.
  default Tensor cumprod(int dim) {
    return Scans.cumprod(self(), dim);
  }

  /// The largest elements so far along `dim`, and their positions, of equal ones the last.
  default Selected cummax(int dim) {
    return Scans.cummax(self(), dim);
  }

  /// The smallest elements so far along `dim`, and their positions, of equal ones the last.
  default Selected cummin(int dim) {
    return Scans.cummin(self(), dim);
  }

  /// `log Σ eˣ` of the elements so far along `dim`.
  default Tensor logcumsumexp(int dim) {
    return Scans.logCumSumExp(self(), dim);
  }

  // ---- order ----

  /// The elements in ascending order along the last dimension, NaN last, and where they stood; equal elements keep their order.
  default Selected sort() {
    return Ordering.sort(self(), -1, false);
  }

  /// [#sort()] along `dim`.
  default Selected sort(int dim) {
    return Ordering.sort(self(), dim, false);
  }

  /// [#sort()] along `dim`; `descending` order has NaN first.
  default Selected sort(int dim, boolean descending) {
    return Ordering.sort(self(), dim, descending);
  }

  /// The positions that put the elements along the last dimension in ascending order.
  default Tensor argsort() {
    return Ordering.argsort(self(), -1, false);
  }

  /// The positions that put the elements along `dim` in order.
  default Tensor argsort(int dim, boolean descending) {
    return Ordering.argsort(self(), dim, descending);
  }

  /// The k largest elements of the last dimension in descending order, and where they stood.
  default Selected topk(long k) {
    return Ordering.topk(self(), k, -1, true);
  }

  /// The k largest, or smallest, elements along `dim` in order, and where they stood.
  default Selected topk(long k, int dim, boolean largest) {
    return Ordering.topk(self(), k, dim, largest);
  }

  /// The k-th smallest element, counted from 1, of the last dimension, and its position.
  default Selected kthvalue(long k) {
    return Ordering.kthvalue(self(), k, -1, false);
  }

  /// The k-th smallest element along `dim`, counted from 1, and its position.
  default Selected kthvalue(long k, int dim, boolean keepdim) {
    return Ordering.kthvalue(self(), k, dim, keepdim);
  }

  /// The median of all elements, the lower one of two; NaN if any is.
  default Tensor median() {
    return Ordering.median(self());
  }

  /// The medians along `dim`, the lower one of two, and their positions.
  default Selected median(int dim) {
    return Ordering.median(self(), dim, false);
  }

  /// The medians along `dim`, which stays with size 1 where `keepdim`, and their positions.
  default Selected median(int dim, boolean keepdim) {
    return Ordering.median(self(), dim, keepdim);
  }

  /// The median of all elements that are not NaN, the lower one of two; NaN if all are.
  default Tensor nanmedian() {
    return Ordering.nanmedian(self());
  }

  /// The medians along `dim`, which stays with size 1 where `keepdim`, of what is not NaN, and their positions.
  default Selected nanmedian(int dim, boolean keepdim) {
    return Ordering.nanmedian(self(), dim, keepdim);
  }

  /// The most frequent elements along the last dimension, the least one of several, and the last position of each.
  default Selected mode() {
    return Ordering.mode(self(), -1, false);
  }

  /// [#mode()] along `dim`, which stays with size 1 where `keepdim`.
  default Selected mode(int dim, boolean keepdim) {
    return Ordering.mode(self(), dim, keepdim);
  }

  /// The distinct slices along `dim` in lexicographic order, which of them each slice is, and how often each occurs; PyTorch's
  /// `unique(dim=…)`.
  ///
  /// Autograd: not differentiable; a backward through `values` throws.
  default UniqueElements uniqueDim(int dim) {
    return Ordering.unique(self(), dim);
  }

  /// The distinct elements in ascending order, which of them each element is, and how often each occurs.
  ///
  /// Autograd: not differentiable; a backward through `values` throws.
  default UniqueElements unique() {
    return Ordering.unique(self());
  }
}
