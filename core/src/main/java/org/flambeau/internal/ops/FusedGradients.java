package org.flambeau.internal.ops;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Saved;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The kernels that compute all gradients of an operation in one pass: they write those that are needed and leave the rest.
final class FusedGradients {
  /// One kernel call, with null for the gradients that nobody needs.
  @FunctionalInterface
  interface Kernel {
    void run(Kernels kernels, @Nullable Strided[] grads);
  }

  private FusedGradients() {}

  /// Gradients for operands 0, 1 and 2 of the node behind `saved`, each in its operand's sizes and dtype, the first in the
  /// layout of the gradient that came, which is `operands[0]`.
  static <A> @Nullable Tensor[] run(Op<A> op, A attributes, Saved saved, @Nullable Tensor[] operands, Kernel kernel) {
    Tensor grad = operands[0];
    int count = 0;
    int[] place = new int[3];
    DType[] dtypes = new DType[3];
    Layout[] layouts = new Layout[3];
    for (int i = 0; i < 3; i++) {
      place[i] = -1;
      if (saved.needs(i) && grad != null) {
        dtypes[count] = saved.dtype(i);
        layouts[count] = i == 0 ? Layout.like(grad.strided()) : Layout.contiguous(saved.sizes(i));
        place[i] = count++;
      }
    }
    @Nullable Tensor[] grads = new Tensor[3];
    if (grad != null && count > 0) {
      Tensor[] results = op.runMulti(attributes, grad.device(), Arrays.copyOf(dtypes, count), Arrays.copyOf(layouts, count), operands,
          (k, outs) -> kernel.run(k, new @Nullable Strided[] {at(outs, place[0]), at(outs, place[1]), at(outs, place[2])}));
      for (int i = 0; i < 3; i++) {
        grads[i] = place[i] < 0 ? null : results[place[i]];
      }
    }
    return grads;
  }

  private static @Nullable Strided at(Strided[] outs, int place) {
    return place < 0 ? null : outs[place];
  }
}
