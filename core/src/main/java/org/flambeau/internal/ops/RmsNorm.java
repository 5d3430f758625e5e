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
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Division by the root of the mean square over the last dimensions of each sample (Zhang and Sennrich, 2019).
///
/// Operands 0 and 1 are x and weight; results 0 and 1 are y and for each row `1/√(mean x² + eps)`, which only the backward reads.
public final class RmsNorm {
  private static final String OP = "rms_norm";
  /// Their nodes are named as the last of those that it is composed of in PyTorch, on the CPU.
  private static final Op<LayerNorm.Rows> RMS_NORM = op(OP, "MulBackward0");
  private static final Op<LayerNorm.Rows> RMS_NORM_HALF = op(OP + ".half", "ToCopyBackward0");
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("rms_norm_backward");

  private RmsNorm() {}

  private static Op<LayerNorm.Rows> op(String name, String node) {
    return Op.of(name, joint(node, saves(0, 1) | result(1), (gs, s, a) -> backward(gs[0], s, a)));
  }

  /// x/√(mean x² + eps)·weight.
  ///
  /// @param eps where null, the distance from 1 to the next number of the dtype that it computes in
  public static Tensor rmsNorm(Tensor x, long[] shape, @Nullable Tensor weight, @Nullable Double eps) {
    AutocastPolicy policy = AutocastPolicy.of("rms_norm", x);
    if (policy != null) {
      return policy.run(c -> rmsNorm(c[0], shape, c[1], eps), x, weight);
    }
    check(x, shape, weight);
    DType wide = LayerNorm.statistics(x.dtype());
    double least = eps != null ? eps : wide == DType.FLOAT64 ? Math.ulp(1.0) : Math.ulp(1f);
    if (Backends.kernels(x.device()).supports(FusedOp.RMS_NORM, x.strided()) && LayerNorm.isTaken(weight, x)) {
      return fused(x.contiguous(), weight == null ? null : weight.contiguous(), LayerNorm.Rows.of(x, shape, least));
    }
    int[] last = new int[shape.length];
    Arrays.setAll(last, d -> d - shape.length);
    return Op.scoped(OP, () -> {
      Tensor in = x.to(wide);
      Tensor y = in.mul(in.square().mean(last, true).add(least).rsqrt());
      return (weight == null ? y : y.mul(weight)).to(x.dtype());
    });
  }

  private static Tensor fused(Tensor x, @Nullable Tensor weight, LayerNorm.Rows a) {
    Strided in = LayerNorm.rows(x.strided(), a);
    Strided scale = LayerNorm.flatOrNull(weight == null ? null : weight.strided());
    Op<LayerNorm.Rows> op = LayerNorm.statistics(x.dtype()) == x.dtype() ? RMS_NORM : RMS_NORM_HALF;
    return op.runMulti(a, x.device(), new DType[] {x.dtype(), LayerNorm.statistics(x.dtype())},
        new Layout[] {Layout.contiguous(x.sizes()), Layout.contiguous(a.rows())}, new @Nullable Tensor[] {x, weight, null},
        (k, outs) -> k.rmsNorm(LayerNorm.rows(outs[0], a), outs[1], in, scale, a.eps()))[0];
  }

  private static @Nullable Tensor[] backward(@Nullable Tensor g, Saved s, LayerNorm.Rows a) {
    if (g == null) {
      return new Tensor[3];
    }
    Tensor x = s.input(0);
    Tensor weight = s.inputOrNull(1);
    if (GradMode.isEnabled()) {
      return composed(g, x, weight, s, a);
    }
    Tensor grad = g.contiguous();
    Strided scale = LayerNorm.flatOrNull(weight == null ? null : weight.strided());
    return FusedGradients.run(FUSED_BACKWARD, UNIT, s, new @Nullable Tensor[] {grad, x, s.result(1), weight},
        (k, grads) -> k.rmsNormBackward(grads[0] == null ? null : LayerNorm.rows(grads[0], a), LayerNorm.flatOrNull(grads[1]),
            LayerNorm.rows(grad.strided(), a), LayerNorm.rows(x.strided(), a), s.result(1).strided(), scale));
  }

  /// The root mean square as a function of x.
  private static @Nullable Tensor[] composed(Tensor g, Tensor x, @Nullable Tensor weight, Saved s, LayerNorm.Rows a) {
    DType wide = LayerNorm.statistics(x.dtype());
    int[] last = {-1};
    Tensor in = x.to(wide).reshape(a.rows(), a.length());
    Tensor grad = g.to(wide).reshape(a.rows(), a.length());
    Tensor rrms = in.square().mean(last, true).add(a.eps()).rsqrt();
    Tensor normal = in.mul(rrms);
    @Nullable Tensor[] grads = new Tensor[3];
    if (s.needs(0)) {
      Tensor scaled = weight == null ? grad : grad.mul(weight.to(wide).flatten());
      Tensor inner = scaled.sub(normal.mul(scaled.mul(normal).mean(last, true)));
      grads[0] = inner.mul(rrms).to(x.dtype()).reshape(s.sizes(0));
    }
    if (s.needs(1)) {
      grads[1] = grad.mul(normal).sum(0).reshape(s.sizes(1));
    }
    return grads;
  }

  private static void check(Tensor x, long[] shape, @Nullable Tensor weight) {
    if (shape.length == 0) {
      throw new IllegalArgumentException(
          "[" + OP + "] Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
              + "element, but got normalized_shape = []");
    }
    if (weight != null && !Arrays.equals(weight.sizes(), shape)) {
      throw new IllegalArgumentException("[" + OP + "] Expected weight to be of same shape as normalized_shape, but got weight of shape "
          + list(weight.sizes()) + " and normalized_shape = " + list(shape));
    }
    int lead = x.dim() - shape.length;
    if (lead < 0 || !Arrays.equals(shape, Arrays.copyOfRange(x.sizes(), lead, x.dim()))) {
      throw new IllegalArgumentException("[" + OP + "] Given normalized_shape=" + list(shape) + ", expected input with shape [*, "
          + list(shape).substring(1) + ", but got input of size" + list(x.sizes()));
    }
    Promotion.requireFloat(OP, x);
    Device _ = Binary.device(OP, x, weight, null);
  }
}
