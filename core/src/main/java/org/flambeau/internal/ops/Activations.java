package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// Element-wise functions of networks that have parameters, or are made of others.
public final class Activations {
  private record Bounds(double low, double high) {}

  /// @param threshold of x·beta, above which the function is taken for the identity
  private record Softness(double beta, double threshold) {
    /// Whether the threshold makes a difference: e⁻²⁰ is less than float32 rounds off beside 1.
    boolean showsIn(DType dtype) {
      return dtype == DType.FLOAT64 || beta != 1 || !(threshold >= 20);
    }
  }

  private static final Op<Bounds> HARDTANH = Op.of("hardtanh",
      Derivative.of("HardtanhBackward0", term(saves(0),
          (g, s, a) -> g.maskedFill(s.input(0).le(a.low).logicalOr(s.input(0).ge(a.high)), 0))));
  private static final Op<Softness> SOFTPLUS = Op.of("softplus", Derivative.of("SoftplusBackward0", term(saves(0), (g, s, a) -> {
    Tensor scaled = a.beta == 1 ? s.input(0) : s.input(0).mul(a.beta);
    Tensor soft = g.mul(scaled.sigmoid());
    return a.showsIn(scaled.dtype()) ? Tensor.where(scaled.gt(a.threshold), g, soft) : soft;
  })));
  private static final Op<Unit> HARDSIGMOID = Op.of("hardsigmoid", Derivative.of("HardsigmoidBackward0", term(saves(0),
      (g, s, _) -> GradMode.isEnabled()
          ? Tensor.where(s.input(0).gt(-3).logicalAnd(s.input(0).lt(3)), g.mul(1.0 / 6), 0)
          : Binary.fusedBackward(BinaryOp.HARDSIGMOID_BACKWARD, g, s.input(0)))));
  private static final Op<Unit> HARDSWISH = Op.of("hardswish", Derivative.of("HardswishBackward0", term(saves(0), (g, s, _) -> {
    Tensor x = s.input(0);
    return GradMode.isEnabled()
        ? Tensor.where(x.le(-3), 0, Tensor.where(x.lt(3), g.mul(x.div(3).add(0.5)), g))
        : Binary.fusedBackward(BinaryOp.HARDSWISH_BACKWARD, g, x);
  })));
  private static final Op<Unit> LOG_SIGMOID = Op.of("log_sigmoid", Derivative.of("LogSigmoidBackward0", term(saves(0),
      (g, s, _) -> g.mul(s.input(0).neg().sigmoid()))));
  private static final Op<Unit> MISH = Op.of("mish", Derivative.of("MishBackward0", term(saves(0), (g, s, _) -> {
    Tensor x = s.input(0);
    Tensor tanh = Unary.SOFTPLUS_ONE.of(x).tanh();
    return g.mul(tanh.add(x.mul(x.sigmoid()).mul(tanh.square().rsub(1))));
  })));

  private Activations() {}

  /// min(max(x, low), high), with the gradient 0 at the bounds too.
  public static Tensor hardtanh(Tensor x, double low, double high) {
    if (low > high) {
      throw new IllegalArgumentException("[hardtanh] min_val cannot be greater than max_val");
    }
    if (x.dtype() == DType.BOOL) {
      throw Promotion.noBool("hardtanh");
    }
    Strided in = x.strided();
    return HARDTANH.run(new Bounds(low, high), x.dtype(), Layout.like(in), x, (k, out) -> k.clamp(out, in, low, high));
  }

  /// log(1 + exp(beta·x))/beta.
  public static Tensor softplus(Tensor x, double beta, double threshold) {
    AutocastPolicy policy = AutocastPolicy.of("softplus", x);
    if (policy != null) {
      return policy.runUnary(c -> softplus(c, beta, threshold), x);
    }
    Promotion.requireFloat("softplus", x);
    Softness a = new Softness(beta, threshold);
    return SOFTPLUS.compose(a, new Tensor[] {x}, () -> {
      Tensor scaled = beta == 1 ? x : x.mul(beta);
      Tensor soft = Unary.SOFTPLUS_ONE.of(scaled);
      soft = beta == 1 ? soft : soft.div(beta);
      return a.showsIn(x.dtype()) ? Tensor.where(scaled.gt(threshold), x, soft) : soft;
    });
  }

  /// min(max(x + 3, 0), 6)/6.
  public static Tensor hardsigmoid(Tensor x) {
    return elementwise(HARDSIGMOID, UnaryOp.HARDSIGMOID, x);
  }

  /// x·hardsigmoid(x).
  public static Tensor hardswish(Tensor x) {
    return elementwise(HARDSWISH, UnaryOp.HARDSWISH, x);
  }

  private static Tensor elementwise(Op<Unit> op, UnaryOp kernel, Tensor x) {
    Promotion.requireFloat(op.title(), x);
    Strided in = x.strided();
    return op.run(Unit.UNIT, x.dtype(), Layout.like(in), x, (k, out) -> k.unary(kernel, out, in));
  }

  /// log(1/(1 + exp(−x))).
  public static Tensor logSigmoid(Tensor x) {
    Promotion.requireFloat("log_sigmoid", x);
    return LOG_SIGMOID.compose(Unit.UNIT, new Tensor[] {x}, () -> Unary.SOFTPLUS_ONE.of(x.neg()).neg_());
  }

  /// x·tanh(log(1 + exp(x))).
  public static Tensor mish(Tensor x) {
    Promotion.requireFloat("mish", x);
    return MISH.compose(Unit.UNIT, new Tensor[] {x}, () -> Unary.SOFTPLUS_ONE.of(x).tanh_().mul_(x));
  }
}
