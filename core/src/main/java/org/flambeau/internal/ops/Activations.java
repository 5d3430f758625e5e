package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.piecewiseLinear;
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

  /// `scale·x` where x is positive, else `scale·alpha·(exp(inner·x) − 1)`.
  private record Exponential(double alpha, double scale, double inner) {}

  /// @param threshold of x·beta, above which the function is taken for the identity
  private record Softness(double beta, double threshold) {
    /// Whether the threshold makes a difference: e⁻²⁰ is less than float32 rounds off beside 1.
    boolean showsIn(DType dtype) {
      return dtype == DType.FLOAT64 || beta != 1 || !(threshold >= 20);
    }
  }

  private static final Op<Bounds> HARDTANH = Op.of("hardtanh",
      Derivative.of("HardtanhBackward0", piecewiseLinear(term(saves(0),
          (g, s, a) -> g.maskedFill(s.input(0).le(a.low).logicalOr(s.input(0).ge(a.high)), 0)))));
  private static final Op<Softness> SOFTPLUS = Op.of("softplus", Derivative.of("SoftplusBackward0", term(saves(0), (g, s, a) -> {
    Tensor scaled = a.beta == 1 ? s.input(0) : s.input(0).mul(a.beta);
    Tensor soft = g.mul(scaled.sigmoid());
    return a.showsIn(scaled.dtype()) ? Tensor.where(scaled.gt(a.threshold), g, soft) : soft;
  })));
  private static final Op<Unit> HARDSIGMOID = Op.of("hardsigmoid", Derivative.of("HardsigmoidBackward0", piecewiseLinear(term(saves(0),
      (g, s, _) -> GradMode.isEnabled()
          ? Tensor.where(s.input(0).gt(-3).logicalAnd(s.input(0).lt(3)), g.mul(1.0 / 6), 0)
          : Binary.fusedBackward(BinaryOp.HARDSIGMOID_BACKWARD, g, s.input(0))))));
  private static final Op<Unit> HARDSWISH = Op.of("hardswish", Derivative.of("HardswishBackward0", term(saves(0), (g, s, _) -> {
    Tensor x = s.input(0);
    return GradMode.isEnabled()
        ? Tensor.where(x.le(-3), 0, Tensor.where(x.lt(3), g.mul(x.div(3).add(0.5)), g))
        : Binary.fusedBackward(BinaryOp.HARDSWISH_BACKWARD, g, x);
  })));
  private static final Op<Unit> LOG_SIGMOID = Op.of("log_sigmoid", Derivative.of("LogSigmoidBackward0", term(saves(0),
      (g, s, _) -> g.mul(s.input(0).neg().sigmoid()))));
  private static final Op<Exponential> ELU = exponential("elu", "EluBackward0");
  private static final Op<Exponential> CELU = exponential("celu", "CeluBackward0");
  private static final Op<Unit> PRELU = Op.of("prelu", Derivative.of("PreluKernelBackward0",
      piecewiseLinear(term(saves(0, 1), (g, s, _) -> Tensor.where(s.input(0).gt(0), g, g.mul(s.input(1))))),
      piecewiseLinear(fixing(saves(1), term(saves(0), (g, s, _) -> {
        Tensor x = s.input(0);
        return Tensor.where(x.gt(0), 0, g.mul(GradMode.isEnabled() ? x.maskedFill(x.ge(0), 0) : x));
      })))));
  private static final Op<Double> THRESHOLD = Op.of("threshold", Derivative.of("ThresholdBackward0",
      piecewiseLinear(term(saves(0), (g, s, threshold) -> g.maskedFill(s.input(0).le(threshold), 0)))));
  private static final Op<Integer> GLU = Op.of("glu", Derivative.of("GluBackward0", term(saves(0), (g, s, dim) -> {
    Tensor gate = half(s.input(0), dim, 1).sigmoid();
    Tensor gated = g.mul(gate);
    return Joining.cat(dim, gated, gate.rsub(1).mul(gated).mul(half(s.input(0), dim, 0)));
  })));
  private static final Op<Unit> MISH = Op.of("mish", Derivative.of("MishBackward0", term(saves(0), (g, s, _) -> {
    Tensor x = s.input(0);
    Tensor tanh = Unary.SOFTPLUS_ONE.of(x).tanh();
    return g.mul(tanh.add(x.mul(x.sigmoid()).mul(tanh.square().rsub(1))));
  })));

  private Activations() {}

  private static Op<Exponential> exponential(String name, String node) {
    return Op.of(name, Derivative.of(node, term(saves(0), (g, s, a) -> {
      Tensor x = s.input(0);
      Tensor falling = GradMode.isEnabled() ? Tensor.where(x.lt(0), x, 0) : x; // a second derivative sees the exponential on either side
      Tensor inner = a.inner == 1 ? falling : falling.mul(a.inner);
      return Tensor.where(x.le(0), g.mul(inner.exp().mul(a.alpha * a.scale * a.inner)), a.scale == 1 ? g : g.mul(a.scale));
    })));
  }

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

  /// `scale·x` where x is positive, else `scale·alpha·(exp(x) − 1)`.
  public static Tensor elu(Tensor x, double alpha, double scale) {
    Promotion.requireFloat("elu", x);
    Strided in = x.strided();
    return ELU.run(new Exponential(alpha, scale, 1), x.dtype(), Layout.like(in), x, (k, out) -> k.elu(out, in, alpha, scale));
  }

  /// x where it is positive, else `alpha·(exp(x/alpha) − 1)`.
  public static Tensor celu(Tensor x, double alpha) {
    Promotion.requireFloat("celu", x);
    Exponential a = new Exponential(alpha, 1, 1 / alpha);
    Strided in = x.strided();
    return alpha == 1
        ? CELU.run(a, x.dtype(), Layout.like(in), x, (k, out) -> k.elu(out, in, 1, 1))
        : CELU.compose(a, new Tensor[] {x}, () -> Tensor.where(x.gt(0), x, x.div(alpha).expm1_().mul_(alpha)));
  }

  /// x where it is positive, else weight·x.
  public static Tensor prelu(Tensor x, Tensor weight) {
    Promotion.requireFloat("prelu", x);
    if (weight.dtype() != x.dtype()) {
      throw new IllegalArgumentException("[prelu] Type promoting not supported. Got x of " + x.dtype().label() + " and weight of "
          + weight.dtype().label() + ": cast one of them");
    }
    return PRELU.compose(Unit.UNIT, new Tensor[] {x, weight}, () -> Tensor.where(x.gt(0), x, x.mul(weight)));
  }

  /// x where it is above `threshold`, else `value`.
  public static Tensor threshold(Tensor x, double threshold, double value) {
    return THRESHOLD.compose(threshold, new Tensor[] {x}, () -> x.maskedFill(x.le(threshold), value));
  }

  /// The first half of x along `dim`, times the sigmoid of the second.
  public static Tensor glu(Tensor x, int dim) {
    Promotion.requireFloat("glu", x);
    long size = x.size(dim);
    if (size % 2 != 0) {
      throw new IllegalArgumentException("[glu] Halving dimension must be even, but dimension " + dim + " is size " + size);
    }
    return GLU.compose(dim, new Tensor[] {x}, () -> half(x, dim, 0).mul(half(x, dim, 1).sigmoid()));
  }

  private static Tensor half(Tensor x, int dim, int number) {
    long length = x.size(dim) / 2;
    return x.narrow(dim, number * length, length);
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
