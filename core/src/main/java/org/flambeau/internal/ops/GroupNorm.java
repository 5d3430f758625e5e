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

/// Normalisation over groups of each sample's channels, then a scale and shift for each channel.
///
/// Operands 0, 1 and 2 are x, weight and bias; results 0, 1 and 2 are y, and for each sample's groups the mean and `1/√(var + eps)`.
public final class GroupNorm {
  private record Groups(int count, double eps) {}

  private static final Op<Groups> GROUP_NORM = Op.of("group_norm", joint("NativeGroupNormBackward0", GroupNorm::saved,
      (gs, s, a) -> backward(gs[0], s, a)));
  private static final Op<Unit> FUSED_FORWARD = Op.notDifferentiable("group_norm_forward");
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("group_norm_backward");

  private GroupNorm() {}

  private static int saved(int needed) {
    return (needed & saves(0, 1)) == 0 ? 0 : saves(0, 1) | result(1) | result(2);
  }

  /// Normalisation of `groups` groups of channels of x (n, c, …), then scaled and shifted for each channel. Kernels want whole groups in one
  /// piece; channels-last images become so again.
  public static Tensor groupNorm(Tensor x, int groups, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    AutocastPolicy policy = AutocastPolicy.of("group_norm", x);
    if (policy != null) {
      return policy.run(c -> groupNorm(c[0], groups, c[1], c[2], eps), x, weight, bias);
    }
    check(x, groups, weight, bias);
    Groups a = new Groups(groups, eps);
    return GROUP_NORM.composeMulti(a, new @Nullable Tensor[] {x, weight, bias},
        () -> isFused(x, weight, bias) ? fused(x, weight, bias, a) : reference(x, weight, bias, a))[0];
  }

  private static boolean isFused(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias) {
    return Backends.kernels(x.device()).supports(FusedOp.GROUP_NORM, x.strided()) && LayerNorm.isTaken(weight, x)
        && LayerNorm.isTaken(bias, x);
  }

  private static Tensor[] fused(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, Groups a) {
    DType wide = LayerNorm.statistics(x.dtype());
    Layout perGroup = Layout.contiguous(x.size(0), a.count);
    Strided scale = weight == null ? null : weight.strided();
    Strided shift = bias == null ? null : bias.strided();
    Tensor in = x.contiguous();
    Tensor[] results = FUSED_FORWARD.runMulti(UNIT, x.device(), new DType[] {x.dtype(), wide, wide},
        new Layout[] {Layout.contiguous(x.sizes()), perGroup, perGroup}, new @Nullable Tensor[] {in, weight, bias},
        (k, outs) -> k.groupNorm(outs[0], outs[1], outs[2], in.strided(), scale, shift, a.eps));
    results[0] = Copies.asImages(x, results[0]);
    return results;
  }

  /// Composed of other operations: y, mean and rstd.
  private static Tensor[] reference(Tensor x, @Nullable Tensor weight, @Nullable Tensor bias, Groups a) {
    Statistics of = statistics(x, a);
    Tensor y = of.normal.reshape(x.sizes());
    y = weight == null ? y : y.mul(perChannel(weight, x));
    y = bias == null ? y : y.add(perChannel(bias, x));
    long[] perGroup = {x.size(0), a.count};
    return new Tensor[] {Copies.asImages(x, y.to(x.dtype())), of.mean.reshape(perGroup), of.rstd.reshape(perGroup)};
  }

  /// For each sample's groups in turn what it has as a whole, and its elements normalised by that, in the dtype of statistics.
  private record Statistics(Tensor mean, Tensor rstd, Tensor normal) {}

  private static Statistics statistics(Tensor x, Groups a) {
    int[] last = {-1};
    long rows = x.size(0) * a.count;
    Tensor in = x.to(LayerNorm.statistics(x.dtype())).reshape(rows, rows == 0 ? 0 : x.numel() / rows);
    Tensor mean = in.mean(last, true);
    Tensor rstd = Moments.var(in, last, 0, true).add(a.eps).rsqrt();
    return new Statistics(mean, rstd, in.sub(mean).mul(rstd));
  }

  private static Tensor perChannel(Tensor parameter, Tensor x) {
    long[] sizes = new long[x.dim()];
    Arrays.fill(sizes, 1);
    sizes[1] = x.size(1);
    return parameter.reshape(sizes);
  }

  // ---- backward ----

  private static @Nullable Tensor[] backward(@Nullable Tensor g, Saved s, Groups a) {
    if (g == null) {
      return new Tensor[3];
    }
    if (!s.needs(0) && !s.needs(1)) {
      return new @Nullable Tensor[] {null, null, g.sum(allButChannels(g))};
    }
    Tensor x = s.input(0);
    Tensor weight = s.inputOrNull(1);
    if (GradMode.isEnabled() || !isFused(x, weight, null)) {
      return composed(g, x, weight, s, a);
    }
    Tensor grad = g.contiguous();
    Tensor in = x.contiguous();
    Strided mean = s.result(1).strided();
    Strided rstd = s.result(2).strided();
    Strided scale = weight == null ? null : weight.strided();
    @Nullable Tensor[] found = FusedGradients.run(FUSED_BACKWARD, UNIT, s,
        new @Nullable Tensor[] {grad, in, s.result(1), s.result(2), weight},
        (k, grads) -> k.groupNormBackward(grads[0], grads[1], grads[2], grad.strided(), in.strided(), mean, rstd, scale));
    Tensor ofX = found[0];
    found[0] = ofX == null ? null : Copies.asImages(x, ofX);
    return found;
  }

  /// The statistics as functions of x.
  private static @Nullable Tensor[] composed(Tensor g, Tensor x, @Nullable Tensor weight, Saved s, Groups a) {
    DType wide = LayerNorm.statistics(x.dtype());
    Statistics of = statistics(x, a);
    Tensor grad = g.to(wide);
    @Nullable Tensor[] grads = new Tensor[3];
    if (s.needs(0)) {
      Tensor scaled = weight == null ? grad : grad.mul(perChannel(weight.to(wide), x));
      grads[0] = LayerNorm.throughRows(scaled.reshape(of.normal.sizes()), of.normal, of.rstd).to(x.dtype()).reshape(x.sizes());
    }
    if (s.needs(1)) {
      grads[1] = grad.mul(of.normal.reshape(x.sizes())).sum(allButChannels(x));
    }
    if (s.needs(2)) {
      grads[2] = grad.sum(allButChannels(x));
    }
    return grads;
  }

  private static int[] allButChannels(Tensor x) {
    int[] dims = new int[x.dim() - 1];
    Arrays.setAll(dims, d -> d == 0 ? 0 : d + 1);
    return dims;
  }

  // ---- checks ----

  private static void check(Tensor x, int groups, @Nullable Tensor weight, @Nullable Tensor bias) {
    if (x.dim() < 2) {
      throw new IllegalArgumentException("[group_norm] Expected at least 2 dimensions for input tensor but received " + x.dim());
    }
    if (groups < 1) {
      throw new IllegalArgumentException("[group_norm] Expected num groups to be greater than 0, got " + groups);
    }
    if (x.size(1) % groups != 0) {
      throw new IllegalArgumentException(
          "[group_norm] Expected number of channels in input to be divisible by num_groups, but got input of shape "
              + list(x.sizes()) + " and num_groups=" + groups);
    }
    if (x.numel() == groups) {
      long[] perGroup = x.sizes();
      perGroup[0] = x.size(0) * x.size(1) / groups;
      perGroup[1] = groups;
      throw new IllegalArgumentException(
          "[group_norm] Expected more than 1 value per channel when training, got input size " + list(perGroup));
    }
    checkChannels("weight", weight, x);
    checkChannels("bias", bias, x);
    Promotion.requireFloat("group_norm", x);
    Device _ = Binary.device("group_norm", x, weight, bias);
  }

  private static void checkChannels(String name, @Nullable Tensor parameter, Tensor x) {
    if (parameter != null && (parameter.dim() != 1 || parameter.size(0) != x.size(1))) {
      throw new IllegalArgumentException(
          "[group_norm] Expected " + name + " to be a vector of size equal to the number of channels in input, "
              + "but got " + name + " of shape " + list(parameter.sizes()) + " and input of shape " + list(x.sizes()));
    }
  }
}
