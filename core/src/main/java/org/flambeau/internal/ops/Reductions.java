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

  private static final Op<Over> SUM_ALL = of("sum", "SumBackward0", term((g, s, a) -> spread(g, s.sizes(0), a)));
  private static final Op<Over> SUM = of("sum_dims", "SumBackward1", term((g, s, a) -> spread(g, s.sizes(0), a)));
  private static final Op<Over> MEAN_ALL = of("mean", "MeanBackward0",
      term((g, s, a) -> spread(g, s.sizes(0), a).div(count(s.sizes(0), a))));
  private static final Op<Over> MEAN = of("mean_dims", "MeanBackward1",
      term((g, s, a) -> spread(g, s.sizes(0), a).div(count(s.sizes(0), a))));
  private static final Op<Over> AMAX = of("amax", "AmaxBackward0", extremum());
  private static final Op<Over> AMIN = of("amin", "AminBackward0", extremum());
  private static final Op<Over> MAX_ALL = of("max", "MaxBackward1", extremum());
  private static final Op<Over> MIN_ALL = of("min", "MinBackward1", extremum());
  private static final Op<Over> VAR = of("var", "VarBackward0", term(saves(0), (g, s, a) -> {
    Tensor x = s.input(0);
    return spread(g, s.sizes(0), a).mul(x.sub(x.mean(a.dims, true)).mul(2 / Math.max(0.0, count(s.sizes(0), a) - a.parameter)));
  }));
  private static final Op<Over> PROD = of("prod", "ProdBackward0",
      term(saves(0) | RESULT, (g, s, a) -> Products.backward(g, s.input(0), s.result(), a)));
  private static final Op<Over> NORM = of("norm", "LinalgVectorNormBackward0",
      term(saves(0) | RESULT, (g, s, a) -> Norms.backward(g, s.input(0), s.result(), a)));
  private static final Op<Over> ANY = Op.notDifferentiable("any");
  private static final Op<Over> ALL = Op.notDifferentiable("all");

  private Reductions() {}

  private static Op<Over> of(String name, String node, Term<Over> term) {
    return Op.of(name, Derivative.of(node, term));
  }

  /// Elements that are equally extreme share the gradient.
  private static Term<Over> extremum() {
    return term(saves(0) | RESULT, (g, s, a) -> {
      Tensor mask = s.input(0).eq(spread(s.result(), s.sizes(0), a)).to(g.dtype());
      return mask.div(mask.sum(a.dims, true)).mul(spread(g, s.sizes(0), a));
    });
  }

  public static Tensor sum(Tensor x, int[] dims, boolean keepdim) {
    return run(dims.length == 0 ? SUM_ALL : SUM, ReduceOp.SUM, x.dtype().isFloating() ? x : x.to(DType.INT64), dims, keepdim, 0);
  }

  public static Tensor mean(Tensor x, int[] dims, boolean keepdim) {
    requireFloat("mean", x);
    return run(dims.length == 0 ? MEAN_ALL : MEAN, ReduceOp.MEAN, x, dims, keepdim, 0);
  }

  public static Tensor prod(Tensor x, int[] dims, boolean keepdim) {
    return run(PROD, ReduceOp.PROD, x.dtype().isFloating() ? x : x.to(DType.INT64), dims, keepdim, 0);
  }

  public static Tensor amax(Tensor x, int[] dims, boolean keepdim) {
    requireElements("amax", x, dims);
    return run(AMAX, ReduceOp.AMAX, x, dims, keepdim, 0);
  }

  public static Tensor amin(Tensor x, int[] dims, boolean keepdim) {
    requireElements("amin", x, dims);
    return run(AMIN, ReduceOp.AMIN, x, dims, keepdim, 0);
  }

  public static Tensor max(Tensor x) {
    requireElements("max", x, new int[0]);
    return run(MAX_ALL, ReduceOp.AMAX, x, new int[0], false, 0);
  }

  public static Tensor min(Tensor x) {
    requireElements("min", x, new int[0]);
    return run(MIN_ALL, ReduceOp.AMIN, x, new int[0], false, 0);
  }

  public static Tensor var(Tensor x, int[] dims, double correction, boolean keepdim) {
    requireFloat("var", x);
    return run(VAR, ReduceOp.VAR, x, dims, keepdim, correction);
  }

  public static Tensor norm(Tensor x, double order, int[] dims, boolean keepdim) {
    requireFloat("norm", x);
    return run(NORM, ReduceOp.NORM, x, dims, keepdim, order);
  }

  public static Tensor any(Tensor x, int[] dims, boolean keepdim) {
    return run(ANY, ReduceOp.ANY, x, dims, keepdim, 0);
  }

  public static Tensor all(Tensor x, int[] dims, boolean keepdim) {
    return run(ALL, ReduceOp.ALL, x, dims, keepdim, 0);
  }

  private static Tensor run(Op<Over> op, ReduceOp kernel, Tensor x, int[] dims, boolean keepdim, double parameter) {
    Strided in = x.strided();
    int[] reduced = Shapes.dims(op.name(), dims, in.rank());
    long[] ones = in.sizes().clone();
    for (int dim : reduced) {
      ones[dim] = 1;
    }
    long[] sizes = keepdim ? ones : without(in.sizes(), reduced);
    DType dtype = kernel == ReduceOp.ANY || kernel == ReduceOp.ALL ? DType.BOOL : in.dtype();
    return op.run(new Over(reduced, keepdim, parameter), dtype, Layout.contiguous(sizes), x,
        (k, out) -> k.reduce(kernel, out.with(0, ones, Strided.contiguousStrides(ones)), in, parameter));
  }

  static long[] without(long[] sizes, int[] dims) {
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

  private static void requireFloat(String op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException("[" + op + "] could not infer output dtype. Input dtype must be a floating point dtype, got "
          + x.dtype().label() + ": cast it with to(FLOAT32) first");
    }
  }

  private static void requireElements(String op, Tensor x, int[] dims) {
    for (int dim : Shapes.dims(op, dims, x.dim())) {
      if (x.size(dim) == 0) {
        throw new IndexOutOfBoundsException("[" + op + "] Expected reduction dim " + dim + " to have non-zero size: sizes "
            + Shapes.show(x.sizes()));
      }
    }
    if (dims.length == 0 && x.numel() == 0) {
      throw new IndexOutOfBoundsException("[" + op + "] Expected reduction dim to be specified for input.numel() == 0");
    }
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
