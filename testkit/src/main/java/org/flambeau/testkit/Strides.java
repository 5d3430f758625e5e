package org.flambeau.testkit;

import java.util.List;
import org.flambeau.Tensor;

/// Ways to lay the same elements out in memory.
enum Strides {
  /// The first dimension is the one whose elements are neighbours.
  TRANSPOSED {
    @Override
    Tensor of(Tensor x) {
      return x.dim() < 2 ? x : x.transpose(0, -1).contiguous().transpose(0, -1);
    }
  },
  /// Every second element of a larger tensor.
  STEPPED {
    @Override
    Tensor of(Tensor x) {
      return Tensor.stack(List.of(x, garbage(x)), -1).select(-1, 0);
    }
  },
  /// Row-major, but behind other elements, so that it is not aligned.
  OFFSET {
    @Override
    Tensor of(Tensor x) {
      Tensor flat = x.reshape(-1);
      Tensor before = Tensor.zeros(x.device(), x.dtype(), 3);
      return Tensor.cat(List.of(before, flat), 0).narrow(0, 3, flat.numel()).view(x.sizes());
    }
  },
  /// Part of each row of a larger tensor.
  SLICED {
    @Override
    Tensor of(Tensor x) {
      return x.dim() == 0 ? x : Tensor.cat(List.of(garbage(x), x, garbage(x)), -1).narrow(-1, x.size(-1), x.size(-1));
    }
  };

  /// `x`'s elements in this layout.
  abstract Tensor of(Tensor x);

  /// Values that would spoil any result.
  private static Tensor garbage(Tensor x) {
    return x.dtype().isFloating() ? Tensor.fullLike(x, Double.NaN) : Tensor.fullLike(x, 1);
  }

  /// The first row of `x` instead of all rows, repeated by stride 0.
  static Tensor expanded(Tensor x) {
    return x.dim() == 0 || x.size(0) == 0 ? x : x.narrow(0, 0, 1).expand(x.sizes());
  }
}
