package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.internal.ops.Unit.UNIT;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Normalisation over the last dimensions of each sample.
///
/// Operands 0, 1 and 2 are x, weight and bias; results 0, 1 and 2 are y, and for each row the mean and `1/√(var + eps)`, which
/// only the backward reads.
public final class LayerNorm {
  /// @param rows how often the statistics are taken
  /// @param length over how many elements each
  record Rows(long rows, long length, double eps) {
    static Rows of(Tensor x, long[] shape, double eps) {
      long rows = 1;
      for (int d = 0; d < x.dim() - shape.length; d++) {
        rows *= x.size(d);
      }
      return new Rows(rows, Shapes.numel(shape), eps);
    }
  }

  private static final Op<Rows> LAYER_NORM = Op.of("layer_norm",
      joint("NativeLayerNormBackward0", LayerNorm::saved, (gs, s, a) -> backward(gs[0], null, s, a)));
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("layer_norm_backward");
  private static final int[] LAST = {-1};

  private LayerNorm() {}

  /// The bias alone looks at nothing.
  private static int saved(int needed) {
    return (needed & saves(0, 1)) == 0 ? 0 : saves(0, 1) | result(1) | result(2);
  }

  public static Tensor layerNorm(Tensor x, long[] shape, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    AutocastPolicy policy = AutocastPolicy.of("layer_norm", x);
    if (policy != null) {
      return policy.run(c -> layerNorm(c[0], shape, c[1], c[2], eps), x, weight, bias);
    }
    check("layer_norm", x, shape, weight, bias);
    return run(Rows.of(x, shape, eps), x.contiguous(), weight, bias);
  }

  static Tensor run(Rows a, Tensor x, @Nullable Tensor weight, @Nullable Tensor bias) {
    DType wide = statistics(x.dtype());
    @Nullable Tensor[] operands = {x, weight, bias};
    Strided in = rows(x.strided(), a);
    if (!sameDtype(x, weight, bias) || !Backends.kernels(x.device()).supports(FusedOp.LAYER_NORM, in)) {
      return LAYER_NORM.composeMulti(a, operands, () -> reference(x, weight, bias, a))[0];
    }
    DType[] dtypes = {x.dtype(), wide, wide};
    Layout perRow = Layout.contiguous(a.rows);
    Strided scale = weight == null ? null : flat(weight.strided());
    Strided shift = bias == null ? null : flat(bias.strided());
    return LAYER_NORM.runMulti(a, x.device(), dtypes, new Layout[] {Layout.contiguous(x.sizes()), perRow, perRow}, operands,
        (k, outs) -> k.layerNorm(rows(outs[0], a), outs[1], outs[2], in, scale, shift, a.eps))[0];
  }

  /// Composed of other operations: y, mean and rstd.
  private static Tensor[] reference(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, Rows a) {
    Tensor in = x.to(statistics(x.dtype())).reshape(a.rows, a.length);
    Tensor mean = in.mean(LAST, true);
    Tensor rstd = Moments.var(in, LAST, 0, true).add(a.eps).rsqrt();
    Tensor y = in.sub(mean).mul(rstd);
    y = weight == null ? y : y.mul(weight.flatten());
    y = bias == null ? y : y.add(bias.flatten());
    return new Tensor[] {y.to(x.dtype()).reshape(x.sizes()), mean.reshape(a.rows), rstd.reshape(a.rows)};
  }

  // ---- backward ----

  /// The gradients for x, weight and bias from that of y; `further` is another gradient for x.
  static @Nullable Tensor[] backward(@Nullable Tensor g, @Nullable Tensor further, Saved s, Rows a) {
    if (g == null) {
      return new Tensor[3];
    }
    if (!s.needs(0) && !s.needs(1)) {
      return new @Nullable Tensor[] {null, null, g.reshape(a.rows, a.length).sum(0).reshape(s.sizes(2))};
    }
    Tensor x = s.input(0);
    Tensor weight = s.inputOrNull(1);
    Strided in = rows(x.strided(), a);
    Kernels kernels = Backends.kernels(x.device());
    return GradMode.isEnabled() || !sameDtype(x, weight, null) || !kernels.supports(FusedOp.LAYER_NORM, in)
        ? composed(g, further, x, weight, s, a)
        : fused(g.contiguous(), further == null ? null : further.contiguous(), x, weight, s, a);
  }

  private static @Nullable Tensor[] fused(Tensor g, @Nullable Tensor further, Tensor x, @Nullable Tensor weight, Saved s, Rows a) {
    Strided mean = s.result(1).strided();
    Strided rstd = s.result(2).strided();
    return FusedGradients.run(FUSED_BACKWARD, UNIT, s, new @Nullable Tensor[] {g, x, s.result(1), s.result(2), weight, further},
        (k, grads) -> {
          Strided gradX = grads[0] == null ? null : rows(grads[0], a);
          Strided scale = weight == null ? null : flat(weight.strided());
          if (further == null || gradX == null) {
            k.layerNormBackward(gradX, flatOrNull(grads[1]), flatOrNull(grads[2]), rows(g.strided(), a), rows(x.strided(), a), mean, rstd,
                scale);
          } else {
            k.addLayerNormBackward(gradX, flatOrNull(grads[1]), flatOrNull(grads[2]), rows(further.strided(), a), rows(g.strided(), a),
                rows(x.strided(), a), mean, rstd, scale);
          }
        });
  }

  private static @Nullable Tensor[] composed(Tensor g, @Nullable Tensor further, Tensor x, @Nullable Tensor weight, Saved s, Rows a) {
    DType wide = statistics(x.dtype());
    Tensor in = x.to(wide).reshape(a.rows, a.length);
    Tensor grad = g.to(wide).reshape(a.rows, a.length);
    // While recording, the statistics are functions of x; else those at hand will do.
    Tensor mean = GradMode.isEnabled() ? in.mean(LAST, true) : s.result(1).unsqueeze(1);
    Tensor rstd = GradMode.isEnabled() ? Moments.var(in, LAST, 0, true).add(a.eps).rsqrt() : s.result(2).unsqueeze(1);
    Tensor normal = in.sub(mean).mul(rstd);
    @Nullable Tensor[] grads = new Tensor[3];
    if (s.needs(0)) {
      Tensor scaled = weight == null ? grad : grad.mul(weight.to(wide).flatten());
      Tensor gradX = throughRows(scaled, normal, rstd).to(x.dtype()).reshape(s.sizes(0));
      grads[0] = further == null ? gradX : gradX.add(further);
    }
    if (s.needs(1)) {
      grads[1] = grad.mul(normal).sum(0).reshape(s.sizes(1));
    }
    if (s.needs(2)) {
      grads[2] = grad.sum(0).reshape(s.sizes(2));
    }
    return grads;
  }

  /// The gradient of rows from that of `normal`, what they become when they are centred and scaled by `rstd`.
  static Tensor throughRows(Tensor grad, Tensor normal, Tensor rstd) {
    return grad.sub(grad.mean(LAST, true)).sub(normal.mul(grad.mul(normal).mean(LAST, true))).mul(rstd);
  }

  // ---- forms ----

  static Strided rows(Strided x, Rows a) {
    return x.with(x.offset(), new long[] {a.rows, a.length}, new long[] {a.length, 1});
  }

  private static Strided flat(Strided x) {
    return x.rank() == 1 ? x : x.with(x.offset(), new long[] {x.numel()}, new long[] {1});
  }

  static @Nullable Strided flatOrNull(@Nullable Strided x) {
    return x == null ? null : flat(x);
  }

  /// In which dtype statistics are taken and kept.
  static DType statistics(DType dtype) {
    return dtype == DType.FLOAT64 ? DType.FLOAT64 : DType.FLOAT32;
  }

  /// Whether a fused kernel that converts parameters takes this one beside `x`.
  static boolean isTaken(@Nullable Tensor parameter, Tensor x) {
    return parameter == null || parameter.dtype() == x.dtype() || parameter.dtype() == statistics(x.dtype());
  }

  /// Whether a fused kernel takes the parameters as they are.
  static boolean sameDtype(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias) {
    return (weight == null || weight.dtype() == x.dtype() && weight.isContiguous()) && (bias == null || bias.dtype() == x.dtype()
        && bias.isContiguous());
  }

  // ---- checks ----

  static void check(String op, Tensor x, long[] shape, @Nullable Tensor weight, @Nullable Tensor bias) {
    if (shape.length == 0) {
      throw new IllegalArgumentException(
          "[" + op + "] Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
              + "element, but got normalized_shape = []");
    }
    checkParameter(op, "weight", weight, shape, x);
    checkParameter(op, "bias", bias, shape, x);
    int lead = x.dim() - shape.length;
    if (lead < 0 || !Arrays.equals(shape, Arrays.copyOfRange(x.sizes(), lead, x.dim()))) {
      throw new IllegalArgumentException("[" + op + "] Given normalized_shape=" + list(shape) + ", expected input with shape [*, "
          + list(shape).substring(1) + ", but got input of size" + list(x.sizes()));
    }
    Promotion.requireFloat(op, x);
    Device _ = Binary.device(op, x, weight, bias);
  }

  private static void checkParameter(String op, String name, @Nullable Tensor parameter, long[] shape, Tensor x) {
    if (parameter == null) {
      return;
    }
    if (!Arrays.equals(parameter.strided().sizes(), shape)) {
      throw new IllegalArgumentException("[" + op + "] Expected " + name + " to be of same shape as normalized_shape, but got " + name
          + " of shape " + list(parameter.sizes()) + " and normalized_shape = " + list(shape));
    }
    checkMixed(op, name, parameter, x);
  }

  /// Parameters have x's dtype, or are float32 beside a half-precision x.
  static void checkMixed(String op, String name, Tensor parameter, Tensor x) {
    if (x.dtype().isFloating() && parameter.dtype() != x.dtype() && parameter.dtype() != statistics(x.dtype())) {
      throw new IllegalArgumentException("[" + op + "] mixed dtype (CPU): expect parameter to have scalar type of "
          + statistics(x.dtype()).label() + " beside an input of " + x.dtype().label() + ", but " + name + " has "
          + parameter.dtype().label());
    }
  }
}
