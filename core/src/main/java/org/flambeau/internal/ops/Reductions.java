package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Strided;

/// Many elements to one: over all dimensions or some.
public final class Reductions {
  /// What a reduction depends on.
  ///
  /// @param dims the reduced dimensions, from the front, each once
  /// @param keepdim whether they stay, with size 1
  /// @param parameter the order of a norm, the correction of a variance
  record Over(int[] dims, boolean keepdim, double parameter) {}

  /// Where a reduction's result goes.
  ///
  /// @param kept the sizes with 1 in each reduced dimension, as kernels see the result
  record Plan(int[] dims, boolean keepdim, long[] kept, Layout layout) {
    Over over(double parameter) {
      return new Over(dims, keepdim, parameter);
    }

    Strided kept(Strided out) {
      return out.with(out.offset(), kept, Strided.contiguousStrides(kept));
    }
  }

  private static final Op<Over> SUM_ALL = of("sum", "SumBackward0", term((g, s, a) -> spread(g, s.sizes(0), a)));
  private static final Op<Over> SUM = of("sum.dims", "SumBackward1", term((g, s, a) -> spread(g, s.sizes(0), a)));
  private static final Op<Over> MEAN_ALL = of("mean", "MeanBackward0",
      term((g, s, a) -> spread(g.div(count(s.sizes(0), a)), s.sizes(0), a)));
  private static final Op<Over> MEAN = of("mean.dims", "MeanBackward1",
      term((g, s, a) -> spread(g.div(count(s.sizes(0), a)), s.sizes(0), a)));
  private static final Op<Over> PROD_ALL = of("prod", "ProdBackward0",
      term(saves(0), (g, s, a) -> Products.backwardOfAll(g, s.input(0), a)));
  private static final Op<Over> PROD = of("prod.dims", "ProdBackward1", term(saves(0), (g, s, a) -> Products.backward(g, s.input(0), a)));
  private static final Op<Over> NORM = of("norm", "LinalgVectorNormBackward0",
      term(saves(0) | RESULT, (g, s, a) -> Norms.backward(g, s.input(0), s.result(), a)));
  private static final Op<Over> NANSUM = of("nansum", "NansumBackward0",
      term(saves(0), (g, s, a) -> spread(g, s.sizes(0), a).maskedFill(s.input(0).isnan(), 0)));
  private static final Op<Over> ANY = Op.notDifferentiable("any");
  private static final Op<Over> ALL = Op.notDifferentiable("all");

  private Reductions() {}

  private static Op<Over> of(String name, String node, Term<Over> term) {
    return Op.of(name, Derivative.of(node, term));
  }

  public static Tensor sum(Tensor x, int[] dims, boolean keepdim) {
    AutocastPolicy policy = AutocastPolicy.of("sum", x);
    if (policy != null) {
      return policy.runUnary(c -> sum(c, dims, keepdim), x);
    }
    return run(dims.length == 0 ? SUM_ALL : SUM, ReduceOp.SUM, x, dims, keepdim, 0);
  }

  public static Tensor mean(Tensor x, int[] dims, boolean keepdim) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "[mean] could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
              + "Got: " + x.dtype().label() + ": cast it with to(FLOAT32) first");
    }
    return run(dims.length == 0 ? MEAN_ALL : MEAN, ReduceOp.MEAN, x, dims, keepdim, 0);
  }

  public static Tensor prod(Tensor x, int[] dims, boolean keepdim) {
    AutocastPolicy policy = AutocastPolicy.of("prod", x);
    if (policy != null) {
      return policy.runUnary(c -> prod(c, dims, keepdim), x);
    }
    return run(dims.length == 0 ? PROD_ALL : PROD, ReduceOp.PROD, x, dims, keepdim, 0);
  }

  /// Integral tensors are scanned in int64.
  static Tensor widened(Tensor x) {
    return x.dtype().isFloating() ? x : x.to(DType.INT64);
  }

  public static Tensor norm(Tensor x, double order, int[] dims, boolean keepdim) {
    AutocastPolicy policy = AutocastPolicy.of("norm", x);
    if (policy != null) {
      return policy.runUnary(c -> norm(c, order, dims, keepdim), x);
    }
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException("[norm] linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
          + x.dtype().label() + ": cast it with to(FLOAT32) first");
    }
    if (order < 0 || order == Double.POSITIVE_INFINITY) {
      for (int dim : Shapes.dims("norm", dims, x.dim())) {
        if (x.size(dim) == 0) {
          throw new IllegalArgumentException("[norm] linalg.vector_norm cannot compute the " + order + " norm on the dimension " + dim
              + " because this dimension is empty and the operation does not have an identity: sizes " + Shapes.show(x.sizes()));
        }
      }
    }
    return run(NORM, ReduceOp.NORM, x, dims, keepdim, order);
  }

  /// The sum, NaN counting as 0.
  public static Tensor nansum(Tensor x, int[] dims, boolean keepdim) {
    if (!x.dtype().isFloating()) {
      return sum(x, dims, keepdim);
    }
    Over over = plan("nansum", x, dims, keepdim).over(0);
    return NANSUM.compose(over, new Tensor[] {x}, () -> x.maskedFill(x.isnan(), 0).sum(dims, keepdim));
  }

  /// The mean of what is not NaN.
  public static Tensor nanmean(Tensor x, int[] dims, boolean keepdim) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException("[nanmean] expected input to have floating point or complex dtype but got " + x.dtype().label());
    }
    return Op.scoped("nanmean", () -> nansum(x, dims, keepdim).div(x.isnan().logicalNot().sum(dims, keepdim)));
  }

  public static Tensor countNonzero(Tensor x, int[] dims) {
    return Op.scoped("count_nonzero", () -> x.ne(0).sum(dims));
  }

  public static Tensor any(Tensor x, int[] dims, boolean keepdim) {
    return truth(x, run(ANY, ReduceOp.ANY, x, dims, keepdim, 0));
  }

  public static Tensor all(Tensor x, int[] dims, boolean keepdim) {
    return truth(x, run(ALL, ReduceOp.ALL, x, dims, keepdim, 0));
  }

  /// What PyTorch makes of a truth value about `x`: of uint8, which was its bool once, it stays uint8.
  private static Tensor truth(Tensor x, Tensor result) {
    return x.dtype() == DType.UINT8 ? result.to(DType.UINT8) : result;
  }

  static Tensor run(Op<Over> op, ReduceOp kernel, Tensor x, int[] dims, boolean keepdim, double parameter) {
    Strided in = x.strided();
    Plan plan = plan(op.title(), x, dims, keepdim);
    return op.run(plan.over(parameter), kernel.resultOf(in.dtype()), plan.layout, x,
        (k, out) -> k.reduce(kernel, plan.kept(out), in, parameter));
  }

  static Plan plan(String op, Tensor x, int[] dims, boolean keepdim) {
    long[] sizes = x.strided().sizes();
    int[] reduced = Shapes.dims(op, dims, sizes.length);
    long[] kept = sizes.clone();
    for (int dim : reduced) {
      kept[dim] = 1;
    }
    return new Plan(reduced, keepdim, kept, Layout.contiguous(keepdim ? kept : without(sizes, reduced)));
  }

  static long[] without(long[] sizes, int... dims) {
    boolean[] gone = new boolean[sizes.length];
    for (int dim : dims) {
      gone[dim] = true;
    }
    long[] left = new long[sizes.length - dims.length];
    for (int d = 0, to = 0; d < sizes.length; d++) {
      if (!gone[d]) {
        left[to++] = sizes[d];
      }
    }
    return left;
  }

  // ---- for derivatives ----

  /// A reduction's result, or its gradient, repeated over what was reduced.
  static Tensor spread(Tensor reduced, long[] sizes, Over over) {
    Tensor kept = reduced;
    if (!over.keepdim) {
      int[] dims = over.dims.clone();
      Arrays.sort(dims);
      for (int dim : dims) {
        kept = kept.unsqueeze(dim);
      }
    }
    return kept.expand(sizes);
  }

  /// How many elements made one.
  static double count(long[] sizes, Over over) {
    double count = 1;
    for (int dim : over.dims) {
      count *= sizes[dim];
    }
    return count;
  }

  /// Whether `sizes` broadcasts to `target`.
  public static boolean isExpandable(long[] sizes, long[] target) {
    int lead = target.length - sizes.length;
    if (lead < 0) {
      return false;
    }
    for (int d = 0; d < sizes.length; d++) {
      if (sizes[d] != 1 && sizes[d] != target[lead + d]) {
        return false;
      }
    }
    return true;
  }

  /// Sums a gradient over the dimensions along which its operand, of `sizes`, was broadcast.
  public static Tensor sumToSize(Tensor x, long[] sizes) {
    if (Arrays.equals(x.strided().sizes(), sizes)) {
      return x;
    }
    if (!isExpandable(sizes, x.strided().sizes())) {
      throw new IllegalArgumentException("[sumToSize] size " + Shapes.show(sizes) + " is not expandable to size " + Shapes.show(x.sizes()));
    }
    int lead = x.dim() - sizes.length;
    int[] dims = new int[x.dim()];
    int count = 0;
    for (int d = 0; d < x.dim(); d++) {
      if (d < lead || sizes[d - lead] == 1 && x.size(d) != 1) {
        dims[count++] = d;
      }
    }
    Tensor summed = count == 0 ? x : x.sum(Arrays.copyOf(dims, count), true);
    return lead > 0 ? summed.reshape(sizes) : summed;
  }
}
