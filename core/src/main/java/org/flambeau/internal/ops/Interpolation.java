package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.jspecify.annotations.Nullable;

/// Rows, images and volumes (n, c, …) in other sizes, one dimension after the other: each element is a weighted sum of one
/// or two, so that a dimension takes as many selections along it, and its gradient as many additions.
public final class Interpolation {
  /// How a place between elements gets its value.
  public enum Mode {
    /// From the element before it.
    NEAREST("upsample_nearest", "UpsampleNearest1D", "UpsampleNearest2D", "UpsampleNearest3D"),
    /// From the two elements around it, by how near they are, in each dimension.
    LINEAR("upsample_linear", "UpsampleLinear1D", "UpsampleBilinear2D", "UpsampleTrilinear3D");

    private final Op<Resize>[] ops;

    @SuppressWarnings({"unchecked", "rawtypes"})
    Mode(String name, String... nodes) {
      ops = new Op[nodes.length];
      for (int d = 0; d < nodes.length; d++) {
        ops[d] = Op.of(name + (d + 1) + "d", Derivative.of(nodes[d] + "Backward0", term((g, s, a) -> back(g, a, s.sizes(0)))));
      }
    }
  }

  /// @param scales of the positions, input by output, where they are not those of the sizes; else 0
  private record Resize(Mode mode, long[] sizes, double[] scales, boolean alignCorners) {
    /// Along the dimension `spatial` of images of the sizes `from`; like `like`, which is computed with.
    Taps taps(Tensor like, long[] from, int spatial) {
      int dim = from.length - sizes.length + spatial;
      double scale = scales[spatial] > 0 ? scales[spatial] : (double) from[dim] / sizes[spatial];
      return mode == Mode.NEAREST
          ? Taps.nearest(like, dim, from[dim], sizes[spatial], scale)
          : Taps.linear(like, dim, from[dim], sizes[spatial], scale, alignCorners);
    }
  }

  /// The elements along `dim` of which an element of the result is the weighted sum.
  private record Taps(int dim, List<Tap> all) {
    /// PyTorch computes these positions in float32 whatever the dtype.
    static Taps nearest(Tensor like, int dim, long in, long out, double scale) {
      double step = out == in ? 1 : out == 2 * in ? 0.5 : (float) scale;
      Tensor at = Creation.sequence(like.device(), DType.FLOAT32, out, 0, step);
      return new Taps(dim, List.of(new Tap(at.to(DType.INT64).clampMax(in - 1), null)));
    }

    static Taps linear(Tensor like, int dim, long in, long out, double scale, boolean alignCorners) {
      double exact = alignCorners ? out > 1 ? (in - 1.0) / (out - 1) : 0 : scale;
      double step = like.dtype() == DType.FLOAT64 ? exact : (float) exact;
      Tensor at = alignCorners
          ? Creation.sequence(like.device(), like.dtype(), out, 0, step)
          : Creation.sequence(like.device(), like.dtype(), out, step / 2, step).sub(0.5).clampMin(0);
      Tensor first = at.to(DType.INT64).clampMax(in - 1);
      long[] sizes = new long[like.dim() - dim];
      Arrays.fill(sizes, 1);
      sizes[0] = out;
      Tensor weight = at.sub(first).clamp(0, 1).reshape(sizes);
      return new Taps(dim, List.of(new Tap(first, weight.rsub(1)), new Tap(first.add(1).clampMax(in - 1), weight)));
    }

    Tensor apply(Tensor x) {
      return all.stream().map(tap -> tap.weighted(x.indexSelect(dim, tap.from))).reduce(Tensor::add).orElseThrow();
    }

    Tensor transpose(Tensor g, long size) {
      long[] sizes = g.sizes();
      sizes[dim] = size;
      Tensor sum = Tensor.zeros(g.device(), g.dtype(), sizes);
      all.forEach(tap -> sum.indexAdd_(dim, tap.from, tap.weighted(g)));
      return sum;
    }
  }

  /// @param from positions, one for each element of the result
  /// @param weight likewise, broadcast to the result; null is 1
  private record Tap(Tensor from, @Nullable Tensor weight) {
    Tensor weighted(Tensor x) {
      return weight == null ? x : x.mul(weight);
    }
  }

  private Interpolation() {}

  /// `x` at other positions of its last dimensions, by `mode`.
  ///
  /// @param sizes of the result's last dimensions
  /// @param scales of positions, input by output, or 0 to take the ratio of the sizes
  public static Tensor interpolate(Tensor x, long[] sizes, double[] scales, Mode mode, boolean alignCorners) {
    AutocastPolicy policy = AutocastPolicy.of("interpolate", x);
    if (policy != null) {
      return policy.runUnary(c -> interpolate(c, sizes, scales, mode, alignCorners), x);
    }
    int spatial = x.dim() - 2;
    if (spatial < 1 || spatial > 3) {
      throw new IllegalArgumentException("[interpolate] Input Error: Only 3D, 4D and 5D input Tensors supported (got " + x.dim() + "D)");
    }
    long[] from = x.sizes();
    long[] inner = Arrays.copyOfRange(from, 2, from.length);
    if (sizes.length != spatial) {
      throw new IllegalArgumentException(
          "[interpolate] Input and output must have the same number of spatial dimensions, but got input with "
              + "spatial dimensions of " + list(inner) + " and output size of " + Shapes.show(sizes) + ". Please provide input tensor in "
              + "(N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.");
    }
    for (int d = 0; d < spatial; d++) {
      if (sizes[d] < 1 || inner[d] < 1) {
        throw new IllegalArgumentException("[interpolate] Input and output sizes should be greater than 0, but got input " + list(inner)
            + " output " + list(sizes));
      }
    }
    Promotion.requireFloat("interpolate", x);
    Resize resize = new Resize(mode, sizes.clone(), scales, alignCorners);
    return mode.ops[spatial - 1].compose(resize, new Tensor[] {x}, () -> {
      Tensor y = x.to(LayerNorm.statistics(x.dtype()));
      for (int d = 0; d < spatial; d++) {
        y = resize.taps(y, from, d).apply(y);
      }
      return y.to(x.dtype());
    });
  }

  private static Tensor back(Tensor g, Resize resize, long[] sizes) {
    Tensor grad = g.to(LayerNorm.statistics(g.dtype()));
    for (int d = resize.sizes.length - 1; d >= 0; d--) {
      Taps taps = resize.taps(grad, sizes, d);
      grad = taps.transpose(grad, sizes[taps.dim]);
    }
    return grad.to(g.dtype());
  }
}
