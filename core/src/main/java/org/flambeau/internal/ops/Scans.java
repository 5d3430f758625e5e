package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;

/// Running reductions along one dimension.
public final class Scans {
  private static final Op<Integer> CUMSUM = Op.of("cumsum", Derivative.of("CumsumBackward0", term((g, _, dim) -> reversedSum(g, dim))));
  private static final Op<Integer> CUMPROD = Op.of("cumprod", Derivative.of("CumprodBackward0",
      term(saves(0) | RESULT, (g, s, dim) -> productBack(g, s.input(0), s.result(), dim))));
  private static final Op<Integer> CUMMAX = Op.of("cummax", Derivative.of("CummaxBackward0", fixing(saves(0), selected())));
  private static final Op<Integer> CUMMIN = Op.of("cummin", Derivative.of("CumminBackward0", fixing(saves(0), selected())));
  private static final Op<Integer> LOGCUMSUMEXP = Op.of("logcumsumexp", Derivative.of("LogcumsumexpBackward0",
      term(saves(0) | RESULT, (g, s, dim) -> logBack(g, s.input(0), s.result(), dim))));

  private Scans() {}

  public static Tensor cumsum(Tensor x, int dim) {
    AutocastPolicy policy = AutocastPolicy.of("cumsum", x);
    if (policy != null) {
      return policy.runUnary(c -> cumsum(c, dim), x);
    }
    return run(CUMSUM, ScanOp.CUMSUM, x, dim);
  }

  public static Tensor cumprod(Tensor x, int dim) {
    AutocastPolicy policy = AutocastPolicy.of("cumprod", x);
    if (policy != null) {
      return policy.runUnary(c -> cumprod(c, dim), x);
    }
    return run(CUMPROD, ScanOp.CUMPROD, x, dim);
  }

  private static Tensor run(Op<Integer> op, ScanOp kernel, Tensor x, int dim) {
    int at = Shapes.dim(op.name(), dim, x.dim());
    Tensor operand = Reductions.widened(x);
    Strided in = Shapes.atLeastVector(operand.strided());
    return op.run(at, in.dtype(), Layout.contiguous(operand.strided().sizes()), operand,
        (k, out) -> k.scan(kernel, Shapes.atLeastVector(out), in, at));
  }

  private static Tensor reversedSum(Tensor g, int dim) {
    return g.dim() == 0 ? g : g.flip(dim).cumsum(dim).flip(dim);
  }

  /// `∂/∂xₖ of Σ gᵢ·(x₀⋯xᵢ) = Σ_{i≥k} gᵢ·Π_{j≤i, j≠k} xⱼ`. Where no factor is 0 that is the reversed running sum of g·result
  /// divided by x; else, to be differentiated again, each k is computed with xₖ set to 1 and what comes before it left out.
  private static Tensor productBack(Tensor g, Tensor x, Tensor result, int dim) {
    if (x.dim() == 0 || x.numel() == 0 || x.size(dim) == 1) {
      return g;
    }
    // On a device, looking for zeros would mean waiting for them.
    if ((GradMode.isEnabled() || x.device().equals(Device.CPU)) && !x.eq(0).any().toBoolean()) {
      return reversedSum(g.mul(result), dim).div(x);
    }
    if (!GradMode.isEnabled()) {
      return productBackPastZeros(g, x, result, dim);
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

  /// The derivative by what comes before the first 0 is as if nothing came after, by that 0 the same sum up to the second 0 with 1 in the
  /// place of the first, by what comes later 0. What a sum leaves out may be infinite.
  private static Tensor productBackPastZeros(Tensor g, Tensor x, Tensor result, int dim) {
    Tensor zero = x.eq(0);
    Tensor zeros = zero.cumsum(dim);
    Tensor past = zeros.gt(0);
    Tensor outside = zeros.ne(1);
    Tensor first = zero.logicalAnd(outside.logicalNot());
    Tensor before = x.maskedFill(past, 1).prod(new int[] {dim}, true);
    Tensor between = x.maskedFill(outside.logicalOr(zero), 1).cumprod(dim);
    Tensor byFirst = g.maskedFill(outside, 0).mul(between).sum(new int[] {dim}, true).mul(before);
    Tensor byOthers = reversedSum(g.mul(result).maskedFill(past, 0), dim).div(x);
    return Tensor.where(first, byFirst, byOthers.maskedFill(past, 0));
  }

  // ---- running extrema ----

  public static Selected cummax(Tensor x, int dim) {
    return extremum(CUMMAX, x, dim, true);
  }

  public static Selected cummin(Tensor x, int dim) {
    return extremum(CUMMIN, x, dim, false);
  }

  private static Term<Integer> selected() {
    return term(result(1), (g, s, dim) -> g.dim() == 0 ? g
        : Tensor.zeros(g.device(), g.dtype(), s.sizes(0)).scatterAdd_(dim, s.result(1), g));
  }

  /// Of equal elements the last counts, and NaN, once met, stays.
  private static Selected extremum(Op<Integer> op, Tensor x, int dim, boolean largest) {
    int at = Shapes.dim(op.name(), dim, x.dim());
    Strided in = Shapes.atLeastVector(x.strided());
    if (!Backends.kernels(x.device()).supports(FusedOp.RUNNING_EXTREMUM, in)) {
      return composed(op, x, at, largest);
    }
    Layout layout = Layout.contiguous(x.sizes());
    Tensor[] found = op.runMulti(at, x.device(), new DType[] {x.dtype(), DType.INT64}, new Layout[] {layout, layout}, new Tensor[] {x},
        (k, outs) -> k.runningExtremum(largest, Shapes.atLeastVector(outs[0]), Shapes.atLeastVector(outs[1]), in, at));
    return new Selected(found[0], found[1]);
  }

  /// In ⌈log₂ n⌉ steps, each of which joins every window with the one of equal length before it.
  private static Selected composed(Op<Integer> op, Tensor x, int at, boolean largest) {
    Tensor[] found = op.composeMulti(at, new Tensor[] {x}, () -> {
      Tensor values = copy(x);
      if (x.dim() == 0) {
        return new Tensor[] {values, Tensor.zeros(x.device(), DType.INT64)};
      }
      long n = x.size(at);
      long[] column = new long[x.dim()];
      Arrays.fill(column, 1);
      column[at] = n;
      Tensor indices = Creation.positions(x.device(), n).reshape(column).expand(x.sizes()).contiguous();
      for (long window = 1; window < n; window *= 2) {
        long rest = n - window;
        Tensor before = values.narrow(at, 0, rest);
        Tensor later = values.narrow(at, window, rest);
        Tensor keep = (largest ? later.ge(before) : later.le(before)).logicalOr(later.isnan());
        Tensor joined = Tensor.where(keep, later, before);
        Tensor positions = Tensor.where(keep, indices.narrow(at, window, rest), indices.narrow(at, 0, rest));
        later.copy_(joined);
        indices.narrow(at, window, rest).copy_(positions);
      }
      return new Tensor[] {values, indices};
    });
    return new Selected(found[0], found[1]);
  }

  /// Row-major, as all results here.
  private static Tensor copy(Tensor x) {
    return x.isContiguous() ? x.clone() : x.contiguous();
  }

  // ---- running log-sum-exp ----

  public static Tensor logCumSumExp(Tensor x, int dim) {
    int at = Shapes.dim("logcumsumexp", dim, x.dim());
    Tensor operand = x.dtype().isFloating() ? x : x.to(DType.FLOAT32);
    return LOGCUMSUMEXP.compose(at, new Tensor[] {operand}, () -> running(operand, at));
  }

  private static Tensor running(Tensor x, int dim) {
    Tensor values = copy(x);
    long n = x.dim() == 0 ? 1 : x.size(dim);
    for (long window = 1; window < n; window *= 2) {
      Tensor later = values.narrow(dim, window, n - window);
      later.copy_(later.logaddexp(values.narrow(dim, 0, n - window)));
    }
    return values;
  }

  /// `Σ_{i≥k} gᵢ·e^(xₖ − resultᵢ)`, summed in logarithms apart for positive and negative gᵢ.
  private static Tensor logBack(Tensor g, Tensor x, Tensor result, int dim) {
    if (x.dim() == 0) {
      return g.mul(x.sub(result).exp());
    }
    Tensor none = Tensor.fullLike(g, -Promotion.largest(g.dtype())); // an infinity would make NaN of the second derivative
    Tensor positive = Tensor.where(g.gt(0), g.log(), none);
    Tensor negative = Tensor.where(g.lt(0), g.neg().log(), none);
    return reversedLog(positive.sub(result), dim).add(x).exp().sub(reversedLog(negative.sub(result), dim).add(x).exp());
  }

  private static Tensor reversedLog(Tensor x, int dim) {
    return x.flip(dim).logcumsumexp(dim).flip(dim);
  }
}
