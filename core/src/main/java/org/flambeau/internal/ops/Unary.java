package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Locale;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.autograd.PiecewiseConstant;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// The element-wise operations of one operand, with their derivatives.
public final class Unary {
  private static final double LN_2 = Math.log(2);
  private static final double LN_10 = Math.log(10);
  private static final double TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

  public static final Unary ABS = of("abs", UnaryOp.ABS, term(saves(0), (g, s, _) -> g.mul(s.input(0).sign())));
  public static final Unary NEG = of("neg", UnaryOp.NEG, term((g, _, _) -> g.neg()));
  public static final Unary SIGN = constant("sign", UnaryOp.SIGN);
  public static final Unary CEIL = constant("ceil", UnaryOp.CEIL);
  public static final Unary FLOOR = constant("floor", UnaryOp.FLOOR);
  public static final Unary ROUND = constant("round", UnaryOp.ROUND);
  public static final Unary TRUNC = constant("trunc", UnaryOp.TRUNC);
  public static final Unary SQUARE = of("square", "PowBackward0", UnaryOp.SQUARE, term(saves(0), (g, s, _) -> g.mul(s.input(0).mul(2))));
  public static final Unary SQRT = of("sqrt", UnaryOp.SQRT, term(RESULT, (g, s, _) -> g.div(s.result().mul(2))));
  public static final Unary RSQRT = of("rsqrt", UnaryOp.RSQRT, term(RESULT, (g, s, _) -> g.mul(s.result().pow(3)).mul(-0.5)));
  public static final Unary RECIPROCAL = of("reciprocal", UnaryOp.RECIPROCAL,
      term(RESULT, (g, s, _) -> g.neg().mul(s.result().mul(s.result()))));
  public static final Unary EXP = of("exp", UnaryOp.EXP, term(RESULT, (g, s, _) -> g.mul(s.result())));
  public static final Unary EXP2 = of("exp2", UnaryOp.EXP2, term(RESULT, (g, s, _) -> g.mul(s.result()).mul(LN_2)));
  public static final Unary EXPM1 = of("expm1", UnaryOp.EXPM1, term(RESULT, (g, s, _) -> g.mul(s.result().add(1))));
  public static final Unary LOG = of("log", UnaryOp.LOG, term(saves(0), (g, s, _) -> g.div(s.input(0))));
  public static final Unary LOG2 = of("log2", UnaryOp.LOG2, term(saves(0), (g, s, _) -> g.div(s.input(0).mul(LN_2))));
  public static final Unary LOG10 = of("log10", UnaryOp.LOG10, term(saves(0), (g, s, _) -> g.div(s.input(0).mul(LN_10))));
  public static final Unary LOG1P = of("log1p", UnaryOp.LOG1P, term(saves(0), (g, s, _) -> g.div(s.input(0).add(1))));
  public static final Unary SIN = of("sin", UnaryOp.SIN, term(saves(0), (g, s, _) -> g.mul(s.input(0).cos())));
  public static final Unary COS = of("cos", UnaryOp.COS, term(saves(0), (g, s, _) -> g.mul(s.input(0).sin().neg())));
  public static final Unary TAN = of("tan", UnaryOp.TAN, term(RESULT, (g, s, _) -> g.mul(s.result().square().add(1))));
  public static final Unary ASIN = of("asin", UnaryOp.ASIN, term(saves(0), (g, s, _) -> g.mul(oneMinusSquare(s.input(0)).rsqrt())));
  public static final Unary ACOS = of("acos", UnaryOp.ACOS, term(saves(0), (g, s, _) -> g.mul(oneMinusSquare(s.input(0)).rsqrt().neg())));
  public static final Unary ATAN = of("atan", UnaryOp.ATAN, term(saves(0), (g, s, _) -> g.div(s.input(0).square().add(1))));
  public static final Unary SINH = of("sinh", UnaryOp.SINH, term(saves(0), (g, s, _) -> g.mul(s.input(0).cosh())));
  public static final Unary COSH = of("cosh", UnaryOp.COSH, term(saves(0), (g, s, _) -> g.mul(s.input(0).sinh())));
  public static final Unary TANH = of("tanh", UnaryOp.TANH, term(RESULT, (g, s, _) -> GradMode.isEnabled()
      ? g.mul(oneMinusSquare(s.result()))
      : Binary.fusedBackward(BinaryOp.TANH_BACKWARD, g, s.result())));
  public static final Unary ASINH = of("asinh", UnaryOp.ASINH, term(saves(0), (g, s, _) -> g.mul(s.input(0).square().add(1).rsqrt())));
  public static final Unary ACOSH = of("acosh", UnaryOp.ACOSH, term(saves(0), (g, s, _) -> g.mul(s.input(0).square().sub(1).rsqrt())));
  public static final Unary ATANH = of("atanh", UnaryOp.ATANH, term(saves(0), (g, s, _) -> g.div(oneMinusSquare(s.input(0)))));
  public static final Unary ERF = of("erf", UnaryOp.ERF,
      term(saves(0), (g, s, _) -> g.mul(s.input(0).square().neg().exp()).mul(TWO_OVER_SQRT_PI)));
  public static final Unary ERFC = of("erfc", UnaryOp.ERFC,
      term(saves(0), (g, s, _) -> g.mul(s.input(0).square().neg().exp()).mul(-TWO_OVER_SQRT_PI)));
  public static final Unary ERFINV = of("erfinv", UnaryOp.ERFINV,
      term(saves(0), (g, s, _) -> g.mul(s.input(0).erfinv().square().exp()).div(TWO_OVER_SQRT_PI)));
  public static final Unary LGAMMA = of("lgamma", UnaryOp.LGAMMA, term(saves(0), (g, s, _) -> g.mul(s.input(0).digamma())));
  public static final Unary DIGAMMA = of("digamma", UnaryOp.DIGAMMA,
      term(saves(0), (g, s, _) -> g.mul(Polygamma.polygamma(s.input(0), 1))));
  public static final Unary LOGIT = of("logit", UnaryOp.LOGIT, term(saves(0), (g, s, _) -> {
    Tensor x = s.input(0);
    return g.div(x.mul(x.rsub(1))).maskedFill(x.lt(0).logicalOr(x.gt(1)), Double.NaN);
  }));
  public static final Unary SIGMOID = of("sigmoid", UnaryOp.SIGMOID, term(RESULT, (g, s, _) -> GradMode.isEnabled()
      ? g.mul(s.result()).mul(s.result().rsub(1))
      : Binary.fusedBackward(BinaryOp.SIGMOID_BACKWARD, g, s.result())));
  public static final Unary RELU = of("relu", UnaryOp.RELU, term(RESULT, (g, s, _) -> reluBackward(g, s.result())));
  public static final Unary SILU = of("silu", UnaryOp.SILU, term(saves(0), (g, s, _) -> {
    if (!GradMode.isEnabled()) {
      return Binary.fusedBackward(BinaryOp.SILU_BACKWARD, g, s.input(0));
    }
    Tensor sigmoid = s.input(0).sigmoid();
    return g.mul(sigmoid).mul(s.input(0).mul(sigmoid.rsub(1)).add(1));
  }));
  public static final Unary GELU = of("gelu", UnaryOp.GELU, term(saves(0), (g, s, _) -> {
    if (!GradMode.isEnabled()) {
      return Binary.fusedBackward(BinaryOp.GELU_BACKWARD, g, s.input(0));
    }
    Tensor x = s.input(0);
    Tensor cdf = x.mul(Math.sqrt(0.5)).erf().add(1).mul(0.5);
    Tensor pdf = x.square().mul(-0.5).exp().mul(1 / Math.sqrt(2 * Math.PI));
    return g.mul(cdf.add(x.mul(pdf)));
  }));
  public static final Unary GELU_TANH = of("gelu_tanh", "GeluBackward0", UnaryOp.GELU_TANH, term(saves(0), (g, s, _) -> {
    if (!GradMode.isEnabled()) {
      return Binary.fusedBackward(BinaryOp.GELU_TANH_BACKWARD, g, s.input(0));
    }
    Tensor x = s.input(0);
    double scale = Math.sqrt(2 / Math.PI);
    Tensor tanh = x.add(x.pow(3).mul(0.044715)).mul(scale).tanh();
    Tensor inner = x.square().mul(3 * 0.044715).add(1).mul(scale);
    return g.mul(tanh.add(1).mul(0.5).add(x.mul(0.5).mul(oneMinusSquare(tanh)).mul(inner)));
  }));
  public static final Unary SOFTPLUS_ONE = of("softplus_one", "SoftplusBackward0", UnaryOp.SOFTPLUS,
      term(saves(0), (g, s, _) -> g.mul(s.input(0).sigmoid())));
  public static final Unary BITWISE_NOT = predicate("bitwise_not", UnaryOp.BITWISE_NOT);
  public static final Unary LOGICAL_NOT = predicate("logical_not", UnaryOp.LOGICAL_NOT);
  public static final Unary IS_NAN = predicate("isnan", UnaryOp.IS_NAN);
  public static final Unary IS_INF = predicate("isinf", UnaryOp.IS_INF);
  public static final Unary IS_FINITE = predicate("isfinite", UnaryOp.IS_FINITE);

  private final Op<Unit> op;
  private final UnaryOp kernel;
  private final boolean autocast;

  private Unary(Op<Unit> op, UnaryOp kernel) {
    this.op = op;
    this.kernel = kernel;
    this.autocast = AutocastPolicy.treats(op.name());
  }

  private static Unary of(String name, UnaryOp kernel, Term<Unit> term) {
    return of(name, nodeName(name), kernel, term);
  }

  private static Unary of(String name, String node, UnaryOp kernel, Term<Unit> term) {
    return new Unary(Op.of(name, Derivative.of(node, term)), kernel);
  }

  private static Unary constant(String name, UnaryOp kernel) {
    return new Unary(Op.of(name, Derivative.zero(nodeName(name))), kernel);
  }

  private static Unary predicate(String name, UnaryOp kernel) {
    return new Unary(Op.notDifferentiable(name), kernel);
  }

  static String nodeName(String op) {
    return op.equals("log1p") ? "Log1PBackward0" : op.substring(0, 1).toUpperCase(Locale.ROOT) + op.substring(1) + "Backward0";
  }

  private static Tensor oneMinusSquare(Tensor x) {
    return x.square().rsub(1);
  }

  /// The operation's result as a new tensor. Integral operands of real functions are taken as float32.
  public Tensor of(Tensor x) {
    AutocastPolicy policy = autocast ? AutocastPolicy.of(op.name(), x) : null;
    if (policy != null) {
      return policy.runUnary(this::of, x);
    }
    Tensor operand = operand(x);
    DType dtype = kernel.isPredicate() ? DType.BOOL : operand.dtype();
    Strided in = operand.strided();
    return op.run(UNIT, dtype, Layout.like(in), operand, (k, out) -> k.unary(kernel, out, in));
  }

  /// The operation's result in the place of `x`.
  public Tensor inPlace(Tensor x) {
    Tensor operand = operand(x);
    if (kernel.isPredicate() && x.dtype() != DType.BOOL || operand != x) {
      Promotion.checkStore(op.name(), operand.dtype(), x.dtype());
      return x.copy_(of(x));
    }
    return op.runInPlace(UNIT, x, new Tensor[] {x}, (k, out) -> k.unary(kernel, out, out));
  }

  /// The gradient g where ReLU's result is positive.
  static Tensor reluBackward(Tensor g, Tensor result) {
    return GradMode.isEnabled()
        ? PiecewiseConstant.in(result, g.mul(result.gt(0)))
        : Binary.fusedBackward(BinaryOp.RELU_BACKWARD, g, result);
  }

  private Tensor operand(Tensor x) {
    if (x.dtype() == DType.BOOL && kernel == UnaryOp.NEG) {
      throw new IllegalArgumentException(
          "[neg] Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
              + "mask, use logicalNot() instead.");
    }
    if (kernel == UnaryOp.BITWISE_NOT) {
      if (x.dtype().isFloating()) {
        throw new IllegalArgumentException("[bitwise_not] expected an integral or bool tensor, got " + x.dtype().label());
      }
      return x;
    }
    if (x.dtype() == DType.BOOL) {
      switch (kernel) {
        case SQUARE -> {
          return x.to(DType.INT64);
        }
        case ABS, CEIL, FLOOR, ROUND, TRUNC, RELU -> throw Promotion.noBool(op.name());
        default -> {}
      }
    }
    return x.dtype().isFloating() || kernel.whole() != null ? x : x.to(DType.FLOAT32);
  }
}
