package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.spi.Strided;

/// More elements at the edges, or with negative widths fewer. Widths stand in PyTorch's order: before and after the last
/// dimension, then before and after the one before it, and so on.
public final class Padding {
  private static final Op<long[]> CONSTANT = Op.of("constant_pad_nd", Derivative.of("ConstantPadNdBackward0",
      term((g, _, widths) -> constant(g, negated(widths), 0))));

  /// Elements taken from within the tensor.
  public enum Border {
    /// Mirrored at the edge, which is not repeated: `c b | a b c | b a`.
    REFLECT("reflection_pad", "ReflectionPad"),
    /// The edge again and again: `a a | a b c | c c`.
    REPLICATE("replication_pad", "ReplicationPad"),
    /// From the opposite edge: `b c | a b c | a b`.
    CIRCULAR("circular_pad", "CircularPad");

    private final Op<long[]>[] ops;

    @SuppressWarnings({"unchecked", "rawtypes"})
    Border(String name, String node) {
      ops = new Op[3];
      for (int d = 1; d <= 3; d++) {
        Term<long[]> back = term((g, s, widths) -> putBack(g, widths, this, s.sizes(0)));
        ops[d - 1] = Op.of(name + d + "d", Derivative.of(node + d + "DBackward0", back));
      }
    }

    /// Where in a dimension of `size` the elements at `positions` come from.
    private Tensor sources(Tensor positions, long size) {
      return switch (this) {
        case REFLECT -> positions.abs().rsub(size - 1).abs().rsub(size - 1);
        case REPLICATE -> positions.clamp(0, size - 1);
        case CIRCULAR -> positions.remainder(size);
      };
    }
  }

  private Padding() {}

  private static long[] negated(long[] widths) {
    return Arrays.stream(widths).map(width -> -width).toArray();
  }

  /// With elements of `value` around.
  public static Tensor constant(Tensor x, long[] widths, double value) {
    String op = "constant_pad_nd";
    checkPairs(op, widths);
    if (widths.length > 2 * x.dim()) {
      throw new IllegalArgumentException(
          "[" + op + "] Padding length should be less than or equal to two times the input dimension but got "
              + "padding length " + widths.length + " and input of dimension " + x.dim());
    }
    long[] sizes = x.sizes();
    long[] inner = x.sizes();
    long[] from = new long[x.dim()];
    long[] to = new long[x.dim()];
    for (int pair = 0; pair < widths.length / 2; pair++) {
      int d = x.dim() - 1 - pair;
      long before = widths[2 * pair];
      long after = widths[2 * pair + 1];
      sizes[d] += before + after;
      if (sizes[d] < 0) {
        throw new IllegalArgumentException(
            "[" + op + "] The input size " + x.size(d) + ", plus negative padding " + before + " and " + after
                + " resulted in a negative output size, which is invalid. Check dimension " + d + " of your input.");
      }
      from[d] = Math.max(-before, 0);
      to[d] = Math.max(before, 0);
      inner[d] += Math.min(before, 0) + Math.min(after, 0);
    }
    Strided in = x.strided();
    return CONSTANT.run(widths, x.dtype(), Layout.ofImages(in, sizes), x, (k, out) -> {
      k.fill(out, Tensor.number(value, out.dtype()).strided());
      if (Arrays.stream(inner).allMatch(size -> size > 0)) {
        k.copy(within(out, to, inner), within(in, from, inner));
      }
    });
  }

  private static Strided within(Strided x, long[] from, long[] sizes) {
    long offset = x.offset();
    for (int d = 0; d < from.length; d++) {
      offset += from[d] * x.stride(d);
    }
    return x.with(offset, sizes, x.strides());
  }

  /// With elements of its own around the last one, two or three dimensions.
  public static Tensor border(Tensor x, long[] widths, Border border) {
    int spatial = widths.length / 2;
    String op = border.ops[Math.clamp(spatial, 1, 3) - 1].name();
    AutocastPolicy policy = AutocastPolicy.of(op, x);
    if (policy != null) {
      return policy.runUnary(c -> border(c, widths, border), x);
    }
    checkPairs(op, widths);
    if (spatial < 1 || spatial > 3 || x.dim() != spatial + 1 && x.dim() != spatial + 2) {
      throw new IllegalArgumentException("[" + op + "] Padding size " + widths.length + " is not supported for " + x.dim()
          + "D input tensor.\n"
          + "Supported combinations for non-constant padding:\n  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
          + "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)");
    }
    long[] sizes = x.sizes();
    for (int pair = 0; pair < spatial; pair++) {
      checkWidths(op, sizes, pair, widths[2 * pair], widths[2 * pair + 1], border);
    }
    return border.ops[spatial - 1].compose(widths, new Tensor[] {x}, () -> {
      Tensor padded = x;
      for (int pair = 0; pair < spatial; pair++) {
        padded = padded.indexSelect(sizes.length - 1 - pair, sources(x, widths, pair, border, sizes));
      }
      return padded;
    });
  }

  /// Where each element of the result comes from, along the dimension of one pair of widths.
  private static Tensor sources(Tensor like, long[] widths, int pair, Border border, long[] sizes) {
    long size = sizes[sizes.length - 1 - pair];
    long before = widths[2 * pair];
    long padded = before + size + widths[2 * pair + 1];
    return border.sources(Creation.sequence(like.device(), DType.INT64, padded, -before, 1), size);
  }

  /// Adds up what was taken from one element.
  private static Tensor putBack(Tensor g, long[] widths, Border border, long[] sizes) {
    Tensor grad = g;
    for (int pair = widths.length / 2 - 1; pair >= 0; pair--) {
      int d = sizes.length - 1 - pair;
      long[] inner = grad.sizes();
      inner[d] = sizes[d];
      grad = Tensor.zeros(g.device(), g.dtype(), inner).indexAdd_(d, sources(g, widths, pair, border, sizes), grad);
    }
    return grad;
  }

  private static void checkPairs(String op, long[] widths) {
    if (widths.length % 2 != 0) {
      throw new IllegalArgumentException("[" + op + "] Padding length must be divisible by 2, got " + list(widths));
    }
  }

  private static void checkWidths(String op, long[] sizes, int pair, long before, long after, Border border) {
    int d = sizes.length - 1 - pair;
    long size = sizes[d];
    if (border == Border.REFLECT && (before >= size || after >= size)) {
      throw new IllegalArgumentException(
          "[" + op + "] Argument #" + (4 + 2 * pair) + ": Padding size should be less than the corresponding "
              + "input dimension, but got: padding (" + before + ", " + after + ") at dimension " + d + " of input " + list(sizes));
    }
    if (border == Border.CIRCULAR && (before > size || after > size)) {
      throw new IllegalArgumentException("[" + op + "] Padding value causes wrapping around more than once.");
    }
    if (size == 0 || before + size + after < 1 || before < -size || after < -size) {
      throw new IllegalArgumentException("[" + op + "] input (size " + size + ") at dimension " + d + " is too small for padding (" + before
          + ", " + after + "): the result would be empty");
    }
  }
}
