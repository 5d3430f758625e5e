package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.internal.ops.Reductions.Over;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Strided;

/// The largest and the smallest elements, and their positions.
public final class Extrema {
  /// @param dim the one dimension that is reduced
  record Along(int dim, boolean keepdim) {}

  private static final Op<Over> AMAX = Op.of("amax", Derivative.of("AmaxBackward0", shared()));
  private static final Op<Over> AMIN = Op.of("amin", Derivative.of("AminBackward0", shared()));
  private static final Op<Over> MAX_ALL = Op.of("max", Derivative.of("MaxBackward1", toEqual()));
  private static final Op<Over> MIN_ALL = Op.of("min", Derivative.of("MinBackward1", toEqual()));
  private static final Op<Along> MAX = Op.of("max.dim", Derivative.of("MaxBackward0", selected()));
  private static final Op<Along> MIN = Op.of("min.dim", Derivative.of("MinBackward0", selected()));
  private static final Op<Along> ARGMAX = Op.notDifferentiable("argmax");
  private static final Op<Along> ARGMIN = Op.notDifferentiable("argmin");

  private Extrema() {}

  /// The elements that are equal to the one result, or NaN as that is, share its gradient.
  static <A> Term<A> toEqual() {
    return term(saves(0) | RESULT, (g, s, _) -> {
      Tensor x = s.input(0);
      Tensor equal = x.eq(s.result()).logicalOr(x.isnan().logicalAnd(s.result().isnan()));
      return Tensor.where(equal, g.div(equal.sum()), 0);
    });
  }

  /// Elements that are equally extreme share the gradient.
  private static Term<Over> shared() {
    return term(saves(0) | RESULT, (g, s, a) -> {
      Tensor mask = s.input(0).eq(Reductions.spread(s.result(), s.sizes(0), a)).to(g.dtype());
      return mask.div(mask.sum(a.dims(), true)).mul(Reductions.spread(g, s.sizes(0), a));
    });
  }

  /// The gradient goes to the positions that were found.
  static Term<Along> selected() {
    return term(result(1), (g, s, a) -> placed(g, s.result(1), s.sizes(0), a));
  }

  /// Zeros of `sizes`, with each of `grad` at its position along a dimension.
  private static Tensor placed(Tensor grad, Tensor indices, long[] sizes, Along along) {
    if (sizes.length == 0) {
      return grad;
    }
    Tensor g = along.keepdim ? grad : grad.unsqueeze(along.dim);
    Tensor positions = along.keepdim ? indices : indices.unsqueeze(along.dim);
    return Tensor.zeros(g.device(), g.dtype(), sizes).scatter_(along.dim, positions, g);
  }

  public static Tensor amax(Tensor x, int[] dims, boolean keepdim) {
    return reduce(AMAX, ReduceOp.AMAX, x, dims, keepdim);
  }

  public static Tensor amin(Tensor x, int[] dims, boolean keepdim) {
    return reduce(AMIN, ReduceOp.AMIN, x, dims, keepdim);
  }

  public static Tensor max(Tensor x) {
    return reduce(MAX_ALL, ReduceOp.AMAX, x, new int[0], false);
  }

  public static Tensor min(Tensor x) {
    return reduce(MIN_ALL, ReduceOp.AMIN, x, new int[0], false);
  }

  private static Tensor reduce(Op<Over> op, ReduceOp kernel, Tensor x, int[] dims, boolean keepdim) {
    requireElements(op.title(), x, dims);
    return Reductions.run(op, kernel, x, dims, keepdim, 0);
  }

  public static Selected max(Tensor x, int dim, boolean keepdim) {
    return along(MAX, true, x, dim, keepdim);
  }

  public static Selected min(Tensor x, int dim, boolean keepdim) {
    return along(MIN, false, x, dim, keepdim);
  }

  private static Selected along(Op<Along> op, boolean largest, Tensor x, int dim, boolean keepdim) {
    int at = Shapes.dim(op.title(), dim, x.dim());
    requireElements(op.title(), x, at);
    return find(op, x, at, keepdim, (k, values, indices, in) -> k.argReduce(largest, values, indices, in, at));
  }

  /// What finds one element along a dimension and its position.
  interface Finder {
    void find(Kernels k, Strided values, Strided indices, Strided x);
  }

  static Selected find(Op<Along> op, Tensor x, int at, boolean keepdim, Finder finder) {
    Strided in = Shapes.atLeastVector(x.strided());
    long[] one = Shapes.resized(in.sizes(), at, 1);
    Layout layout = Layout.contiguous(sizes(x, at, keepdim));
    Tensor[] found = op.runMulti(new Along(at, keepdim), x.device(), new DType[] {x.dtype(), DType.INT64}, new Layout[] {layout, layout},
        new Tensor[] {x}, (k, outs) -> finder.find(k, shaped(outs[0], one), shaped(outs[1], one), in));
    return new Selected(found[0], found[1]);
  }

  public static Tensor argmax(Tensor x, int dim, boolean keepdim) {
    return argument(ARGMAX, true, x, dim, keepdim);
  }

  public static Tensor argmin(Tensor x, int dim, boolean keepdim) {
    return argument(ARGMIN, false, x, dim, keepdim);
  }

  private static Tensor argument(Op<Along> op, boolean largest, Tensor x, int dim, boolean keepdim) {
    if (x.dtype() == DType.BOOL) {
      throw Promotion.noBool(op.title());
    }
    int at = Shapes.dim(op.title(), dim, x.dim());
    requireElements(op.title(), x, at);
    Strided in = Shapes.atLeastVector(x.strided());
    long[] one = Shapes.resized(in.sizes(), at, 1);
    return op.run(new Along(at, keepdim), DType.INT64, Layout.contiguous(sizes(x, at, keepdim)), x,
        (k, out) -> k.argReduce(largest, null, shaped(out, one), in, at));
  }

  /// The position among all elements in row-major order.
  public static Tensor argmax(Tensor x, boolean keepdim) {
    return position(ARGMAX, true, x, keepdim);
  }

  /// The position among all elements in row-major order.
  public static Tensor argmin(Tensor x, boolean keepdim) {
    return position(ARGMIN, false, x, keepdim);
  }

  private static Tensor position(Op<Along> op, boolean largest, Tensor x, boolean keepdim) {
    requireElements(op.title(), x);
    Tensor position = argument(op, largest, x.detach().reshape(-1), 0, false);
    if (!keepdim) {
      return position;
    }
    long[] ones = new long[x.dim()];
    Arrays.fill(ones, 1);
    return position.reshape(ones);
  }

  private static long[] sizes(Tensor x, int dim, boolean keepdim) {
    long[] sizes = x.strided().sizes();
    return sizes.length == 0 ? sizes : keepdim ? Shapes.resized(sizes, dim, 1) : Reductions.without(sizes, dim);
  }

  private static Strided shaped(Strided out, long[] sizes) {
    return out.with(out.offset(), sizes, Strided.contiguousStrides(sizes));
  }

  static void requireElements(String op, Tensor x, int... dims) {
    if (dims.length == 0 && x.numel() == 0) {
      throw new IllegalArgumentException("[" + op + "] Expected reduction dim to be specified for input.numel() == 0, sizes "
          + Shapes.show(x.sizes()) + ". Specify the reduction dim with the 'dim' argument.");
    }
    for (int dim : dims) {
      int at = Shapes.dim(op, dim, x.dim());
      if (x.dim() > 0 && x.size(at) == 0) {
        throw new IndexOutOfBoundsException("[" + op + "] Expected reduction dim " + at + " to have non-zero size, got sizes "
            + Shapes.show(x.sizes()));
      }
    }
  }
}
