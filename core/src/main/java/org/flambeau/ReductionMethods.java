package org.flambeau;

import org.flambeau.internal.ops.Reductions;
import org.flambeau.internal.ops.Scans;

/// How the elements of every tensor become fewer, or are summed up along a dimension.
sealed interface ReductionMethods permits Tensor {
  int[] NO_DIMS = {};

  private Tensor self() {
    return (Tensor) this;
  }

  /// Σ x over all elements; integral tensors sum to int64.
  default Tensor sum() {
    return Reductions.sum(self(), NO_DIMS, false);
  }

  /// Σ x over the given dimensions.
  default Tensor sum(int... dims) {
    return Reductions.sum(self(), dims, false);
  }

  /// Σ x over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor sum(int[] dims, boolean keepdim) {
    return Reductions.sum(self(), dims, keepdim);
  }

  /// The mean of all elements.
  default Tensor mean() {
    return Reductions.mean(self(), NO_DIMS, false);
  }

  /// The mean over the given dimensions.
  default Tensor mean(int... dims) {
    return Reductions.mean(self(), dims, false);
  }

  /// The mean over the given dimensions, which stay with size 1 where `keepdim`.
  default Tensor mean(int[] dims, boolean keepdim) {
    return Reductions.mean(self(), dims, keepdim);
  }

  /// Whether any element is not 0.
  default Tensor any() {
    return Reductions.any(self(), NO_DIMS, false);
  }

  /// Running products along `dim`.
  default Tensor cumprod(int dim) {
    return Scans.cumprod(self(), dim);
  }

  /// Running sums along `dim`.
  default Tensor cumsum(int dim) {
    return Scans.cumsum(self(), dim);
  }
}
