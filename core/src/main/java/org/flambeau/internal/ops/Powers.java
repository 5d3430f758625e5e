package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// Powers, with the common exponents as cheaper operations.
public final class Powers {
  private static final Op<Double> POW_NUMBER = Op.of("pow_number",
      Derivative.of("PowBackward0", term(saves(0), (g, s, exponent) -> exponent == 0
          ? g.zerosLike()
          : g.mul(times(pow(s.input(0), exponent - 1), exponent)))));
  private static final Op<Double> NUMBER_POW = Op.of("number_pow", Derivative.of("PowBackward2",
      fixing(saves(0), term(RESULT, (g, s, base) -> {
        Tensor power = s.result();
        Tensor slope = power.mul(Math.log(base));
        return g.mul(base == 0 ? Tensor.where(power.le(1), 0, slope) : slope); // 0 to the power of a number ≥ 0 is 0 or 1
      }))));

  private Powers() {}

  private static Tensor times(Tensor x, double factor) {
    return factor == 1 ? x : x.mul(factor);
  }

  public static Tensor pow(Tensor base, Tensor exponent) {
    if (base.isWrappedNumber() && Op.given("pow", "operand 2", exponent).dtype().isFloating()) {
      return pow(base.strided().scalarDouble(), exponent);
    }
    return Binary.POW.of(base, exponent);
  }

  public static Tensor pow(Tensor base, long exponent) {
    return base.dtype().isFloating() ? pow(base, (double) exponent) : Binary.POW.of(base, whole(base, exponent));
  }

  public static Tensor pow(Tensor base, double exponent) {
    AutocastPolicy policy = AutocastPolicy.of("pow", base);
    if (policy != null) {
      return policy.runUnary(c -> pow(c, exponent), base);
    }
    if (!base.dtype().isFloating()) {
      return Binary.POW.of(base, Tensor.number(exponent));
    }
    checkHalf(base, exponent);
    Strided x = base.strided();
    return POW_NUMBER.run(exponent, x.dtype(), Layout.like(x), base, (k, out) -> raise(k, out, x, exponent));
  }

  public static Tensor powInPlace(Tensor base, long exponent) {
    return base.dtype().isFloating() ? powInPlace(base, (double) exponent) : Binary.POW.inPlace(base, whole(base, exponent));
  }

  public static Tensor powInPlace(Tensor base, double exponent) {
    if (!base.dtype().isFloating()) {
      return Binary.POW.inPlace(base, Tensor.number(exponent));
    }
    checkHalf(base, exponent);
    return POW_NUMBER.runInPlace(exponent, base, new Tensor[] {base}, (k, out) -> raise(k, out, out, exponent));
  }

  private static Tensor whole(Tensor base, long exponent) {
    if (exponent < 0) {
      throw new IllegalArgumentException("[pow] Integers to negative integer powers are not allowed, got the exponent " + exponent);
    }
    Promotion.checkHolds("pow", base.dtype(), exponent);
    return Tensor.number(exponent);
  }

  private static void checkHalf(Tensor base, double exponent) {
    if (base.dtype().size() == 2) {
      Promotion.checkHolds("pow", base.dtype(), exponent);
    }
  }

  private static void raise(Kernels k, Strided out, Strided x, double exponent) {
    if (exponent == 1) {
      k.copy(out, x);
    } else if (exponent == 2) {
      k.unary(UnaryOp.SQUARE, out, x);
    } else if (exponent == 3) {
      k.unary(UnaryOp.CUBE, out, x);
    } else if (exponent == 0.5) {
      k.unary(UnaryOp.SQRT, out, x);
    } else if (exponent == -0.5) {
      k.unary(UnaryOp.RSQRT, out, x);
    } else if (exponent == -1) {
      k.unary(UnaryOp.RECIPROCAL, out, x);
    } else {
      k.binary(BinaryOp.POW, out, x, Creation.hostScalar(exponent, x.dtype()));
    }
  }

  /// baseˣ for a number `base` and real x.
  private static Tensor pow(double base, Tensor exponent) {
    AutocastPolicy policy = AutocastPolicy.of("pow", exponent);
    if (policy != null) {
      return policy.runUnary(c -> pow(base, c), exponent);
    }
    Strided x = exponent.strided();
    return NUMBER_POW.run(base, x.dtype(), Layout.like(x), exponent,
        (k, out) -> k.binary(BinaryOp.POW, out, Creation.hostScalar(base, x.dtype()), x));
  }
}
