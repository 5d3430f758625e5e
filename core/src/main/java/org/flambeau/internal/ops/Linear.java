package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.internal.ops.Unit.UNIT;
import static org.flambeau.internal.text.Shapes.list;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.spi.Activation;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// x·weightᵀ + bias.
public final class Linear {
  /// The gradient of x is computed from the weight, and that of the weight from x.
  private static final Op<Unit> LINEAR = Op.of("linear", joint("AddmmBackward0",
      needed -> (needed & saves(0)) << 1 | (needed & saves(1)) >> 1, (g, s, _) -> backward(g[0], s)));
  private static final Op<Unit> BACKWARD_INPUT = Op.notDifferentiable("linear_backward_input");
  private static final Op<Unit> BACKWARD_WEIGHT = Op.notDifferentiable("linear_backward_weight");

  private Linear() {}

  /// x (…, k) with weight (n, k) or (k) and bias (n).
  public static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return linear(x, weight, bias, Activation.NONE);
  }

  /// gelu([#linear(Tensor, Tensor, Tensor)]), in one kernel where the backend has it and no gradient is asked for.
  public static Tensor linearGelu(Tensor x, Tensor weight, Tensor bias) {
    boolean recorded = GradMode.isEnabled() && (x.requiresGrad() || weight.requiresGrad() || bias.requiresGrad());
    return recorded ? Unary.GELU.of(linear(x, weight, bias)) : linear(x, weight, bias, Activation.GELU);
  }

  private static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias, Activation activation) {
    AutocastPolicy policy = AutocastPolicy.of("linear", x);
    if (policy != null && x.dim() > 2 && x.numel() > 0 && weight.dim() == 2 && bias != null && x.size(-1) == weight.size(1)) {
      long[] sizes = x.sizes();
      sizes[sizes.length - 1] = weight.size(0);
      // as rows before the cast, which takes the gradient of the product as it is then
      return linear(x.reshape(x.numel() / weight.size(1), weight.size(1)), weight, bias, activation).reshape(sizes);
    }
    if (policy != null) {
      return policy.run(c -> linear(c[0], c[1], c[2], activation), x, weight, bias);
    }
    if (x.dim() == 0 || weight.dim() == 0) {
      throw new IllegalArgumentException("[linear] both arguments to linear need to be at least 1D, but they are " + x.dim() + "D and "
          + weight.dim() + "D");
    }
    if (weight.dim() > 2 || weight.dim() == 1 && bias != null) {
      throw new IllegalArgumentException("[linear] weight must be a matrix, got " + weight.dim() + "-D tensor");
    }
    long in = x.size(-1);
    if (in != weight.size(-1)) {
      throw new IllegalArgumentException("[linear] mat1 and mat2 shapes cannot be multiplied (" + (in == 0 ? 0 : x.numel() / in) + "x" + in
          + " and " + weight.size(-1) + "x" + (weight.dim() == 1 ? 1 : weight.size(0)) + "): weight is " + list(weight.sizes()));
    }
    MatMul.requireSame("linear", x, weight);
    if (bias == null) {
      return x.matmul(weight.t());
    }
    MatMul.requireSame("linear", x, bias);
    long out = weight.size(0);
    if (bias.numel() != 1 && (bias.size(-1) != out && bias.size(-1) != 1 || bias.dim() > 1)) {
      throw new IllegalArgumentException("[linear] The expanded size of the tensor (" + out + ") must match the existing size ("
          + bias.size(-1) + ") of the bias " + list(bias.sizes()));
    }
    if (x.dim() == 2) {
      return rows(x, weight, bias, activation);
    }
    long[] sizes = x.sizes();
    sizes[sizes.length - 1] = out;
    return rows(x.reshape(Shapes.numel(sizes) / Math.max(out, 1), in), weight, bias, activation).reshape(sizes);
  }

  private static Tensor rows(Tensor x, Tensor weight, Tensor bias, Activation activation) {
    long[] sizes = {x.size(0), weight.size(0)};
    Strided in = x.strided();
    Strided matrix = weight.strided();
    Strided row = bias.strided();
    return LINEAR.run(UNIT, x.dtype(), Layout.contiguous(sizes), x.device(), new Tensor[] {x, weight, bias},
        (k, out) -> compute(k, out, in, matrix, row, activation));
  }

  private static void compute(Kernels k, Strided out, Strided x, Strided weight, Strided bias, Activation activation) {
    if (x.dtype().isFloating() && bias.rank() == 1 && bias.size(0) == out.size(1) && k.supports(FusedOp.LINEAR, x)) {
      k.linear(out, x, weight, bias, activation);
      return;
    }
    k.matmul(batch(out), batch(x), batch(weight.with(weight.offset(), new long[] {weight.size(1), weight.size(0)},
        new long[] {weight.stride(1), weight.stride(0)})));
    k.binary(BinaryOp.ADD, out, out, Shapes.expand(bias, out.sizes()));
    if (activation == Activation.GELU) {
      k.unary(UnaryOp.GELU, out, out);
    }
  }

  /// A matrix as a batch of one.
  private static Strided batch(Strided x) {
    return x.with(x.offset(), new long[] {1, x.size(0), x.size(1)}, new long[] {x.numel(), x.stride(0), x.stride(1)});
  }

  private static @Nullable Tensor[] backward(@Nullable Tensor g, Saved s) {
    if (g == null) {
      return new Tensor[3];
    }
    Tensor gradX = s.needs(0) ? product(g, s.input(1), s.dtype(0)) : null;
    if (s.needs(1) && s.needs(2) && !GradMode.isEnabled() && Arrays.equals(s.sizes(2), new long[] {g.size(1)})) {
      Tensor x = s.input(0);
      DType dtype = s.dtype(1) == s.dtype(2) && isWide(g, s.dtype(1)) ? s.dtype(1) : g.dtype();
      Tensor[] grads = BACKWARD_WEIGHT.runMulti(UNIT, g.device(), new DType[] {dtype, dtype},
          new Layout[] {Layout.contiguous(s.sizes(1)), Layout.contiguous(s.sizes(2))}, new Tensor[] {g, x},
          (k, outs) -> k.linearBackwardWeight(outs[0], outs[1], g.strided(), x.strided()));
      return new @Nullable Tensor[] {gradX, grads[0], grads[1]};
    }
    return new @Nullable Tensor[] {gradX, s.needs(1) ? product(g.t(), s.input(0), s.dtype(1)) : null, s.needs(2) ? g : null};
  }

  /// a·b, where a kernel does so as what takes it wants it: rounded once, not to half precision in between.
  private static Tensor product(Tensor a, Tensor b, DType dtype) {
    return isWide(a, dtype)
        ? BACKWARD_INPUT.run(UNIT, dtype, Layout.contiguous(a.size(0), b.size(1)), a.device(), a, b,
            (k, out) -> k.matmul(batch(out), batch(a.strided()), batch(b.strided())))
        : a.matmul(b);
  }

  private static boolean isWide(Tensor factor, DType result) {
    return result == DType.FLOAT32 && factor.dtype() != result && !GradMode.isEnabled()
        && Backends.kernels(factor.device()).supports(FusedOp.WIDE_PRODUCT, factor.strided());
  }
}
