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

  /// Gradients for operands 0, 1 and 2 of the node behind `saved`.
  static <A> @Nullable Tensor[] run(Op<A> op, A attributes, Saved saved, @Nullable Tensor[] operands, Kernel kernel) {
    return run(op, attributes, saved, 3, operands, kernel);
  }

  /// Gradients for the first `inputs` operands of the node behind `saved`, each in its operand's sizes and dtype; those as large as x, which
  /// is `operands[1]`, in its layout; `operands[0]` is the gradient that came.
  static <A> @Nullable Tensor[] run(Op<A> op, A attributes, Saved saved, int inputs, @Nullable Tensor[] operands, Kernel kernel) {
    Tensor grad = operands[0];
    Tensor x = operands[1];
    int count = 0;
    int[] place = new int[inputs];
    DType[] dtypes = new DType[inputs];
    Layout[] layouts = new Layout[inputs];
    for (int i = 0; i < inputs; i++) {
      place[i] = -1;
      if (saved.needs(i) && x != null) {
        dtypes[count] = saved.dtype(i);
        layouts[count] = Arrays.equals(saved.sizes(i), x.strided().sizes()) ? Layout.like(x.strided()) : Layout.contiguous(saved.sizes(i));
        place[i] = count++;
      }
    }
    @Nullable Tensor[] grads = new Tensor[inputs];
    if (grad != null && count > 0) {
      Tensor[] results = op.runMulti(attributes, grad.device(), Arrays.copyOf(dtypes, count), Arrays.copyOf(layouts, count), operands,
          (k, outs) -> {
            @Nullable Strided[] needed = new Strided[inputs];
            Arrays.setAll(needed, i -> place[i] < 0 ? null : outs[place[i]]);
            kernel.run(k, needed);
          });
      Arrays.setAll(grads, i -> place[i] < 0 ? null : results[place[i]]);
    }
    return grads;
  }
}
