package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.term;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Index;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Saved;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Indexing by a list of positions, slices and tensors, with PyTorch's rules: what is not a tensor makes a view; tensors of
/// positions are broadcast together, and their common dimensions stand where the first of them stood, or first where
/// something stands between them.
public final class AdvancedIndexing {
  /// @param dims the indexed dimensions, ascending
  /// @param place where in the result the dimensions of the positions stand
  private record Plan(int[] dims, int place) {}

  private record Put(Plan plan, boolean accumulate) {}

  /// A view, and for each of its dimensions the positions by which it is indexed, if any.
  private record Selection(Tensor view, @Nullable Tensor[] positions) {
    boolean isView() {
      return Arrays.stream(positions).allMatch(p -> p == null);
    }
  }

  private static final Op<Plan> INDEX = Op.of("index", Derivative.of("IndexBackward0", term(from(1),
      (g, s, plan) -> put(new Put(plan, true), Tensor.zeros(g.device(), g.dtype(), s.sizes(0)), g, positions(s, 1, plan), true))));
  private static final Op<Put> INDEX_PUT = Op.of("index_put", Derivative.of("IndexPutBackward0",
      term(from(2), (g, s, a) -> a.accumulate ? g
          : put(a, g, Tensor.zeros(g.device(), g.dtype()), positions(s, 2, a.plan), false)),
      term(from(2), (g, s, a) -> pick(a.plan, g, positions(s, 2, a.plan)))));

  private AdvancedIndexing() {}

  /// In a mask of saved tensors: all operands from `first` on.
  private static int from(int first) {
    return RESULT - (1 << first);
  }

  private static Tensor[] positions(Saved saved, int first, Plan plan) {
    Tensor[] positions = new Tensor[plan.dims.length];
    Arrays.setAll(positions, i -> saved.input(first + i));
    return positions;
  }

  public static Tensor index(Tensor x, Index... indices) {
    return Op.scoped("index", () -> pick(x, indices));
  }

  private static Tensor pick(Tensor x, Index... indices) {
    if (indices.length == 1 && indices[0] instanceof Index.Of(Tensor mask) && mask.dtype() == DType.BOOL && mask.dim() > 0
        && mask.dim() == x.dim()) {
      return Masking.index(x, mask("index", x, 0, mask));
    }
    Selection selection = select("index", x, indices);
    if (selection.isView()) {
      return selection.view == x ? Views.alias(x) : selection.view;
    }
    Plan plan = plan(selection.positions);
    return pick(plan, selection.view, broadcast(selection.positions));
  }

  public static Tensor indexPut(Tensor x, Tensor values, boolean accumulate, Index... indices) {
    return Op.scoped("index_put", () -> put(x, values, accumulate, indices));
  }

  /// [#indexPut] in a copy of x.
  public static Tensor indexPutCopy(Tensor x, Tensor values, boolean accumulate, Index... indices) {
    AutocastPolicy policy = AutocastPolicy.of("index_put", x);
    if (policy != null) {
      return policy.run(c -> indexPutCopy(c[0], c[1], accumulate, indices), x, values);
    }
    return indexPut(x.clone(), values, accumulate, indices);
  }

  private static Tensor put(Tensor x, Tensor values, boolean accumulate, Index... indices) {
    Tensor _ = Op.given("index_put", "value", values);
    if (!accumulate && values.dim() == 0 && indices.length == 1 && indices[0] instanceof Index.Of(Tensor mask)
        && mask.dtype() == DType.BOOL && mask.dim() > 0 && mask.dim() <= x.dim()) {
      return fill(x, mask, values); // without waiting for how many places there are
    }
    Selection selection = select("index_put", x, indices);
    Tensor source = withoutLeadingOnes(ofDtype(x, values), selection);
    if (selection.isView()) {
      if (accumulate) {
        selection.view.add_(source);
      } else {
        selection.view.copy_(source);
      }
      return x;
    }
    requireSameDtype(x, source);
    Plan plan = plan(selection.positions);
    put(new Put(plan, accumulate), selection.view, source, broadcast(selection.positions), true);
    return x;
  }

  private static Tensor fill(Tensor x, Tensor mask, Tensor value) {
    Tensor filling = ofDtype(x, value);
    requireSameDtype(x, filling);
    long[] sizes = Arrays.copyOf(mask.sizes(), x.dim());
    Arrays.fill(sizes, mask.dim(), sizes.length, 1);
    return x.maskedFill_(mask("index_put", x, 0, mask).reshape(sizes), filling);
  }

  private static Tensor ofDtype(Tensor x, Tensor values) {
    return values.isWrappedNumber() ? values.to(x.dtype()) : values;
  }

  private static void requireSameDtype(Tensor x, Tensor source) {
    if (source.dtype() != x.dtype()) {
      throw new IllegalArgumentException("[index_put] Index put requires the source and destination dtypes match, got " + x.dtype().label()
          + " for the destination and " + source.dtype().label() + " for the source.");
    }
  }

  /// PyTorch's assignment forgives dimensions of size 1 before those that it needs.
  private static Tensor withoutLeadingOnes(Tensor values, Selection selection) {
    int needed = selection.view.dim();
    if (!selection.isView()) {
      needed = sizes(plan(selection.positions), selection.view, broadcast(selection.positions)).length;
    }
    Tensor source = values;
    while (source.dim() > needed && source.size(0) == 1) {
      source = source.squeeze(0);
    }
    return source;
  }

  // ---- from indices to positions ----

  private static Selection select(String op, Tensor x, Index... indices) {
    int named = 0;
    boolean ellipsis = false;
    for (Index index : indices) {
      named += switch (index) {
        case Index.At _,Index.Slice _ -> 1;
        case Index.Of of -> of.tensor().dtype() == DType.BOOL ? of.tensor().dim() : 1;
        case Index.Ellipsis _,Index.NewAxis _ -> 0;
      };
    }
    if (named > x.dim()) {
      throw new IndexOutOfBoundsException("[" + op + "] too many indices for tensor of dimension " + x.dim() + ": " + named);
    }
    Tensor view = x;
    int at = 0;
    List<@Nullable Tensor> positions = new ArrayList<>();
    for (Index index : indices) {
      switch (index) {
        case Index.At(long position) -> view = view.select(at, position);
        case Index.Slice slice -> {
          view = isAll(slice) ? view : view.slice(at, slice.start(), slice.end(), slice.step());
          at++;
        }
        case Index.Ellipsis _ -> {
          at += ellipsis ? 0 : x.dim() - named;
          ellipsis = true;
        }
        case Index.NewAxis _ -> view = view.unsqueeze(at++);
        case Index.Of(Tensor tensor) when tensor.dim() == 0 && tensor.dtype() != DType.BOOL ->
          view = view.select(at, Indexing.positions(op, tensor).toLong());
        case Index.Of(Tensor tensor) -> {
          view = tensor.dim() == 0 ? view.unsqueeze(at) : view;
          pad(positions, at);
          positions.addAll(tensor.dtype() == DType.BOOL
              ? Masking.nonzeroTuple(mask(op, view, at, tensor))
              : List.of(integral(op, tensor, x.device())));
          at = positions.size();
        }
      }
    }
    pad(positions, view.dim());
    return new Selection(view, positions.toArray(Tensor[]::new));
  }

  private static boolean isAll(Index.Slice slice) {
    return slice.start() == 0 && slice.end() == Long.MAX_VALUE && slice.step() == 1;
  }

  private static void pad(List<@Nullable Tensor> positions, int count) {
    while (positions.size() < count) {
      positions.add(null);
    }
  }

  private static Tensor integral(String op, Tensor tensor, Device device) {
    if (tensor.dtype() != DType.INT64 && tensor.dtype() != DType.INT32) {
      throw new IndexOutOfBoundsException("[" + op + "] tensors used as indices must be long, int or bool tensors, got "
          + tensor.dtype().label());
    }
    return (tensor.device().equals(Device.CPU) ? tensor.to(device) : tensor).to(DType.INT64);
  }

  /// A mask of dimensions of `view` from `at` on, where that is.
  private static Tensor mask(String op, Tensor view, int at, Tensor mask) {
    for (int d = 0; d < mask.dim(); d++) {
      if (mask.size(d) != view.size(at + d)) {
        throw new IndexOutOfBoundsException("[" + op + "] The shape of the mask " + Shapes.show(mask.sizes()) + " at index " + d
            + " does not match the shape of the indexed tensor " + Shapes.show(view.sizes()) + " at index " + (at + d));
      }
    }
    return mask.device().equals(Device.CPU) ? mask.to(view.device()) : mask;
  }

  // ---- from positions to kernels ----

  private static Plan plan(@Nullable Tensor[] positions) {
    int[] dims = new int[positions.length];
    int count = 0;
    for (int d = 0; d < positions.length; d++) {
      if (positions[d] != null) {
        dims[count++] = d;
      }
    }
    boolean adjacent = dims[count - 1] - dims[0] == count - 1;
    return new Plan(Arrays.copyOf(dims, count), adjacent ? dims[0] : 0);
  }

  /// The positions that there are, all of the same sizes.
  private static Tensor[] broadcast(@Nullable Tensor[] positions) {
    List<Tensor> given = new ArrayList<>();
    long[] sizes = {};
    for (Tensor each : positions) {
      if (each != null) {
        given.add(each);
        try {
          sizes = Shapes.broadcast("index", sizes, each.strided().sizes());
        } catch (IllegalArgumentException e) {
          throw new IndexOutOfBoundsException("[index] shape mismatch: indexing tensors could not be broadcast together with shapes "
              + Shapes.show(sizes) + ", " + Shapes.show(each.sizes()));
        }
      }
    }
    long[] common = sizes;
    return given.stream().map(each -> Arrays.equals(each.strided().sizes(), common) ? each : each.expand(common)).toArray(Tensor[]::new);
  }

  private static Strided[] strided(Tensor[] positions) {
    return Arrays.stream(positions).map(Tensor::strided).toArray(Strided[]::new);
  }

  /// The sizes of the result: those of the dimensions that are not indexed, with those of the positions among them.
  private static long[] sizes(Plan plan, Tensor x, Tensor[] positions) {
    long[] others = Reductions.without(x.strided().sizes(), plan.dims);
    long[] picked = positions[0].strided().sizes();
    long[] sizes = new long[others.length + picked.length];
    System.arraycopy(others, 0, sizes, 0, plan.place);
    System.arraycopy(picked, 0, sizes, plan.place, picked.length);
    System.arraycopy(others, plan.place, sizes, plan.place + picked.length, others.length - plan.place);
    return sizes;
  }

  /// A result as kernels see it: the dimensions of the positions first.
  private static Strided positionsFirst(Strided result, Plan plan, int rank) {
    int[] first = new int[rank];
    Arrays.setAll(first, i -> plan.place + i);
    return Shapes.permute(result, Shapes.front(result.rank(), first));
  }

  private static Tensor pick(Plan plan, Tensor x, Tensor[] positions) {
    Strided[] places = strided(positions);
    Strided from = Shapes.permute(x.strided(), Shapes.front(x.dim(), plan.dims));
    return INDEX.run(plan, x.dtype(), layout(plan, x.strided(), sizes(plan, x, positions), places), x.device(), operands(positions, x),
        (k, out) -> k.index(positionsFirst(out, plan, places[0].rank()), from, places));
  }

  /// The layout of the picked elements: dimensions in the order that those of `x` which are not indexed have, and then the positions'.
  private static Layout layout(Plan plan, Strided x, long[] sizes, Strided[] places) {
    if (x.isContiguous() && places[0].isContiguous()) {
      return Layout.contiguous(sizes);
    }
    int picked = places[0].rank();
    Strided[] operands = new Strided[1 + places.length];
    long[] strides = new long[sizes.length];
    int at = 0;
    for (int d = 0; d < x.rank(); d++) {
      if (Arrays.binarySearch(plan.dims, d) < 0) {
        strides[at < plan.place ? at : at + picked] = x.stride(d);
        at++;
      }
    }
    operands[0] = Strided.of(x.storage(), x.dtype(), x.offset(), sizes, strides);
    for (int i = 0; i < places.length; i++) {
      long[] alone = new long[sizes.length];
      System.arraycopy(places[i].strides(), 0, alone, plan.place, picked);
      operands[1 + i] = Strided.of(places[i].storage(), places[i].dtype(), places[i].offset(), sizes, alone);
    }
    return Layout.ordered(sizes, operands);
  }

  private static Tensor put(Put put, Tensor x, Tensor values, Tensor[] positions, boolean inPlace) {
    long[] sizes = sizes(put.plan, x, positions);
    if (!Reductions.isExpandable(values.strided().sizes(), sizes)) {
      throw new IllegalArgumentException("[index_put] shape mismatch: value tensor of shape " + Shapes.show(values.sizes())
          + " cannot be broadcast to indexing result of shape " + Shapes.show(sizes));
    }
    Tensor source = inPlace ? Copies.apart("index_put", x, values) : values;
    Strided[] places = strided(positions);
    Strided from = positionsFirst(Shapes.expand(source.strided(), sizes), put.plan, places[0].rank());
    int[] order = Shapes.front(x.dim(), put.plan.dims);
    return INDEX_PUT.change(put, inPlace ? null : Layout.like(x.strided()), operands(positions, x, source),
        (k, out) -> k.indexPut(Shapes.permute(out, order), places, from, put.accumulate));
  }

  private static Tensor[] operands(Tensor[] positions, Tensor... first) {
    Tensor[] operands = Arrays.copyOf(first, first.length + positions.length);
    System.arraycopy(positions, 0, operands, first.length, positions.length);
    return operands;
  }
}
