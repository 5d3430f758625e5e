package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.piecewiseLinear;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import java.util.List;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;

/// More elements at the edges, or with negative widths fewer. Widths stand in PyTorch's order: before and after the last
/// dimension, then before and after the one before it, and so on.
public final class Padding {
  private static final Op<long[]> CONSTANT = Op.of("constant_pad_nd", Derivative.of("ConstantPadNdBackward0",
      term((g, _, widths) -> constant(g, negated(widths), 0))));

  private static final Op<Unit> FRAME = Op.notDifferentiable("border_pad");

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
        Term<long[]> back = fixing(saves(0), term((g, s, widths) -> putBack(g, widths, this, s.sizes(0))));
        ops[d - 1] = Op.of(name + d + "d",
            Derivative.of(node + d + "DBackward0", node.startsWith("Circular") ? back : piecewiseLinear(back)));
      }
    }

    /// Where in a padded dimension the elements before and after the `size` ones of the operand come from.
    private List<Strip> strips(long before, long size, long after) {
      long end = before + size;
      return switch (this) {
        case REFLECT -> List.of(new Strip(0, before, before + 1, before), new Strip(end, after, end - 1 - after, after));
        case REPLICATE -> List.of(new Strip(0, before, before, 1), new Strip(end, after, end - 1, 1));
        case CIRCULAR -> List.of(new Strip(0, before, size, before), new Strip(end, after, before, after));
      };
    }
  }

  /// `count` elements of a padded dimension from `at` on, which are the `width` from `from` on.
  private record Strip(long at, long count, long from, long width) {}

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
      boolean some = Arrays.stream(inner).allMatch(size -> size > 0);
      if (Arrays.equals(inner, sizes)) {
        k.copy(out, within(in, from, inner));
        return;
      }
      Strided frame = Tensor.number(value, out.dtype()).strided();
      Parts.run(k, out, sizes.length - widths.length / 2, part -> {
        k.fill(part.of(out), frame);
        if (some) {
          k.copy(part.of(within(out, to, inner)), part.of(within(in, from, inner)));
        }
      });
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
    return border.ops[spatial - 1].compose(widths, new Tensor[] {x}, () -> border == Border.CIRCULAR
        ? framed(cropped(x, widths), widths, border)
        : cropped(framed(x, widths, border), widths));
  }

  /// Without the elements that negative widths take away.
  private static Tensor cropped(Tensor x, long[] widths) {
    return Arrays.stream(widths).allMatch(width -> width >= 0) ? x : constant(x, cropping(widths), 0);
  }

  /// With zeros in the place of those.
  private static Tensor uncropped(Tensor g, long[] widths) {
    return Arrays.stream(widths).allMatch(width -> width >= 0) ? g : constant(g, negated(cropping(widths)), 0);
  }

  private static long[] cropping(long[] widths) {
    return Arrays.stream(widths).map(width -> Math.min(width, 0)).toArray();
  }

  /// With all elements around that positive widths ask for: those of the last dimension first, so that the others find the corners.
  private static Tensor framed(Tensor x, long[] widths, Border border) {
    long[] sizes = x.sizes();
    long[] first = new long[sizes.length];
    for (int pair = 0; pair < widths.length / 2; pair++) {
      int d = sizes.length - 1 - pair;
      first[d] = Math.max(widths[2 * pair], 0);
      sizes[d] += first[d] + Math.max(widths[2 * pair + 1], 0);
    }
    Strided in = x.strided();
    Layout layout = border == Border.CIRCULAR ? Layout.contiguous(sizes) : Layout.ofImages(in, sizes);
    int whole = sizes.length - widths.length / 2;
    return FRAME.run(Unit.UNIT, x.dtype(), layout, x,
        (k, out) -> Parts.run(k, out, whole, part -> frame(k, part.of(out), part.of(in), first, whole, border)));
  }

  private static void frame(Kernels k, Strided out, Strided in, long[] first, int whole, Border border) {
    k.copy(within(out, first, in.sizes()), in);
    long[] at = first.clone();
    long[] covered = in.sizes().clone();
    for (int d = first.length - 1; d >= whole; d--) {
      for (Strip strip : border.strips(first[d], in.size(d), out.size(d) - first[d] - in.size(d))) {
        if (strip.count > 0) {
          Strided to = strip(out, at, covered, d, strip.at, strip.count);
          Strided from = strip(out, at, covered, d, strip.from, strip.width);
          if (border == Border.REFLECT) {
            k.flip(to, from, d);
          } else {
            k.copy(to, Shapes.expand(from, to.sizes()));
          }
        }
      }
      at[d] = 0;
      covered[d] = out.size(d);
    }
  }

  private static Strided strip(Strided x, long[] at, long[] sizes, int d, long from, long size) {
    long[] first = at.clone();
    first[d] = from;
    return within(x, first, Shapes.resized(sizes, d, size));
  }

  private static Tensor putBack(Tensor g, long[] widths, Border border, long[] sizes) {
    if (border != Border.CIRCULAR) {
      return unframed(uncropped(g, widths), widths, border, sizes);
    }
    long[] left = sizes.clone();
    for (int i = 0; i < widths.length; i++) {
      left[sizes.length - 1 - i / 2] += Math.min(widths[i], 0);
    }
    return uncropped(unframed(g, widths, border, left), widths);
  }

  /// Adds up what was taken from one element.
  private static Tensor unframed(Tensor g, long[] widths, Border border, long[] sizes) {
    Tensor grad = g;
    for (int d = sizes.length - widths.length / 2; d < sizes.length; d++) {
      long before = Math.max(widths[2 * (sizes.length - 1 - d)], 0);
      Tensor whole = grad;
      grad = whole.narrow(d, before, sizes[d]).clone();
      for (Strip strip : border.strips(before, sizes[d], whole.size(d) - before - sizes[d])) {
        if (strip.count > 0) {
          Tensor taken = whole.narrow(d, strip.at, strip.count);
          Tensor sum = switch (border) {
            case REFLECT -> taken.flip(d);
            case REPLICATE -> taken.sum(new int[] {d}, true);
            case CIRCULAR -> taken;
          };
          Tensor _ = grad.narrow(d, strip.from - before, strip.width).add_(sum);
        }
      }
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
    long left = size + Math.min(before, 0) + Math.min(after, 0);
    if (border == Border.CIRCULAR && Math.max(before, after) > left) {
      throw new IllegalArgumentException("[" + op + "] Padding value causes wrapping around more than once.");
    }
    if (size == 0 || before + size + after < 1 || before < -size || after < -size) {
      throw new IllegalArgumentException("[" + op + "] input (size " + size + ") at dimension " + d + " is too small for padding (" + before
          + ", " + after + "): the result would be empty");
    }
  }
}
