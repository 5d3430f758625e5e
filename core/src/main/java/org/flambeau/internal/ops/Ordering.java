package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.UniqueElements;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.ops.Extrema.Along;
import org.flambeau.spi.Strided;

/// Elements in order, and what is found by their order.
public final class Ordering {
  private static final Op<Along> SORT = Op.of("sort", Derivative.of("SortBackward0", Extrema.selected()));
  private static final Op<Along> TOPK = Op.of("topk", Derivative.of("TopkBackward0", Extrema.selected()));
  private static final Op<Along> KTHVALUE = Op.of("kthvalue", Derivative.of("KthvalueBackward0", Extrema.selected()));
  private static final Op<Along> MEDIAN = Op.of("median.dim", Derivative.of("MedianBackward1", Extrema.selected()));
  private static final Op<Unit> MEDIAN_ALL = Op.of("median", Derivative.of("MedianBackward0", term(saves(0) | RESULT, (g, s, _) -> {
    Tensor x = s.input(0);
    Tensor mask = x.eq(s.result()).logicalOr(x.isnan().logicalAnd(s.result().isnan())).to(g.dtype());
    return mask.mul(g.div(mask.sum()));
  })));
  private static final Op<Unit> UNIQUE = Op.of("unique", Derivative.of("Unique2Backward0", term((_, _, _) -> {
    throw new AutogradException("the derivative for 'unique' is not implemented.");
  })));

  private Ordering() {}

  public static Selected sort(Tensor x, int dim, boolean descending) {
    int at = Shapes.dim("sort", dim, x.dim());
    Strided in = Shapes.atLeastVector(x.strided());
    Layout layout = Layout.contiguous(x.strided().sizes());
    return selected(SORT.runMulti(new Along(at, true), x.device(), new DType[] {x.dtype(), DType.INT64}, new Layout[] {layout, layout},
        new Tensor[] {x}, (k, outs) -> k.sort(Shapes.atLeastVector(outs[0]), Shapes.atLeastVector(outs[1]), in, at, descending)));
  }

  public static Tensor argsort(Tensor x, int dim, boolean descending) {
    return Op.scoped("argsort", () -> sort(x.detach(), dim, descending).indices());
  }

  public static Selected topk(Tensor x, long count, int dim, boolean largest) {
    int at = Shapes.dim("topk", dim, x.dim());
    long size = x.dim() == 0 ? 1 : x.size(at);
    if (count < 0 || count > size) {
      throw new IllegalArgumentException(
          "[topk] selected index k out of range: " + count + " of " + size + " elements along dimension " + at);
    }
    Strided in = Shapes.atLeastVector(x.strided());
    long[] sizes = Shapes.resized(in.sizes(), at, count);
    Layout layout = Layout.contiguous(Shapes.resized(x.strided().sizes(), at, count));
    return selected(TOPK.runMulti(new Along(at, true), x.device(), new DType[] {x.dtype(), DType.INT64}, new Layout[] {layout, layout},
        new Tensor[] {x}, (k, outs) -> k.topk(outs[0].with(0, sizes, Strided.contiguousStrides(sizes)),
            outs[1].with(0, sizes, Strided.contiguousStrides(sizes)), in, at, largest)));
  }

  private static Selected selected(Tensor[] found) {
    return new Selected(found[0], found[1]);
  }

  /// The k-th smallest element along a dimension, counted from 1.
  public static Selected kthvalue(Tensor x, long k, int dim, boolean keepdim) {
    int at = Shapes.dim("kthvalue", dim, x.dim());
    long size = x.dim() == 0 ? 1 : x.size(at);
    if (k < 1 || k > size) {
      throw new IllegalArgumentException("[kthvalue] selected number k out of range for dimension " + at + ": " + k + " of " + size);
    }
    return selected(KTHVALUE.composeMulti(new Along(at, keepdim), new Tensor[] {x}, () -> {
      Selected sorted = sort(x, at, false);
      return new Tensor[] {nth(sorted.values(), at, k - 1, keepdim), nth(sorted.indices(), at, k - 1, keepdim)};
    }));
  }

  /// The lower of the two middle elements; NaN where any is.
  public static Selected median(Tensor x, int dim, boolean keepdim) {
    if (x.dtype() == DType.BOOL) {
      throw Promotion.noBool("median");
    }
    int at = Shapes.dim("median", dim, x.dim());
    long size = x.dim() == 0 ? 1 : x.size(at);
    if (size == 0) {
      throw new IndexOutOfBoundsException("[median] Expected reduction dim " + at + " to have non-zero size, got sizes "
          + Shapes.show(x.sizes()));
    }
    return selected(MEDIAN.composeMulti(new Along(at, keepdim), new Tensor[] {x}, () -> {
      Selected sorted = sort(x, at, false);
      Tensor last = nth(sorted.values(), at, size - 1, keepdim);
      Tensor middle = nth(sorted.values(), at, (size - 1) / 2, keepdim);
      Tensor spoiled = last.isnan();
      return new Tensor[] {Tensor.where(spoiled, last, middle), Tensor.where(spoiled, nth(sorted.indices(), at, size - 1, keepdim),
          nth(sorted.indices(), at, (size - 1) / 2, keepdim))};
    }));
  }

  /// The median of all elements; NaN where there are none.
  public static Tensor median(Tensor x) {
    if (x.numel() == 0) {
      return Creation.full(x.device(), x.dtype(), Tensor.number(Double.NaN));
    }
    return MEDIAN_ALL.compose(UNIT, new Tensor[] {x}, () -> median(x.reshape(-1), 0, false).values());
  }

  private static Tensor nth(Tensor sorted, int dim, long n, boolean keepdim) {
    return sorted.dim() == 0 ? sorted : keepdim ? sorted.narrow(dim, n, 1).clone() : sorted.select(dim, n).clone();
  }

  /// The distinct elements in ascending order, for each element of `x` which of them it is, and how often each occurs.
  public static UniqueElements unique(Tensor x) {
    Tensor[] found = UNIQUE.composeMulti(UNIT, new Tensor[] {x}, () -> {
      Selected sorted = sort(x.reshape(-1), 0, false);
      Tensor values = sorted.values();
      long n = values.numel();
      Tensor isNew = Tensor.ones(x.device(), DType.BOOL, n);
      if (n > 1) {
        isNew.narrow(0, 1, n - 1).copy_(values.narrow(0, 1, n - 1).ne(values.narrow(0, 0, n - 1)));
      }
      Tensor inverse = Tensor.empty(x.device(), DType.INT64, n).scatter_(0, sorted.indices(), isNew.cumsum(0).sub(1));
      Tensor starts = isNew.nonzero().squeeze(1);
      Tensor ends = Joining.cat(0, starts, Creation.full(x.device(), DType.INT64, Tensor.number(n), 1));
      return new Tensor[] {values.maskedSelect(isNew), inverse.reshape(x.sizes()),
        ends.narrow(0, 1, starts.numel()).sub(ends.narrow(0, 0, starts.numel()))};
    });
    return new UniqueElements(found[0], found[1], found[2]);
  }
}
