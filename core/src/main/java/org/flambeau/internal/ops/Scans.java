package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;

/// Running reductions along one dimension.
public final class Scans {
  private static final Op<Integer> CUMSUM = Op.of("cumsum", Derivative.of("CumsumBackward0", term((g, _, dim) -> reversedSum(g, dim))));
  private static final Op<Integer> CUMPROD = Op.of("cumprod", Derivative.of("CumprodBackward0",
      term(saves(0) | RESULT, (g, s, dim) -> productBack(g, s.input(0), s.result(), dim))));

  private Scans() {}

  public static Tensor cumsum(Tensor x, int dim) {
    return run(CUMSUM, ScanOp.CUMSUM, x, dim);
  }

  public static Tensor cumprod(Tensor x, int dim) {
    return run(CUMPROD, ScanOp.CUMPROD, x, dim);
  }

  private static Tensor run(Op<Integer> op, ScanOp kernel, Tensor x, int dim) {
    int at = Shapes.dim(op.name(), dim, x.dim());
    Tensor operand = x.dtype().isFloating() ? x : x.to(DType.INT64);
    Strided in = operand.strided();
    Layout layout = Layout.contiguous(in.sizes());
    return op.run(at, in.dtype(), layout, operand, (k, out) -> {
      if (in.rank() == 0) {
        k.copy(out, in);
      } else {
        k.scan(kernel, out, in, at);
      }
    });
  }

  private static Tensor reversedSum(Tensor g, int dim) {
    return g.dim() == 0 ? g : g.flip(dim).cumsum(dim).flip(dim);
  }

  /// ∂/∂xₖ of Σ gᵢ·(x₀⋯xᵢ) = Σ_{i≥k} gᵢ·Π_{j≤i, j≠k} xⱼ. Where no factor is 0 that is the reversed running sum of g·result
  /// divided by x; else each k is computed with xₖ set to 1 and what comes before it left out.
  private static Tensor productBack(Tensor g, Tensor x, Tensor result, int dim) {
    if (x.dim() == 0) {
      return g;
    }
    if (!x.eq(0).any().toBoolean()) {
      return reversedSum(g.mul(result), dim).div(x);
    }
    long n = x.size(dim);
    Tensor[] parts = new Tensor[(int) n];
    for (int k = 0; k < n; k++) {
      Tensor one = Tensor.onesLike(x.narrow(dim, k, 1));
      Tensor others = Joining.cat(dim, x.narrow(dim, 0, k), one, x.narrow(dim, k + 1, n - k - 1)).cumprod(dim);
      parts[k] = g.narrow(dim, k, n - k).mul(others.narrow(dim, k, n - k)).sum(new int[] {dim}, true);
    }
    return Joining.cat(dim, parts);
  }
}
