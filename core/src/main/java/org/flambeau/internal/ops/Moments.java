package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.internal.ops.Reductions.Over;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Variances and standard deviations, alone and with the mean.
public final class Moments {
  private static final Op<Over> VAR = Op.of("var", Derivative.of("VarBackward0",
      term(saves(0), (g, s, a) -> varianceBack(Reductions.spread(g, s.sizes(0), a), s.input(0), a))));
  private static final Op<Over> STD = Op.of("std", Derivative.of("StdBackward0",
      term(saves(0) | RESULT, (g, s, a) -> varianceBack(Reductions.spread(throughRoot(g, s.result()), s.sizes(0), a), s.input(0), a))));
  private static final Op<Over> VAR_MEAN = Op.of("var_mean",
      joint("VarMeanBackward0", saves(0), (gs, s, a) -> new Tensor[] {bothBack(gs[0], gs[1], s.input(0), a)}));
  private static final Op<Over> STD_MEAN = Op.of("std_mean", joint("StdMeanBackward0", saves(0) | RESULT, (gs, s, a) -> new Tensor[] {
    bothBack(gs[0] == null ? null : throughRoot(gs[0], s.result()), gs[1], s.input(0), a)}));

  private Moments() {}

  public static Tensor var(Tensor x, int[] dims, double correction, boolean keepdim) {
    requireFloat(VAR, x);
    return Reductions.run(VAR, ReduceOp.VAR, x, dims, keepdim, correction);
  }

  public static Tensor std(Tensor x, int[] dims, double correction, boolean keepdim) {
    requireFloat(STD, x);
    Reductions.Plan plan = Reductions.plan(STD.title(), x, dims, keepdim);
    return STD.run(plan.over(correction), x.dtype(), plan.layout(), x, (k, out) -> deviation(k, plan, out, x.strided(), correction));
  }

  private static void deviation(Kernels k, Reductions.Plan plan, Strided out, Strided x, double correction) {
    k.reduce(ReduceOp.VAR, plan.kept(out), x, correction);
    k.unary(UnaryOp.SQRT, out, out);
  }

  /// The variance and the mean.
  public static Tensor[] varMean(Tensor x, int[] dims, double correction, boolean keepdim) {
    requireFloat(VAR_MEAN, x);
    Strided in = x.strided();
    Reductions.Plan plan = Reductions.plan(VAR_MEAN.title(), x, dims, keepdim);
    return VAR_MEAN.runMulti(plan.over(correction), x.device(), new DType[] {x.dtype(), x.dtype()},
        new Layout[] {plan.layout(), plan.layout()}, new Tensor[] {x}, (k, outs) -> {
          k.reduce(ReduceOp.VAR, plan.kept(outs[0]), in, correction);
          k.reduce(ReduceOp.MEAN, plan.kept(outs[1]), in, 0);
        });
  }

  /// The standard deviation and the mean.
  public static Tensor[] stdMean(Tensor x, int[] dims, double correction, boolean keepdim) {
    requireFloat(STD_MEAN, x);
    Strided in = x.strided();
    Reductions.Plan plan = Reductions.plan(STD_MEAN.title(), x, dims, keepdim);
    return STD_MEAN.runMulti(plan.over(correction), x.device(), new DType[] {x.dtype(), x.dtype()},
        new Layout[] {plan.layout(), plan.layout()}, new Tensor[] {x}, (k, outs) -> {
          deviation(k, plan, outs[0], in, correction);
          k.reduce(ReduceOp.MEAN, plan.kept(outs[1]), in, 0);
        });
  }

  private static void requireFloat(Op<Over> op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException("[" + op.title() + "] std and var only support floating point and complex dtypes, got "
          + x.dtype().label() + ": cast it with to(FLOAT32) first");
    }
  }

  // ---- backwards ----

  /// `2·(x − mean)/(n − correction)`, times a gradient of x's sizes.
  private static Tensor varianceBack(Tensor grad, Tensor x, Over over) {
    double freedom = Math.max(0, Reductions.count(x.sizes(), over) - over.parameter());
    return grad.mul(x.sub(x.mean(over.dims(), true)).mul(2 / freedom));
  }

  /// The gradient of the variance, from that of its root; 0 where the root is 0.
  private static Tensor throughRoot(Tensor grad, Tensor root) {
    return grad.div(root.mul(2)).maskedFill(root.eq(0), 0);
  }

  private static @Nullable Tensor bothBack(@Nullable Tensor variance, @Nullable Tensor mean, Tensor x, Over over) {
    long[] sizes = x.sizes();
    Tensor first = variance == null ? null : varianceBack(Reductions.spread(variance, sizes, over), x, over);
    Tensor second = mean == null ? null : Reductions.spread(mean, sizes, over).div(Reductions.count(sizes, over));
    return first == null ? second : second == null ? first : first.add(second);
  }
}
