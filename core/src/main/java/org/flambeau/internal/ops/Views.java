package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.ThreadState;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The operations that look at the same memory with other sizes and strides. None reaches a backend.
public final class Views {
  private record Swap(int a, int b) {}

  private record Range(int dim, long start, long end, long step) {}

  private record Pick(int dim, long index) {}

  private record Window(int dim, long size, long step) {}

  private record Parts(int dim, List<Long> lengths) {}

  private static final Op<long[]> VIEW = view("view", "ViewBackward0", term((g, s, _) -> g.reshape(s.sizes(0))));
  private static final Op<long[]> RESHAPE_ALIAS = view("reshape", "ReshapeAliasBackward0", term((g, s, _) -> g.reshape(s.sizes(0))));
  private static final Op<long[]> UNSAFE_VIEW = view("unsafe_view", "UnsafeViewBackward0", term((g, s, _) -> g.reshape(s.sizes(0))));
  private static final Op<Swap> TRANSPOSE = view("transpose", "TransposeBackward0", term((g, _, a) -> g.transpose(a.a, a.b)));
  private static final Op<Unit> T = view("t", "TBackward0", term((g, _, _) -> g.t()));
  private static final Op<int[]> PERMUTE = view("permute", "PermuteBackward0", term((g, _, order) -> g.permute(inverse(order))));
  private static final Op<Range> SLICE = view("slice", "SliceBackward0", term((g, s, a) -> scatterBack(g, s.sizes(0),
      x -> x.slice(a.dim, a.start, a.end, a.step))));
  private static final Op<Pick> SELECT = view("select", "SelectBackward0", term((g, s, a) -> scatterBack(g, s.sizes(0),
      x -> x.select(a.dim, a.index))));
  private static final Op<long[]> EXPAND = view("expand", "ExpandBackward0", term((g, s, _) -> Reductions.sumToSize(g, s.sizes(0))));
  private static final Op<int[]> SQUEEZE = squeezing("squeeze", "SqueezeBackward0");
  private static final Op<int[]> SQUEEZE_DIM = squeezing("squeeze.dim", "SqueezeBackward1");
  private static final Op<int[]> SQUEEZE_DIMS = squeezing("squeeze.dims", "SqueezeBackward2");
  private static final Op<int[]> SQUEEZE_RESULT = squeezing("squeeze.result", "SqueezeBackward4");
  private static final Op<Integer> UNSQUEEZE = view("unsqueeze", "UnsqueezeBackward0", term((g, _, dim) -> g.squeeze(dim)));
  private static final Op<Integer> ALIAS = view("alias", "AliasBackward0", term((g, _, _) -> g));
  private static final Op<Window> UNFOLD = view("unfold", "UnfoldBackward0", term((g, s, a) -> foldBack(g, s.sizes(0), a)));
  private static final Op<int[]> DIAGONAL_OF = view("diagonal", "DiagonalBackward0", term((g, s, a) -> scatterBack(g, s.sizes(0),
      x -> x.diagonal(a[0], a[1], a[2]))));
  private static final Op<Parts> SPLIT = Op.of("split",
      Derivative.joint("SplitBackward0", 0, (gs, s, a) -> new Tensor[] {joinBack(gs, s.sizes(0), a)}));
  private static final Op<Parts> SPLIT_SIZES = Op.of("split.sizes",
      Derivative.joint("SplitWithSizesBackward0", 0, (gs, s, a) -> new Tensor[] {joinBack(gs, s.sizes(0), a)}));
  private static final Op<Unbinding> UNBIND = Op.of("unbind",
      Derivative.joint("UnbindBackward0", 0, (gs, s, a) -> new Tensor[] {stackBack(gs, s.sizes(0), a)}));

  /// @param order the operand's dimensions, from the one with the largest stride on; null where that is their own order
  private record Unbinding(int dim, int @Nullable [] order) {}

  private Views() {}

  private static <A> Op<A> view(String name, String node, Derivative.Term<A> term) {
    return Op.of(name, Derivative.of(node, term));
  }

  private static Op<int[]> squeezing(String name, String node) {
    return view(name, node, term((g, s, _) -> g.reshape(s.sizes(0))));
  }

  // ---- sizes ----

  /// The same elements in row-major order with other sizes, one of which may be -1: what is left over. A view where the
  /// strides allow it, else a copy.
  public static Tensor reshape(Tensor x, long... sizes) {
    long[] inferred = infer("reshape", x, sizes);
    long[] strides = viewStrides(x.strided(), inferred);
    if (strides == null) {
      Tensor copy = x.contiguous();
      return UNSAFE_VIEW.reinterpret(inferred, copy, copy.strided().with(0, inferred, Strided.contiguousStrides(inferred)));
    }
    Op<long[]> op = x.isContiguous() ? VIEW : RESHAPE_ALIAS;
    return op.view(inferred, x, x.strided().with(x.strided().offset(), inferred, strides));
  }

  /// `result`, contiguous and seen by nobody else, with other sizes.
  static Tensor resized(Tensor result, long... sizes) {
    Strided flat = result.strided();
    return UNSAFE_VIEW.reinterpret(sizes, result, flat.with(flat.offset(), sizes, Strided.contiguousStrides(sizes)));
  }

  /// `result`, a matrix of one row that nobody else sees, as a vector.
  static Tensor row(Tensor result) {
    Strided matrix = result.strided();
    return SQUEEZE_RESULT.reinterpret(new int[] {0}, result,
        matrix.with(matrix.offset(), new long[] {matrix.size(1)}, new long[] {matrix.stride(1)}));
  }

  /// Like [#reshape], but never copies.
  public static Tensor view(Tensor x, long... sizes) {
    long[] inferred = infer("view", x, sizes);
    long[] strides = viewStrides(x.strided(), inferred);
    if (strides == null) {
      throw new IllegalArgumentException(
          "[view] view size is not compatible with input tensor's size and stride (at least one dimension spans "
              + "across two contiguous subspaces): sizes " + Shapes.show(x.sizes()) + " with strides " + Shapes.show(x.strides()) + " as "
              + Shapes.show(inferred) + ". Use reshape(...) instead.");
    }
    return VIEW.view(inferred, x, x.strided().with(x.strided().offset(), inferred, strides));
  }

  private static long[] infer(String op, Tensor x, long[] sizes) {
    long known = 1;
    int unknown = -1;
    for (int d = 0; d < sizes.length; d++) {
      if (sizes[d] == -1) {
        if (unknown >= 0) {
          throw new IllegalArgumentException("[" + op + "] only one dimension can be inferred, got " + Shapes.show(sizes));
        }
        unknown = d;
      } else if (sizes[d] < 0) {
        throw new IllegalArgumentException("[" + op + "] invalid shape dimension " + sizes[d] + " in " + Shapes.show(sizes));
      } else {
        known *= sizes[d];
      }
    }
    long numel = x.numel();
    long[] inferred = sizes.clone();
    if (unknown >= 0 && known != 0 && numel % known == 0) {
      inferred[unknown] = numel / known;
    } else if (unknown >= 0 && known == 0) {
      throw new IllegalArgumentException("[" + op + "] cannot reshape tensor of 0 elements into shape " + Shapes.show(sizes)
          + " because the unspecified dimension size -1 can be any value and is ambiguous");
    } else if (unknown >= 0 || known != numel) {
      throw new IllegalArgumentException("[" + op + "] shape " + Shapes.show(sizes) + " is invalid for input of size " + numel + ", sizes "
          + Shapes.show(x.sizes()));
    }
    return inferred;
  }

  /// The strides that show `x` with `sizes`, or null where there are none: runs of dimensions that lie without gaps can be
  /// split and joined freely.
  static long @Nullable [] viewStrides(Strided x, long[] sizes) {
    if (x.numel() == 0 || x.isContiguous()) {
      return Strided.contiguousStrides(sizes);
    }
    long[] strides = new long[sizes.length];
    int to = sizes.length - 1;
    int from = x.rank() - 1;
    while (from >= 0) {
      long base = x.stride(from);
      long run = x.size(from);
      while (from > 0 && (x.size(from - 1) == 1 || x.stride(from - 1) == run * base)) {
        run *= x.size(--from);
      }
      long filled = 1;
      while (to >= 0 && (filled < run || sizes[to] == 1)) {
        strides[to] = filled * base;
        filled *= sizes[to--];
      }
      if (filled != run) {
        return null;
      }
      from--;
    }
    return to < 0 ? strides : null;
  }

  public static Tensor flatten(Tensor x, int startDim, int endDim) {
    int rank = x.dim();
    int start = Shapes.dim("flatten", startDim, rank);
    int end = Shapes.dim("flatten", endDim, rank);
    if (start > end) {
      throw new IllegalArgumentException("[flatten] start dim " + startDim + " cannot come after end dim " + endDim);
    }
    if (rank == 0) {
      return x.reshape(1);
    }
    if (start == end) {
      return x;
    }
    long[] sizes = x.sizes();
    long[] flat = new long[rank - (end - start)];
    System.arraycopy(sizes, 0, flat, 0, start);
    flat[start] = Shapes.numel(Arrays.copyOfRange(sizes, start, end + 1));
    System.arraycopy(sizes, end + 1, flat, start + 1, rank - end - 1);
    return x.reshape(flat);
  }

  public static Tensor unflatten(Tensor x, int dim, long... sizes) {
    int at = Shapes.dim("unflatten", dim, x.dim());
    long[] before = x.sizes();
    long[] after = new long[before.length - 1 + sizes.length];
    System.arraycopy(before, 0, after, 0, at);
    System.arraycopy(sizes, 0, after, at, sizes.length);
    System.arraycopy(before, at + 1, after, at + sizes.length, before.length - at - 1);
    return Op.scoped("unflatten", () -> x.reshape(after));
  }

  public static Tensor squeeze(Tensor x, int... dims) {
    int[] counted = Shapes.dims("squeeze", dims, x.dim());
    Strided in = x.strided();
    boolean[] drop = new boolean[in.rank()];
    int dropped = 0;
    for (int dim : counted) {
      drop[dim] = in.size(dim) == 1;
      dropped += drop[dim] ? 1 : 0;
    }
    long[] sizes = new long[in.rank() - dropped];
    long[] strides = new long[sizes.length];
    for (int d = 0, to = 0; d < in.rank(); d++) {
      if (!drop[d]) {
        sizes[to] = in.size(d);
        strides[to++] = in.stride(d);
      }
    }
    Op<int[]> op = dims.length == 0 ? SQUEEZE : dims.length == 1 ? SQUEEZE_DIM : SQUEEZE_DIMS;
    return op.view(counted, x, in.with(in.offset(), sizes, strides));
  }

  public static Tensor unsqueeze(Tensor x, int dim) {
    int at = Shapes.dim("unsqueeze", dim, x.dim() + 1);
    Strided in = x.strided();
    long stride = at < in.rank() ? in.size(at) * in.stride(at) : 1;
    return UNSQUEEZE.view(at, x, in.with(in.offset(), insert(in.sizes(), at, 1), insert(in.strides(), at, stride)));
  }

  private static long[] insert(long[] values, int at, long value) {
    long[] more = new long[values.length + 1];
    System.arraycopy(values, 0, more, 0, at);
    more[at] = value;
    System.arraycopy(values, at, more, at + 1, values.length - at);
    return more;
  }

  private static long[] remove(long[] values, int at) {
    long[] fewer = new long[values.length - 1];
    System.arraycopy(values, 0, fewer, 0, at);
    System.arraycopy(values, at + 1, fewer, at, fewer.length - at);
    return fewer;
  }

  private static long[] replace(long[] values, int at, long value) {
    long[] changed = values.clone();
    changed[at] = value;
    return changed;
  }

  /// `x` repeated along dimensions of size 1, without a copy; -1 keeps a dimension as it is.
  public static Tensor expand(Tensor x, long... sizes) {
    Strided in = x.strided();
    int lead = sizes.length - in.rank();
    if (lead < 0) {
      throw new IllegalArgumentException(
          "[expand] the number of sizes provided (" + sizes.length + ") must be greater or equal to the number of "
              + "dimensions in the tensor (" + in.rank() + ")");
    }
    long[] full = sizes.clone();
    for (int d = 0; d < full.length; d++) {
      boolean own = d >= lead;
      if (full[d] == -1 && own) {
        full[d] = in.size(d - lead);
      } else if (full[d] < 0) {
        throw new IllegalArgumentException(
            "[expand] The expanded size of the tensor (" + full[d] + ") isn't allowed in a leading, non-existing "
                + "dimension " + d);
      } else if (own && in.size(d - lead) != 1 && in.size(d - lead) != full[d]) {
        throw new IllegalArgumentException("[expand] The expanded size of the tensor (" + full[d] + ") must match the existing size ("
            + in.size(d - lead) + ") at non-singleton dimension " + d + ". Target sizes: " + Shapes.show(sizes) + ". Tensor sizes: "
            + Shapes.show(in.sizes()));
      }
    }
    return EXPAND.view(full, x, Shapes.expand(in, full));
  }

  // ---- order ----

  public static Tensor transpose(Tensor x, int dim0, int dim1) {
    int rank = x.dim();
    int a = Shapes.dim("transpose", dim0, rank);
    int b = Shapes.dim("transpose", dim1, rank);
    return TRANSPOSE.view(new Swap(a, b), x, rank == 0 ? x.strided() : swapped(x.strided(), a, b));
  }

  private static Strided swapped(Strided in, int a, int b) {
    long[] sizes = in.sizes().clone();
    long[] strides = in.strides().clone();
    sizes[a] = in.size(b);
    sizes[b] = in.size(a);
    strides[a] = in.stride(b);
    strides[b] = in.stride(a);
    return in.with(in.offset(), sizes, strides);
  }

  public static Tensor t(Tensor x) {
    if (x.dim() > 2) {
      throw new IllegalArgumentException(
          "[t] t() expects a tensor with <= 2 dimensions, but self is " + x.dim() + "D: use transpose(-2, -1)");
    }
    return T.view(Unit.UNIT, x, x.dim() < 2 ? x.strided() : swapped(x.strided(), 0, 1));
  }

  public static Tensor mT(Tensor x) {
    if (x.dim() < 2) {
      throw new IllegalArgumentException(
          "[mT] tensor.mT is only supported on matrices or batches of matrices. Got " + x.dim() + "-D tensor: sizes "
              + Shapes.show(x.sizes()));
    }
    return transpose(x, -2, -1);
  }

  public static Tensor permute(Tensor x, int... order) {
    Strided in = x.strided();
    int[] counted = order.length == 0 ? new int[0] : Shapes.dims("permute", order, in.rank());
    if (counted.length != in.rank()) {
      throw new IllegalArgumentException(
          "[permute] number of dimensions in the tensor input does not match the length of the desired ordering of "
              + "dimensions i.e. input.dim() = " + in.rank() + " is not equal to len(dims) = " + order.length);
    }
    long[] sizes = new long[in.rank()];
    long[] strides = new long[in.rank()];
    for (int d = 0; d < counted.length; d++) {
      sizes[d] = in.size(counted[d]);
      strides[d] = in.stride(counted[d]);
    }
    return PERMUTE.view(counted, x, in.with(in.offset(), sizes, strides));
  }

  private static int[] inverse(int[] order) {
    int[] inverse = new int[order.length];
    for (int d = 0; d < order.length; d++) {
      inverse[order[d]] = d;
    }
    return inverse;
  }

  // ---- parts ----

  /// Elements start, start + step, … before `end` of `dim`; negative positions count from the end, and both are clamped.
  public static Tensor slice(Tensor x, int dim, long start, long end, long step) {
    if (x.dim() == 0) {
      throw new IllegalArgumentException("[slice] slice() cannot be applied to a 0-dim tensor.");
    }
    int at = Shapes.dim("slice", dim, x.dim());
    if (step <= 0) {
      throw new IllegalArgumentException("[slice] slice step must be positive, got " + step);
    }
    Strided in = x.strided();
    long size = in.size(at);
    long from = Math.clamp(start < 0 ? start + size : start, 0, size);
    long to = Math.clamp(end < 0 ? end + size : end, from, size);
    long length = (to - from + step - 1) / step;
    Strided out = in.with(in.offset() + (length == 0 ? 0 : from * in.stride(at)), replace(in.sizes(), at, length),
        replace(in.strides(), at, in.stride(at) * step));
    return SLICE.view(new Range(at, from, to, step), x, out);
  }

  public static Tensor narrow(Tensor x, int dim, long start, long length) {
    if (x.dim() == 0) {
      throw new IllegalArgumentException("[narrow] narrow() cannot be applied to a 0-dim tensor.");
    }
    int at = Shapes.dim("narrow", dim, x.dim());
    long size = x.size(at);
    long from = start < 0 ? start + size : start;
    if (length < 0) {
      throw new IllegalArgumentException("[narrow] length must be non-negative, got " + length);
    }
    if (start < -size || start > size) {
      throw new IndexOutOfBoundsException("[narrow] start out of range (expected to be in range of [" + -size + ", " + size + "], but got "
          + start + ")");
    }
    if (length > size - from) {
      throw new IndexOutOfBoundsException("[narrow] start (" + from + ") + length (" + length + ") exceeds dimension size (" + size + ").");
    }
    return slice(x, at, from, from + length, 1);
  }

  public static Tensor select(Tensor x, int dim, long index) {
    if (x.dim() == 0) {
      throw new IndexOutOfBoundsException("[select] select() cannot be applied to a 0-dim tensor.");
    }
    int at = Shapes.dim("select", dim, x.dim());
    Strided in = x.strided();
    long size = in.size(at);
    if (index < -size || index >= size) {
      throw new IndexOutOfBoundsException("[select] index " + index + " is out of bounds for dimension " + at + " with size " + size);
    }
    long from = index < 0 ? index + size : index;
    return SELECT.view(new Pick(at, from), x,
        in.with(in.offset() + from * in.stride(at), remove(in.sizes(), at), remove(in.strides(), at)));
  }

  public static List<Tensor> split(Tensor x, int dim, long... lengths) {
    return split(SPLIT_SIZES, x, dim, lengths);
  }

  private static List<Tensor> split(Op<Parts> op, Tensor x, int dim, long... lengths) {
    int at = Shapes.dim("split", dim, x.dim());
    Strided in = x.strided();
    long total = 0;
    for (long length : lengths) {
      total += length;
    }
    if (total != in.size(at) || Arrays.stream(lengths).anyMatch(n -> n < 0)) {
      throw new IllegalArgumentException("[split] split_with_sizes expects split_sizes to sum exactly to " + in.size(at)
          + " (input tensor's size at dimension " + at + "), but got split_sizes=" + Arrays.toString(lengths));
    }
    List<Strided> parts = new ArrayList<>();
    long from = 0;
    for (long length : lengths) {
      parts.add(in.with(in.offset() + (length == 0 ? 0 : from * in.stride(at)), replace(in.sizes(), at, length), in.strides()));
      from += length;
    }
    return op.views(new Parts(at, Arrays.stream(lengths).boxed().toList()), x, parts);
  }

  public static List<Tensor> splitEvery(Tensor x, long size, int dim) {
    int at = Shapes.dim("split", dim, x.dim());
    long all = x.size(at);
    if (size < 0 || size == 0 && all != 0) {
      throw new IllegalArgumentException(
          "[split] split expects split_size be non-negative, and positive unless the dimension is empty, but got "
              + "split_size=" + size + " for a dimension of size " + all);
    }
    int count = size == 0 ? 1 : (int) Math.max((all + size - 1) / size, 1);
    long[] lengths = new long[count];
    Arrays.fill(lengths, size);
    lengths[count - 1] = all - size * (count - 1);
    return split(SPLIT, x, at, lengths);
  }

  public static List<Tensor> chunk(Tensor x, int chunks, int dim) {
    if (chunks <= 0) {
      throw new IllegalArgumentException("[chunk] chunk expects `chunks` to be greater than 0, got: " + chunks);
    }
    int at = Shapes.dim("chunk", dim, x.dim());
    long size = (x.size(at) + chunks - 1) / chunks;
    return size == 0 ? split(x, at, new long[chunks]) : splitEvery(x, size, at);
  }

  public static List<Tensor> unbind(Tensor x, int dim) {
    int at = Shapes.dim("unbind", dim, x.dim());
    if (x.dim() == 0) {
      throw new IllegalArgumentException("[unbind] Dimension specified as " + dim + " but tensor has no dimensions");
    }
    Strided in = x.strided();
    List<Strided> parts = new ArrayList<>();
    for (long i = 0; i < in.size(at); i++) {
      parts.add(in.with(in.offset() + i * in.stride(at), remove(in.sizes(), at), remove(in.strides(), at)));
    }
    return UNBIND.views(new Unbinding(at, in.isContiguous() ? null : bySteps(in)), x, parts);
  }

  /// All windows of `size` elements along `dim`, `step` apart, as a last dimension.
  public static Tensor unfold(Tensor x, int dim, long size, long step) {
    int at = Shapes.dim("unfold", dim, x.dim());
    Strided in = x.strided();
    long length = in.rank() == 0 ? 1 : in.size(at);
    if (size < 0 || size > length) {
      throw new IllegalArgumentException("[unfold] maximum size for tensor at dimension " + at + " is " + length + " but size is " + size);
    }
    if (step <= 0) {
      throw new IllegalArgumentException("[unfold] step is " + step + " but must be > 0");
    }
    if (in.rank() == 0) {
      return UNFOLD.view(new Window(0, size, step), x, in.with(in.offset(), new long[] {size}, new long[] {1}));
    }
    long[] sizes = insert(replace(in.sizes(), at, (length - size) / step + 1), in.rank(), size);
    long[] strides = insert(replace(in.strides(), at, in.stride(at) * step), in.rank(), in.stride(at));
    return UNFOLD.view(new Window(at, size, step), x, in.with(in.offset(), sizes, strides));
  }

  public static Tensor diagonal(Tensor x, int offset, int dim1, int dim2) {
    int a = Shapes.dim("diagonal", dim1, x.dim());
    int b = Shapes.dim("diagonal", dim2, x.dim());
    if (a == b) {
      throw new IllegalArgumentException("[diagonal] diagonal dimensions cannot be identical " + dim1 + ", " + dim2);
    }
    Strided in = x.strided();
    long length = offset >= 0 ? Math.min(in.size(a), in.size(b) - offset) : Math.min(in.size(a) + offset, in.size(b));
    long skip = length <= 0 ? 0 : offset >= 0 ? offset * in.stride(b) : -offset * in.stride(a);
    int high = Math.max(a, b);
    int low = Math.min(a, b);
    long[] sizes = remove(remove(in.sizes(), high), low);
    long[] strides = remove(remove(in.strides(), high), low);
    return DIAGONAL_OF.view(new int[] {offset, a, b}, x, in.with(in.offset() + skip, insert(sizes, sizes.length, Math.max(length, 0)),
        insert(strides, strides.length, in.stride(a) + in.stride(b))));
  }

  /// Another tensor of the same memory and history.
  public static Tensor alias(Tensor x) {
    return ALIAS.view(0, x, x.strided());
  }

  // ---- backwards ----

  @FunctionalInterface
  private interface Part {
    Tensor of(Tensor whole);
  }

  /// Zeros of `sizes`, with `grad` in the part that the view showed.
  private static Tensor scatterBack(Tensor grad, long[] sizes, Part part) {
    Tensor whole = Tensor.zeros(grad.device(), grad.dtype(), sizes);
    part.of(whole).copy_(grad);
    return whole;
  }

  private static Tensor foldBack(Tensor grad, long[] sizes, Window window) {
    if (sizes.length == 0) {
      return grad.sum();
    }
    Tensor whole = Tensor.zeros(grad.device(), grad.dtype(), sizes);
    Tensor positions = Creation.positions(grad.device(), sizes[window.dim]).unfold(0, window.size, window.step);
    Tensor last = grad.movedim(-1, window.dim + 1).flatten(window.dim, window.dim + 1);
    return whole.indexAdd(window.dim, positions.reshape(-1), last);
  }

  private static Tensor joinBack(@Nullable Tensor[] grads, long[] sizes, Parts parts) {
    Tensor[] all = new Tensor[grads.length];
    for (int i = 0; i < grads.length; i++) {
      Tensor grad = grads[i];
      all[i] = grad != null ? grad : zerosBeside(grads, replace(sizes, parts.dim, parts.lengths.get(i)));
    }
    return Joining.cat(parts.dim, all);
  }

  /// The dimensions of x, from the one with the largest stride on.
  private static int[] bySteps(Strided x) {
    return IntStream.range(0, x.rank()).boxed().sorted(Comparator.comparingLong(d -> -x.stride(d))).mapToInt(d -> d).toArray();
  }

  /// Lies as what was taken apart: in front of queries, keys and values are views of one projection, whose gradient then needs no copy.
  private static Tensor stackBack(@Nullable Tensor[] grads, long[] sizes, Unbinding unbinding) {
    int dim = unbinding.dim;
    Tensor[] all = new Tensor[grads.length];
    for (int i = 0; i < grads.length; i++) {
      Tensor grad = grads[i];
      all[i] = grad != null ? grad : zerosBeside(grads, remove(sizes, dim));
    }
    Strided whole = GradMode.isEnabled() ? null : stacked(dim, Arrays.stream(all).map(Tensor::strided).toArray(Strided[]::new));
    if (whole != null) {
      return Tensor.wrap(whole, ThreadState.current());
    }
    int[] order = unbinding.order;
    if (order == null) {
      return Joining.stack(dim, all);
    }
    int[] others = IntStream.of(order).filter(d -> d != dim).map(d -> d < dim ? d : d - 1).toArray();
    int[] back = new int[order.length];
    for (int i = 0; i < order.length; i++) {
      back[order[i]] = i;
    }
    for (int i = 0; i < all.length; i++) {
      all[i] = permute(all[i], others);
    }
    return permute(Joining.stack(back[dim], all), back);
  }

  /// What `parts` are along a further dimension `dim`, where they lie side by side and are all that there is in their storage; else null.
  static @Nullable Strided stacked(int dim, Strided... parts) {
    Strided first = parts[0];
    long step = parts.length == 1 ? first.numel() : parts[1].offset() - first.offset();
    for (int i = 1; i < parts.length; i++) {
      Strided part = parts[i];
      if (part.storage() != first.storage() || part.dtype() != first.dtype() || part.offset() - parts[i - 1].offset() != step
          || !Arrays.equals(part.sizes(), first.sizes()) || !Arrays.equals(part.strides(), first.strides())) {
        return null;
      }
    }
    Strided whole = first.with(first.offset(), insert(first.sizes(), dim, parts.length), insert(first.strides(), dim, step));
    boolean all = whole.numel() > 0 && whole.numel() * whole.dtype().size() == whole.storage().bytes();
    return all && step > 0 && Layout.isDense(whole) ? whole : null;
  }

  private static Tensor zerosBeside(@Nullable Tensor[] grads, long[] sizes) {
    for (Tensor grad : grads) {
      if (grad != null) {
        return Tensor.zeros(grad.device(), grad.dtype(), sizes);
      }
    }
    throw new IllegalStateException("[backward] no gradient arrived");
  }
}
