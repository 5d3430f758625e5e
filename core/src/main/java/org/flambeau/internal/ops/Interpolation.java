package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;

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
    Taps taps(long[] from, int spatial, DType dtype) {
      int dim = from.length - sizes.length + spatial;
      double scale = scales[spatial] > 0 ? scales[spatial] : (double) from[dim] / sizes[spatial];
      return mode == Mode.NEAREST
          ? Taps.nearest(dim, from[dim], sizes[spatial], scale)
          : Taps.linear(dim, from[dim], sizes[spatial], scale, alignCorners, dtype);
    }
  }

  /// Which elements along `dim` an element of the result comes from, and with which weights; without `second`, from one.
  private record Taps(int dim, long[] first, long[] second, double[] weights) {
    /// PyTorch computes positions in float32.
    static Taps nearest(int dim, long in, long out, double scale) {
      long[] first = new long[(int) out];
      Arrays.setAll(first, i -> out == in ? i : out == 2 * in ? i / 2 : Math.min((long) Math.floor(i * (float) scale), in - 1));
      return new Taps(dim, first, new long[0], new double[0]);
    }

    static Taps linear(int dim, long in, long out, double scale, boolean alignCorners, DType dtype) {
      boolean wide = dtype == DType.FLOAT64;
      double step = alignCorners ? out > 1 ? (in - 1.0) / (out - 1) : 0 : scale;
      long[] first = new long[(int) out];
      long[] second = new long[(int) out];
      double[] weights = new double[(int) out];
      for (int i = 0; i < out; i++) {
        double exact = alignCorners ? step * i : Math.max(step * (i + 0.5) - 0.5, 0);
        float rounded = alignCorners ? (float) step * i : Math.max((float) step * (i + 0.5f) - 0.5f, 0);
        double at = wide ? exact : rounded;
        first[i] = Math.min((long) at, in - 1);
        second[i] = Math.min(first[i] + 1, in - 1);
        weights[i] = Math.clamp(at - first[i], 0, 1);
      }
      return new Taps(dim, first, second, weights);
    }

    /// The weights of the second taps, so that they broadcast to the result.
    private Tensor weights(Tensor like) {
      long[] sizes = new long[like.dim()];
      Arrays.fill(sizes, 1);
      sizes[dim] = weights.length;
      return Tensor.of(weights).to(like.dtype()).to(like.device()).reshape(sizes);
    }

    Tensor apply(Tensor x) {
      Tensor one = x.indexSelect(dim, Tensor.of(first).to(x.device()));
      if (second.length == 0) {
        return one;
      }
      Tensor weight = weights(x);
      return one.mul(weight.rsub(1)).add(x.indexSelect(dim, Tensor.of(second).to(x.device())).mul(weight));
    }

    Tensor transpose(Tensor g, long size) {
      long[] sizes = g.sizes();
      sizes[dim] = size;
      Tensor zeros = Tensor.zeros(g.device(), g.dtype(), sizes);
      Tensor at = Tensor.of(first).to(g.device());
      if (second.length == 0) {
        return zeros.indexAdd(dim, at, g);
      }
      Tensor weight = weights(g);
      return zeros.indexAdd(dim, at, g.mul(weight.rsub(1))).indexAdd(dim, Tensor.of(second).to(g.device()), g.mul(weight));
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
        y = resize.taps(from, d, x.dtype()).apply(y);
      }
      return y.to(x.dtype());
    });
  }

  private static Tensor back(Tensor g, Resize resize, long[] sizes) {
    Tensor grad = g.to(LayerNorm.statistics(g.dtype()));
    for (int d = resize.sizes.length - 1; d >= 0; d--) {
      Taps taps = resize.taps(sizes, d, g.dtype());
      grad = taps.transpose(grad, sizes[taps.dim]);
    }
    return grad.to(g.dtype());
  }
}
