package org.flambeau.internal.ops;

import java.util.Arrays;
import org.flambeau.GradMode;
import org.flambeau.Tensor;

/// The derivatives of products, which must not divide by zero.
final class Products {
  private Products() {}

  /// Each factor's gradient is the product of all others: of what stands before it, and of what stands behind.
  static Tensor backward(Tensor grad, Tensor x, Reductions.Over over) {
    long[] sizes = x.sizes();
    if (over.dims().length == 0) {
      return grad;
    }
    int[] dims = over.dims().clone();
    Arrays.sort(dims);
    int[] order = new int[x.dim()];
    int at = 0;
    for (int d = 0; d < order.length; d++) {
      if (Arrays.binarySearch(dims, d) < 0) {
        order[at++] = d;
      }
    }
    System.arraycopy(dims, 0, order, at, dims.length);
    Tensor last = x.permute(order).flatten(at, -1);
    Tensor others = productOfOthers(last);
    long[] permuted = new long[order.length];
    int[] back = new int[order.length];
    for (int d = 0; d < order.length; d++) {
      permuted[d] = sizes[order[d]];
      back[order[d]] = d;
    }
    return Reductions.spread(grad, sizes, over).mul(others.reshape(permuted).permute(back));
  }

  /// [#backward] of the product of all elements, which two zeros leave without a gradient however large the one that comes.
  static Tensor backwardOfAll(Tensor grad, Tensor x, Reductions.Over over) {
    Tensor grads = backward(grad, x, over);
    return GradMode.isEnabled() ? grads : grads.maskedFill(x.eq(0).sum().gt(1), 0);
  }

  private static Tensor productOfOthers(Tensor x) {
    long n = x.size(-1);
    if (n == 0) {
      return x.clone();
    }
    long[] edge = x.sizes();
    edge[edge.length - 1] = 1;
    Tensor one = Tensor.ones(x.device(), x.dtype(), edge);
    Tensor before = Joining.cat(-1, one, x.narrow(-1, 0, n - 1)).cumprod(-1);
    Tensor behind = Joining.cat(-1, one, x.narrow(-1, 1, n - 1).flip(-1)).cumprod(-1).flip(-1);
    return before.mul(behind);
  }
}
