package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;

/// Whole slices along a dimension picked and placed by a vector of positions, and elements by their number.
public final class Indexing {
  private record Along(int dim, double alpha) {}

  private record Rows(long padding) {}

  private static final Op<Along> INDEX_SELECT = Op.of("index_select", Derivative.of("IndexSelectBackward0",
      term(saves(1), (g, s, a) -> Tensor.zeros(g.device(), g.dtype(), s.sizes(0)).indexAdd_(a.dim, s.input(1), g))));
  private static final Op<Along> INDEX_ADD = Op.of("index_add", Derivative.of("IndexAddBackward0",
      term((g, _, _) -> g), none(), fixing(saves(2), term(saves(1), (g, s, a) -> {
        Tensor picked = g.indexSelect(a.dim, s.input(1)).reshape(s.sizes(2));
        return a.alpha == 1 ? picked : picked.mul(a.alpha);
      }))));
  private static final Op<Along> INDEX_COPY = Op.of("index_copy", Derivative.of("IndexCopyBackward0",
      overwritten(), none(), fixing(saves(2), term(saves(1), (g, s, a) -> g.indexSelect(a.dim, s.input(1)).reshape(s.sizes(2))))));
  private static final Op<Along> INDEX_FILL = Op.of("index_fill", Derivative.of("IndexFillBackward0", overwritten()));
  private static final Op<Along> INDEX_FILL_TENSOR = Op.of("index_fill.tensor", Derivative.of("IndexFillBackward1",
      overwritten(), none(), term(saves(1), (g, s, a) -> g.indexSelect(a.dim, wrapped(s.input(1), g.size(a.dim))).sum())));
  private static final Op<Integer> TAKE = Op.of("take", Derivative.of("TakeBackward0",
      fixing(saves(0), term(saves(1), (g, s, _) -> Tensor.zeros(g.device(), g.dtype(), Shapes.numel(s.sizes(0)))
          .indexAdd_(0, wrapped(s.input(1).reshape(-1), Shapes.numel(s.sizes(0))), g.reshape(-1)).reshape(s.sizes(0))))));
  private static final Op<Rows> EMBEDDING = Op.of("embedding", Derivative.of("EmbeddingBackward0",
      term(saves(1), (g, s, a) -> embeddingBack(g, s.input(1), s.sizes(0), a.padding))));

  private static final long NO_PADDING = -1;

  private Indexing() {}

  private static Term<Along> overwritten() {
    return term(saves(1), (g, s, a) -> g.indexFill(a.dim, s.input(1), 0));
  }

  private static Term<Along> none() {
    return term((_, _, _) -> null);
  }

  // ---- indices ----

  /// `index` as int64, which it or int32 must be.
  static Tensor positions(String op, Tensor index) {
    if (Op.given(op, "index", index).dtype() != DType.INT64 && index.dtype() != DType.INT32) {
      throw new IllegalArgumentException("[" + op + "] Expected dtype int32/int64 for index, got " + index.dtype().label());
    }
    return index.to(DType.INT64);
  }

  /// `index`, which must be int64.
  private static Tensor longs(String op, Tensor index) {
    if (Op.given(op, "index", index).dtype() != DType.INT64) {
      throw new IllegalArgumentException("[" + op + "] Expected a long tensor for index, but got " + index.dtype().label()
          + ": cast it with to(INT64)");
    }
    return index;
  }

  /// Checks that `index` is of rank 1 or 0, and shows it as a vector.
  private static Strided vector(String op, Tensor index) {
    if (index.dim() > 1) {
      throw new IndexOutOfBoundsException("[" + op + "] Index is supposed to be a vector, got sizes " + Shapes.show(index.sizes()));
    }
    return Shapes.atLeastVector(index.strided());
  }

  /// Positions counted from the front.
  private static Tensor wrapped(Tensor index, long size) {
    return Tensor.where(index.lt(0), index.add(size), index);
  }

  // ---- select, add, copy, fill ----

  public static Tensor indexSelect(Tensor x, int dim, Tensor index) {
    int at = Shapes.dim("index_select", dim, x.dim());
    Tensor positions = positions("index_select", index);
    Strided picked = vector("index_select", positions);
    Strided in = Shapes.atLeastVector(x.strided());
    long[] sizes = Shapes.resized(in.sizes(), at, index.numel());
    if (x.dim() == 0 && index.numel() != 1) {
      throw new IllegalArgumentException("[index_select] Index to scalar can have only 1 value, got " + index.numel() + " value(s)");
    }
    return INDEX_SELECT.run(new Along(at, 1), in.dtype(), Layout.contiguous(x.dim() == 0 ? x.sizes() : sizes), x.device(), x, positions,
        (k, out) -> k.indexSelect(Shapes.atLeastVector(out), in, at, picked));
  }

  /// `x` with alpha·source added to the parts of `dim` that `index` names, as often as it names them.
  public static Tensor indexAdd(Tensor x, int dim, Tensor index, Tensor source, double alpha, boolean inPlace) {
    int at = Shapes.dim("index_add", dim, x.dim());
    Tensor positions = positions("index_add", index);
    Strided places = vector("index_add", positions);
    checkSource("index_add", x, at, index, source);
    Tensor values = inPlace ? Copies.apart("index_add", x, source) : source;
    return INDEX_ADD.change(new Along(at, alpha), inPlace, new Tensor[] {x, positions, values},
        (k, out) -> k.indexAdd(Shapes.atLeastVector(out), at, places, Shapes.atLeastVector(values.strided()), alpha));
  }

  /// `x` with the parts of `dim` that `index` names replaced by those of `source`.
  public static Tensor indexCopy(Tensor x, int dim, Tensor index, Tensor source, boolean inPlace) {
    AutocastPolicy policy = inPlace ? null : AutocastPolicy.of("index_copy", x);
    if (policy != null) {
      return policy.run(c -> indexCopy(c[0], dim, index, c[1], false), x, source);
    }
    int at = Shapes.dim("index_copy", dim, x.dim());
    Strided places = vector("index_copy", longs("index_copy", index));
    checkSource("index_copy", x, at, index, source);
    Tensor values = inPlace ? Copies.apart("index_copy", x, source) : source;
    Strided from = Shapes.atLeastVector(values.strided());
    long[] strides = new long[from.rank()];
    strides[at] = places.stride(0);
    Strided everywhere = places.with(places.offset(), from.sizes(), strides);
    return INDEX_COPY.change(new Along(at, 1), inPlace, new Tensor[] {x, index, values},
        (k, out) -> k.scatter(ScatterOp.ASSIGN, Shapes.atLeastVector(out), at, everywhere, from));
  }

  private static void checkSource(String op, Tensor x, int dim, Tensor index, Tensor source) {
    if (Op.given(op, "source", source).dtype() != x.dtype()) {
      throw new IllegalArgumentException("[" + op + "] self and source expected to have the same dtype, but got (self) " + x.dtype().label()
          + " and (source) " + source.dtype().label() + ": cast one with to(dtype)");
    }
    Binary.device(op, x, source);
    long length = source.dim() == 0 ? 1 : dim < source.dim() ? source.size(dim) : -1;
    if (length != index.numel()) {
      throw new IndexOutOfBoundsException("[" + op + "] Number of indices (" + index.numel() + ") should be equal to source.size(dim): ("
          + length + "), for dim: " + dim);
    }
    long[] expected = Shapes.resized(x.strided().sizes(), dim, index.numel());
    if (!Arrays.equals(expected, source.strided().sizes()) && source.dim() + x.dim() > 1) {
      throw new IllegalArgumentException(
          "[" + op + "] source tensor shape must match self tensor shape, excluding the specified dimension. "
              + "Got self.shape = " + Shapes.show(x.sizes()) + " source.shape = " + Shapes.show(source.sizes()));
    }
  }

  public static Tensor indexFill(Tensor x, int dim, Tensor index, double value, boolean inPlace) {
    Promotion.checkHolds("index_fill", x.dtype(), value);
    return fill(INDEX_FILL, x, dim, index, Creation.full(x.device(), x.dtype(), Tensor.number(value)), inPlace, x, index);
  }

  /// With a value of rank 0.
  public static Tensor indexFill(Tensor x, int dim, Tensor index, Tensor value, boolean inPlace) {
    if (Op.given("index_fill", "value", value).dim() != 0) {
      throw new IllegalArgumentException("[index_fill] only supports a 0-dimensional value tensor, but got tensor with " + value.dim()
          + " dimension(s).");
    }
    Tensor filling = value.to(x.device()).to(x.dtype());
    return fill(INDEX_FILL_TENSOR, x, dim, index, filling, inPlace, x, index, filling);
  }

  private static Tensor fill(Op<Along> op, Tensor x, int dim, Tensor index, Tensor value, boolean inPlace, Tensor... operands) {
    int at = Shapes.dim(op.title(), dim, x.dim());
    Strided[] places = {vector(op.title(), longs(op.title(), index))};
    int[] order = Shapes.front(Math.max(x.dim(), 1), at);
    return op.change(new Along(at, 1), inPlace ? null : Layout.like(x.strided()), operands, (k, out) -> {
      Strided into = Shapes.permute(Shapes.atLeastVector(out), order);
      k.indexPut(into, places, Shapes.expand(value.strided(), Shapes.resized(into.sizes(), 0, index.numel())), false);
    });
  }

  // ---- elements by number, rows by number ----

  /// The elements that stand at `index` in row-major order; negative numbers count from the end.
  public static Tensor take(Tensor x, Tensor index) {
    longs("take", index);
    if (x.numel() == 0 && index.numel() > 0) {
      throw new IndexOutOfBoundsException("[take] tried to take from an empty tensor");
    }
    Strided[] places = {index.strided()};
    Tensor dense = x.contiguous();
    Strided flat = dense.strided().with(dense.strided().offset(), new long[] {x.numel()}, new long[] {1});
    return TAKE.run(0, x.dtype(), Layout.contiguous(index.sizes()), x.device(), dense, index, (k, out) -> k.index(out, flat, places));
  }

  /// The rows of `weight` that `indices` name.
  public static Tensor embedding(Tensor weight, Tensor indices) {
    requireTable(weight);
    return rows(weight, indices, NO_PADDING);
  }

  /// The rows of `weight` that `indices` name, of which `padding`, counted from the end where negative, gets no gradient.
  public static Tensor embedding(Tensor weight, Tensor indices, long padding) {
    requireTable(weight);
    long n = weight.size(0);
    if (padding < -n || padding >= n) {
      throw new IllegalArgumentException("[embedding] Padding_idx must be within num_embeddings, got " + padding + " of " + n);
    }
    return rows(weight, indices, Math.floorMod(padding, n));
  }

  private static void requireTable(Tensor weight) {
    if (Op.given("embedding", "weight", weight).dim() != 2) {
      throw new IllegalArgumentException("[embedding] 'weight' must be 2-D, got sizes " + Shapes.show(weight.sizes()));
    }
  }

  private static Tensor rows(Tensor weight, Tensor indices, long padding) {
    Tensor positions = positions("embedding", indices).contiguous();
    long[] sizes = Arrays.copyOf(indices.sizes(), indices.dim() + 1);
    sizes[indices.dim()] = weight.size(1);
    long[] rows = {indices.numel(), weight.size(1)};
    Strided flat = positions.strided().with(positions.strided().offset(), new long[] {indices.numel()}, new long[] {1});
    return EMBEDDING.run(new Rows(padding), weight.dtype(), Layout.contiguous(sizes), weight.device(), weight, positions,
        (k, out) -> k.indexSelect(out.with(0, rows, Strided.contiguousStrides(rows)), weight.strided(), 0, flat));
  }

  private static Tensor embeddingBack(Tensor grad, Tensor indices, long[] sizes, long padding) {
    Tensor rows = indices.reshape(-1);
    Tensor g = grad.reshape(rows.numel(), sizes[1]);
    Tensor counted = padding == NO_PADDING ? g : g.maskedFill(rows.eq(padding).unsqueeze(1), 0);
    return Tensor.zeros(g.device(), g.dtype(), sizes).indexAdd_(0, rows, counted);
  }
}
