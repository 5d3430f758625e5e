package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Arrays;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.UniqueElements;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.Extrema.Along;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.OrderStatistic;
import org.flambeau.spi.Strided;

/// Elements in order, and what is found by their order.
public final class Ordering {
  private static final Op<Along> SORT = Op.of("sort", Derivative.of("SortBackward0", Extrema.selected()));
  private static final Op<Along> TOPK = Op.of("topk", Derivative.of("TopkBackward0", Extrema.selected()));
  private static final Op<Along> KTHVALUE = Op.of("kthvalue", Derivative.of("KthvalueBackward0", Extrema.selected()));
  private static final Op<Along> MEDIAN = Op.of("median.dim", Derivative.of("MedianBackward1", Extrema.selected()));
  private static final Op<Unit> MEDIAN_ALL = Op.of("median", Derivative.of("MedianBackward0", Extrema.toEqual()));
  private static final Op<Along> NANMEDIAN = Op.of("nanmedian.dim", Derivative.of("NanmedianBackward1", Extrema.selected()));
  private static final Op<Unit> NANMEDIAN_ALL = Op.of("nanmedian", Derivative.of("NanmedianBackward0", Extrema.toEqual()));
  private static final Op<Along> MODE = Op.of("mode", Derivative.of("ModeBackward0", Extrema.selected()));
  private static final Op<Unit> UNIQUE_DIM = Op.of("unique_dim", Derivative.of("UniqueDimBackward0", term((_, _, _) -> {
    throw new AutogradException("the derivative for 'unique_dim' is not implemented.");
  })));
  private static final Op<Unit> UNIQUE = Op.of("unique", Derivative.of("Unique2Backward0", term((_, _, _) -> {
    throw new AutogradException("the derivative for 'unique' is not implemented.");
  })));

  private Ordering() {}

  public static Selected sort(Tensor x, int dim, boolean descending) {
    int at = Shapes.dim("sort", dim, x.dim());
    Strided in = Shapes.atLeastVector(x.strided());
    Layout layout = Layout.like(x.strided());
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

  private static boolean isFused(Tensor x) {
    return Backends.kernels(x.device()).supports(FusedOp.ORDER_STATISTIC, x.strided());
  }

  private static Selected found(Op<Along> op, OrderStatistic statistic, long place, Tensor x, int at, boolean keepdim) {
    return Extrema.find(op, x, at, keepdim, (k, values, indices, in) -> k.orderStatistic(statistic, place, values, indices, in, at));
  }

  /// The k-th smallest element along a dimension, counted from 1.
  public static Selected kthvalue(Tensor x, long k, int dim, boolean keepdim) {
    int at = Shapes.dim("kthvalue", dim, x.dim());
    long size = x.dim() == 0 ? 1 : x.size(at);
    if (k < 1 || k > size) {
      throw new IllegalArgumentException("[kthvalue] selected number k out of range for dimension " + at + ": " + k + " of " + size);
    }
    if (isFused(x)) {
      return found(KTHVALUE, OrderStatistic.KTH, k - 1, x, at, keepdim);
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
    Extrema.requireElements("median", x, at);
    if (isFused(x)) {
      return found(MEDIAN, OrderStatistic.MEDIAN, 0, x, at, keepdim);
    }
    long size = x.dim() == 0 ? 1 : x.size(at);
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

  /// The lower of the two middle elements of those that are not NaN; NaN where all are.
  public static Selected nanmedian(Tensor x, int dim, boolean keepdim) {
    if (x.dtype() == DType.BOOL) {
      throw Promotion.noBool("nanmedian");
    }
    int at = Shapes.dim("nanmedian", dim, x.dim());
    Extrema.requireElements("nanmedian", x, at);
    if (isFused(x)) {
      return found(NANMEDIAN, OrderStatistic.NANMEDIAN, 0, x, at, keepdim);
    }
    return selected(NANMEDIAN.composeMulti(new Along(at, keepdim), new Tensor[] {x}, () -> {
      Tensor numbers = x.isnan().logicalNot().sum(new int[] {at}, true);
      return at(sort(x, at, false), numbers.sub(1).clampMin(0).floorDivide(2), at, keepdim);
    }));
  }

  /// The median of all elements that are not NaN; NaN where there are none.
  public static Tensor nanmedian(Tensor x) {
    if (x.numel() == 0) {
      return Creation.full(x.device(), x.dtype(), Tensor.number(Double.NaN));
    }
    return NANMEDIAN_ALL.compose(UNIT, new Tensor[] {x}, () -> nanmedian(x.reshape(-1), 0, false).values());
  }

  /// The element that occurs most often along a dimension, the least of several, and where it stands last.
  public static Selected mode(Tensor x, int dim, boolean keepdim) {
    int at = Shapes.dim("mode", dim, x.dim());
    Extrema.requireElements("mode", x, at);
    if (isFused(x)) {
      return found(MODE, OrderStatistic.MODE, 0, x, at, keepdim);
    }
    return selected(MODE.composeMulti(new Along(at, keepdim), new Tensor[] {x}, () -> {
      if (x.dim() == 0) {
        return new Tensor[] {x.clone(), Tensor.zeros(x.device(), DType.INT64)};
      }
      Selected sorted = sort(x, at, false);
      long n = x.size(at);
      long[] column = new long[x.dim()];
      Arrays.fill(column, 1);
      column[at] = n;
      Tensor place = Creation.positions(x.device(), n).reshape(column);
      Tensor start = place.mul(starts(sorted.values(), at)).cummax(at).values();
      return at(sorted, place.sub(start).argmax(at, true), at, keepdim); // the first of the longest runs is at its full length last
    }));
  }

  /// Where along `dim` an element differs from the one before it.
  private static Tensor starts(Tensor sorted, int dim) {
    Tensor starts = Tensor.ones(sorted.device(), DType.BOOL, sorted.sizes());
    long n = sorted.size(dim);
    if (n > 1) {
      starts.narrow(dim, 1, n - 1).copy_(sorted.narrow(dim, 1, n - 1).ne(sorted.narrow(dim, 0, n - 1)));
    }
    return starts;
  }

  /// The elements at `places`, of size 1 along `dim`.
  private static Tensor[] at(Selected sorted, Tensor places, int dim, boolean keepdim) {
    Tensor values = sorted.values().gather(dim, places);
    Tensor indices = sorted.indices().gather(dim, places);
    return keepdim || places.dim() == 0 ? new Tensor[] {values, indices} : new Tensor[] {values.squeeze(dim), indices.squeeze(dim)};
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
      Tensor isNew = starts(values, 0);
      Tensor inverse = ranks(sorted, isNew);
      Tensor starts = isNew.nonzero().squeeze(1);
      Tensor ends = Joining.cat(0, starts, Creation.full(x.device(), DType.INT64, Tensor.number(n), 1));
      return new Tensor[] {values.maskedSelect(isNew), inverse.reshape(x.sizes()),
        ends.narrow(0, 1, starts.numel()).sub(ends.narrow(0, 0, starts.numel()))};
    });
    return new UniqueElements(found[0], found[1], found[2]);
  }

  /// For each element of a column which of the column's distinct elements it is.
  private static Tensor ranks(Selected sorted, Tensor starts) {
    return Tensor.empty(starts.device(), DType.INT64, starts.sizes()).scatter_(0, sorted.indices(), starts.cumsum(0).sub(1));
  }

  /// The distinct slices along a dimension in lexicographic order, which of them each slice is, and how often each occurs.
  public static UniqueElements unique(Tensor x, int dim) {
    if (x.dim() == 0) {
      throw new IndexOutOfBoundsException("[unique_dim] Dimension specified as " + dim + " but tensor has no dimensions");
    }
    int at = Shapes.dim("unique_dim", dim, x.dim());
    long empty = Arrays.stream(x.sizes()).filter(size -> size == 0).count();
    if (empty > (x.size(at) == 0 ? 1 : 0)) {
      throw new IllegalArgumentException(
          "[unique_dim] There are 0 sized dimensions, and they aren't selected, so unique cannot be applied, "
              + "got sizes " + Shapes.show(x.sizes()) + " and dimension " + at);
    }
    Tensor[] found = UNIQUE_DIM.composeMulti(UNIT, new Tensor[] {x}, () -> {
      long n = x.size(at);
      Tensor inverse = n == 0 ? Tensor.zeros(x.device(), DType.INT64, 0) : rowRanks(x.movedim(at, 0).reshape(n, -1));
      long groups = n == 0 ? 0 : inverse.max().toLong() + 1;
      Tensor first = Tensor.empty(x.device(), DType.INT64, groups).scatter_(0, inverse, Creation.positions(x.device(), n));
      Tensor ones = Tensor.ones(x.device(), DType.INT64, n);
      return new Tensor[] {x.indexSelect(at, first), inverse, Tensor.zeros(x.device(), DType.INT64, groups).scatterAdd_(0, inverse, ones)};
    });
    return new UniqueElements(found[0], found[1], found[2]);
  }

  /// For each row of a matrix which of the distinct rows it is: elements become ranks within their columns, and neighbouring
  /// columns are joined in pairs until one is left.
  private static Tensor rowRanks(Tensor rows) {
    long n = rows.size(0);
    Selected sorted = sort(rows, 0, false);
    Tensor ranks = ranks(sorted, starts(sorted.values(), 0));
    while (ranks.size(1) > 1) {
      long columns = ranks.size(1);
      Tensor pairs = ranks.slice(1, 0, columns - columns % 2, 2).mul(n).add(ranks.slice(1, 1, columns, 2));
      sorted = sort(columns % 2 == 0 ? pairs : Joining.cat(1, pairs, ranks.narrow(1, columns - 1, 1)), 0, false);
      ranks = ranks(sorted, starts(sorted.values(), 0));
    }
    return ranks.squeeze(1);
  }
}
