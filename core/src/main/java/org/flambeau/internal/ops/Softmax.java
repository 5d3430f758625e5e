package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.Reductions.Over;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// Exponentials that are normalised along a dimension, and the logarithm of their sum; all subtract the largest element
/// first, so that none overflows.
public final class Softmax {
  private record Along(int dim, boolean log) {
    int[] dims() {
      return new int[] {dim};
    }

    FusedOp fused() {
      return log ? FusedOp.LOG_SOFTMAX : FusedOp.SOFTMAX;
    }
  }

  private static final Op<Along> SOFTMAX = Op.of("softmax", Derivative.of("SoftmaxBackward0", term(RESULT, Softmax::backward)));
  private static final Op<Along> LOG_SOFTMAX = Op.of("log_softmax", Derivative.of("LogSoftmaxBackward0", term(RESULT, Softmax::backward)));
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("softmax_backward");
  private static final Op<Over> LOG_SUM_EXP = Op.of("logsumexp", Derivative.of("LogsumexpBackward0", term(saves(0) | RESULT,
      (g, s, a) -> scaledExponentials(s.input(0), Reductions.spread(s.result(), s.sizes(0), a), Reductions.spread(g, s.sizes(0), a)))));

  private Softmax() {}

  public static Tensor softmax(Tensor x, int dim) {
    AutocastPolicy policy = AutocastPolicy.of("softmax", x);
    if (policy != null) {
      return policy.runUnary(c -> softmax(c, dim), x);
    }
    return run(SOFTMAX, x, dim, false);
  }

  public static Tensor logSoftmax(Tensor x, int dim) {
    AutocastPolicy policy = AutocastPolicy.of("log_softmax", x);
    if (policy != null) {
      return policy.runUnary(c -> logSoftmax(c, dim), x);
    }
    return run(LOG_SOFTMAX, x, dim, true);
  }

  private static Tensor run(Op<Along> op, Tensor x, int dim, boolean log) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException("[" + op.title() + "] \"softmax_kernel_impl\" not implemented for " + x.dtype().label()
          + ": cast it with to(FLOAT32) first");
    }
    Along along = new Along(Shapes.dim(op.title(), dim, x.dim()), log);
    if (!x.isContiguous()) { // as the result is, and rows are read more than once
      return op.compose(along, new Tensor[] {x}, () -> run(op, x.contiguous(), along.dim, log));
    }
    Strided in = Shapes.atLeastVector(x.strided());
    if (!Backends.kernels(x.device()).supports(along.fused(), in)) {
      return op.compose(along, new Tensor[] {x}, () -> reference(x, along.dim, log));
    }
    return op.run(along, x.dtype(), Layout.like(x.strided()), x,
        (k, out) -> k.softmax(Shapes.atLeastVector(out), in, along.dim, log));
  }

  /// Softmax, or its logarithm, composed of other operations.
  public static Tensor reference(Tensor x, int dim, boolean log) {
    if (x.numel() == 0) {
      return x.clone();
    }
    int[] dims = {dim};
    Tensor shifted = x.sub(x.amax(dims, true));
    Tensor powers = shifted.exp();
    return log ? shifted.sub(powers.sum(dims, true).log()) : powers.div(powers.sum(dims, true));
  }

  private static Tensor backward(Tensor grad, Saved saved, Along along) {
    Tensor y = saved.result();
    Strided result = Shapes.atLeastVector(y.strided());
    if (!GradMode.isEnabled() && Backends.kernels(y.device()).supports(along.fused(), result)) {
      Strided g = Shapes.atLeastVector(grad.strided());
      return FUSED_BACKWARD.run(UNIT, y.dtype(), Layout.like(y.strided()), y.device(), grad, y,
          (k, out) -> k.softmaxBackward(Shapes.atLeastVector(out), g, result, along.dim, along.log));
    }
    return along.log
        ? grad.sub(y.exp().mul(grad.sum(along.dims(), true)))
        : y.mul(grad.sub(grad.mul(y).sum(along.dims(), true)));
  }

  /// `log Σ eˣ`; infinite where the largest x is.
  public static Tensor logSumExp(Tensor x, int[] dims, boolean keepdim) {
    AutocastPolicy policy = AutocastPolicy.of("logsumexp", x);
    if (policy != null) {
      return policy.runUnary(c -> logSumExp(c, dims, keepdim), x);
    }
    if (!x.dtype().isFloating()) {
      return logSumExp(x.to(DType.FLOAT32), dims, keepdim);
    }
    Reductions.Plan plan = Reductions.plan(LOG_SUM_EXP.title(), x, dims, keepdim);
    Strided in = x.strided();
    if (x.numel() > 0 && Backends.kernels(x.device()).supports(FusedOp.LOG_SUM_EXP, in)) {
      return LOG_SUM_EXP.run(plan.over(0), x.dtype(), plan.layout(), x, (k, out) -> k.logSumExp(plan.kept(out), in));
    }
    return LOG_SUM_EXP.compose(plan.over(0), new Tensor[] {x}, () -> {
      if (x.numel() == 0) {
        return x.exp().sum(dims, keepdim).log();
      }
      Tensor largest = x.amax(dims, true);
      largest = largest.maskedFill(largest.isinf(), 0);
      Tensor log = x.sub(largest).exp_().sum(dims, true).log_().add_(largest);
      return keepdim ? log : log.reshape(plan.layout().sizes());
    });
  }

  /// g·exp(x − log), of which the last two are expanded to the sizes of x.
  private static Tensor scaledExponentials(Tensor x, Tensor log, Tensor g) {
    if (GradMode.isEnabled() || !x.isContiguous() || g.dtype() != x.dtype() || !Chains.pay(x)) {
      return g.mul(x.sub(log).exp());
    }
    return Chains.run(new Tensor[] {x, log, g}, Chains.link(new Pointwise.Binary(BinaryOp.SUB), x, 0, 1),
        Chains.link(new Pointwise.Unary(UnaryOp.EXP), x, 3), Chains.link(new Pointwise.Binary(BinaryOp.MUL), x, 2, 4));
  }
}
