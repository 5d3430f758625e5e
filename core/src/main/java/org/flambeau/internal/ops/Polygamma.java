package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;

/// The derivatives of log Γ from the first on: digamma, trigamma, and by Hurwitz' zeta function all others.
public final class Polygamma {
  private static final Op<Integer> POLYGAMMA = Op.of("polygamma", Derivative.of("PolygammaBackward0",
      term(saves(0), (g, s, n) -> g.mul(polygamma(s.input(0), n + 1)))));

  private Polygamma() {}

  /// The n-th derivative of digamma.
  public static Tensor polygamma(Tensor x, int n) {
    if (n < 0) {
      throw new IllegalArgumentException("[polygamma] polygamma(n, x) does not support negative n, got " + n);
    }
    Tensor real = x.to(Promotion.toFloat(x.dtype()));
    Strided in = real.strided();
    return POLYGAMMA.run(n, real.dtype(), Layout.like(in), real, (k, out) -> compute(k, out, in, n));
  }

  /// For n of 2 and more: (−1)ⁿ⁺¹·n!·ζ(n + 1, x).
  private static void compute(Kernels k, Strided out, Strided x, int n) {
    switch (n) {
      case 0 -> k.unary(UnaryOp.DIGAMMA, out, x);
      case 1 -> k.unary(UnaryOp.TRIGAMMA, out, x);
      default -> {
        double factor = n % 2 == 0 ? -1 : 1;
        for (int i = 2; i <= n; i++) {
          factor *= i;
        }
        k.binary(BinaryOp.ZETA, out, Creation.hostScalar(n + 1.0), x);
        k.binary(BinaryOp.MUL, out, out, Creation.hostScalar(factor));
      }
    }
  }
}
