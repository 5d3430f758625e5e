package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;

/// Matrix products of any rank, all made of one kernel: a batch of matrices times a batch of matrices.
public final class MatMul {
  /// out = beta·c + alpha·a·b.
  private record Scales(double beta, double alpha) {}

  private static final Op<Unit> MM = Op.of("mm", Derivative.of("MmBackward0",
      term(saves(1), (g, s, _) -> g.matmul(s.input(1).mT())),
      term(saves(0), (g, s, _) -> s.input(0).mT().matmul(g))));
  private static final Op<Unit> BMM = Op.of("bmm", Derivative.of("BmmBackward0",
      term(saves(1), (g, s, _) -> g.matmul(s.input(1).mT())),
      term(saves(0), (g, s, _) -> s.input(0).mT().matmul(g))));
  private static final Op<Unit> MV = Op.of("mv", Derivative.of("MvBackward0",
      term(saves(1), (g, s, _) -> g.unsqueeze(1).mul(s.input(1).unsqueeze(0))),
      term(saves(0), (g, s, _) -> s.input(0).t().matmul(g))));
  private static final Op<Unit> DOT = Op.of("dot", Derivative.of("DotBackward0",
      term(saves(1), (g, s, _) -> g.mul(s.input(1))),
      term(saves(0), (g, s, _) -> g.mul(s.input(0)))));
  private static final Op<Scales> ADDMM = Op.of("addmm", added("AddmmBackward0"));
  private static final Op<Scales> BADDBMM = Op.of("baddbmm", added("BaddbmmBackward0"));

  private MatMul() {}

  private static Derivative<Scales> added(String node) {
    return Derivative.of(node,
        term((g, _, a) -> scaled(g, a.beta)),
        term(saves(2), (g, s, a) -> scaled(g.matmul(s.input(2).mT()), a.alpha)),
        term(saves(1), (g, s, a) -> scaled(s.input(1).mT().matmul(g), a.alpha)));
  }

  private static Tensor scaled(Tensor x, double factor) {
    return factor == 1 ? x : x.mul(factor);
  }

  /// The product of vectors, matrices or batches of matrices, by the ranks of the operands.
  public static Tensor matmul(Tensor a, Tensor b) {
    AutocastPolicy policy = AutocastPolicy.of("matmul", a);
    if (policy != null) {
      return policy.run(c -> matmul(c[0], c[1]), a, b);
    }
    Op.requireGiven("matmul", a, b);
    if (a.dim() == 0 || b.dim() == 0) {
      throw new IllegalArgumentException(
          "[matmul] both arguments to matmul need to be at least 1D, but they are " + a.dim() + "D and " + b.dim()
              + "D");
    }
    requireSame("matmul", a, b);
    if (a.size(-1) != b.size(b.dim() == 1 ? 0 : -2)) {
      throw new IllegalArgumentException("[matmul] last dimension of lhs " + Shapes.show(a.sizes()) + " must equal "
          + (b.dim() == 1 ? "the length" : "second-to-last") + " of rhs " + Shapes.show(b.sizes()));
    }
    if (a.dim() == 1 && b.dim() == 1) {
      return product(DOT, a, b, new long[0], 1, 1);
    }
    if (a.dim() == 2 && b.dim() == 2) {
      return product(MM, a, b, new long[] {a.size(0), b.size(1)}, 1, 1);
    }
    if (a.dim() == 2 && b.dim() == 1) {
      return product(MV, a, b, new long[] {a.size(0)}, 1, 1);
    }
    if (a.dim() == 1 && b.dim() == 2) {
      return Views.row(a.unsqueeze(0).matmul(b));
    }
    return batched(a, b);
  }

  /// Folds a batch of rows on a single matrix into one product, and otherwise broadcasts the batches.
  private static Tensor batched(Tensor a, Tensor b) {
    if (a.dim() == 1) {
      long[] sizes = Arrays.copyOf(b.sizes(), b.dim() - 1);
      sizes[sizes.length - 1] = b.size(-1);
      return Views.resized(a.unsqueeze(0).matmul(b), sizes);
    }
    if (b.dim() <= 2) {
      long[] sizes = Arrays.copyOf(a.sizes(), a.dim() - 2 + b.dim());
      if (b.dim() == 2) {
        sizes[sizes.length - 1] = b.size(1);
      }
      return Views.resized(a.flatten(0, a.dim() - 2).matmul(b), sizes);
    }
    long[] batchA = Arrays.copyOf(a.sizes(), a.dim() - 2);
    long[] batchB = Arrays.copyOf(b.sizes(), b.dim() - 2);
    long[] batch = Shapes.broadcast("matmul", batchA, batchB);
    long[] sizes = Arrays.copyOf(batch, batch.length + 2);
    sizes[batch.length] = a.size(-2);
    sizes[batch.length + 1] = b.size(-1);
    return Views.resized(bmm(flat(a, batch), flat(b, batch)), sizes);
  }

  private static Tensor flat(Tensor x, long[] batch) {
    long[] expanded = Arrays.copyOf(batch, batch.length + 2);
    expanded[batch.length] = x.size(-2);
    expanded[batch.length + 1] = x.size(-1);
    Tensor whole = Arrays.equals(x.strided().sizes(), expanded) ? x : x.expand(expanded);
    return whole.dim() == 3 ? whole : whole.reshape(Shapes.numel(batch), x.size(-2), x.size(-1));
  }

  /// (m, k) × (k, n) → (m, n).
  public static Tensor mm(Tensor a, Tensor b) {
    AutocastPolicy policy = AutocastPolicy.of("mm", a);
    if (policy != null) {
      return policy.run(c -> mm(c[0], c[1]), a, b);
    }
    Op.requireGiven("mm", a, b);
    if (a.dim() != 2 || b.dim() != 2) {
      throw new IllegalArgumentException("[mm] " + (a.dim() != 2 ? "self" : "mat2") + " must be a matrix, got sizes "
          + Shapes.show((a.dim() != 2 ? a : b).sizes()));
    }
    requireSame("mm", a, b);
    if (a.size(1) != b.size(0)) {
      throw new IllegalArgumentException(
          "[mm] mat1 and mat2 shapes cannot be multiplied (" + a.size(0) + "x" + a.size(1) + " and " + b.size(0)
              + "x" + b.size(1) + ")");
    }
    return product(MM, a, b, new long[] {a.size(0), b.size(1)}, 1, 1);
  }

  /// (m, k) × (k) → (m).
  public static Tensor mv(Tensor a, Tensor b) {
    AutocastPolicy policy = AutocastPolicy.of("mv", a);
    if (policy != null) {
      return policy.run(c -> mv(c[0], c[1]), a, b);
    }
    Op.requireGiven("mv", a, b);
    if (a.dim() != 2 || b.dim() != 1) {
      throw new IllegalArgumentException("[mv] vector + matrix @ vector expected, got 1, " + a.dim() + ", " + b.dim());
    }
    requireSame("mv", a, b);
    if (a.size(1) != b.size(0)) {
      throw new IllegalArgumentException(
          "[mv] size mismatch, got input (" + a.size(0) + "), mat (" + a.size(0) + "x" + a.size(1) + "), vec ("
              + b.size(0) + ")");
    }
    return product(MV, a, b, new long[] {a.size(0)}, 1, 1);
  }

  /// (k) × (k) → a scalar.
  public static Tensor dot(Tensor a, Tensor b) {
    AutocastPolicy policy = AutocastPolicy.of("dot", a);
    if (policy != null) {
      return policy.run(c -> dot(c[0], c[1]), a, b);
    }
    Op.requireGiven("dot", a, b);
    if (a.dim() != 1 || b.dim() != 1) {
      throw new IllegalArgumentException("[dot] 1D tensors expected, but got " + a.dim() + "D and " + b.dim() + "D tensors");
    }
    requireSame("dot", a, b);
    if (a.numel() != b.numel()) {
      throw new IllegalArgumentException("[dot] inconsistent tensor size, expected tensor [" + a.numel() + "] and src [" + b.numel()
          + "] to have the same number of elements, but got " + a.numel() + " and " + b.numel() + " elements respectively");
    }
    return product(DOT, a, b, new long[0], 1, 1);
  }

  /// (b, m, k) × (b, k, n) → (b, m, n).
  public static Tensor bmm(Tensor a, Tensor b) {
    AutocastPolicy policy = AutocastPolicy.of("bmm", a);
    if (policy != null) {
      return policy.run(c -> bmm(c[0], c[1]), a, b);
    }
    Op.requireGiven("bmm", a, b);
    requireBatches("bmm", a, b);
    return product(BMM, a, b, new long[] {a.size(0), a.size(1), b.size(2)}, a.size(0), a.size(0));
  }

  private static Tensor product(Op<Unit> op, Tensor a, Tensor b, long[] sizes, long batchA, long batchB) {
    Strided x = matrix(a.strided(), batchA, true);
    Strided y = matrix(b.strided(), batchB, false);
    return op.run(UNIT, a.dtype(), Layout.contiguous(sizes), Binary.device(op.name(), a, b), a, b, (k, out) -> multiply(k, out, x, y));
  }

  private static void multiply(Kernels k, Strided out, Strided x, Strided y) {
    long[] sizes = {x.size(0), x.size(1), y.size(2)};
    k.matmul(out.with(out.offset(), sizes, Strided.contiguousStrides(sizes)), x, y);
  }

  /// `x` as a batch of matrices: a vector is a row of the left operand, a column of the right one.
  private static Strided matrix(Strided x, long batch, boolean left) {
    return switch (x.rank()) {
      case 1 -> left
          ? x.with(x.offset(), new long[] {batch, 1, x.size(0)}, new long[] {0, 0, x.stride(0)})
          : x.with(x.offset(), new long[] {batch, x.size(0), 1}, new long[] {0, x.stride(0), 0});
      case 2 -> x.with(x.offset(), new long[] {batch, x.size(0), x.size(1)}, new long[] {0, x.stride(0), x.stride(1)});
      default -> x;
    };
  }

  /// beta·c + alpha·a·b for matrices a and b and any c that broadcasts to their product.
  public static Tensor addmm(Tensor c, Tensor a, Tensor b, double beta, double alpha) {
    AutocastPolicy policy = AutocastPolicy.of("addmm", c);
    if (policy != null) {
      return policy.run(cast -> addmm(cast[0], cast[1], cast[2], beta, alpha), c, a, b);
    }
    Op.requireGiven("addmm", c, a, b);
    if (a.dim() != 2 || b.dim() != 2) {
      throw new IllegalArgumentException(
          "[addmm] mat1 and mat2 must be matrices, got " + Shapes.show(a.sizes()) + " and " + Shapes.show(b.sizes()));
    }
    requireSame("addmm", a, b);
    requireSame("addmm", a, c);
    if (a.size(1) != b.size(0)) {
      throw new IllegalArgumentException(
          "[addmm] mat1 and mat2 shapes cannot be multiplied (" + a.size(0) + "x" + a.size(1) + " and " + b.size(0)
              + "x" + b.size(1) + ")");
    }
    return added(ADDMM, c, a, b, new Scales(beta, alpha), a.size(0), b.size(1));
  }

  /// beta·c + alpha·a·b for batches of matrices a and b and any c that broadcasts to their products.
  public static Tensor baddbmm(Tensor c, Tensor a, Tensor b, double beta, double alpha) {
    AutocastPolicy policy = AutocastPolicy.of("baddbmm", c);
    if (policy != null) {
      return policy.run(cast -> baddbmm(cast[0], cast[1], cast[2], beta, alpha), c, a, b);
    }
    Op.requireGiven("baddbmm", c, a, b);
    requireBatches("baddbmm", a, b);
    requireSame("baddbmm", a, c);
    return added(BADDBMM, c, a, b, new Scales(beta, alpha), a.size(0), a.size(1), b.size(2));
  }

  private static Tensor added(Op<Scales> op, Tensor c, Tensor a, Tensor b, Scales scales, long... sizes) {
    if (!Reductions.isExpandable(c.strided().sizes(), sizes)) {
      throw new IllegalArgumentException(
          "[" + op.title() + "] The expanded size of the tensor must match the existing size at non-singleton "
              + "dimensions. Target sizes: " + Shapes.show(sizes) + ". Tensor sizes: " + Shapes.show(c.sizes()));
    }
    Strided x = matrix(a.strided(), 1, true);
    Strided y = matrix(b.strided(), 1, false);
    Strided bias = Shapes.expand(c.strided(), sizes);
    return op.run(scales, a.dtype(), Layout.contiguous(sizes), a.device(), new Tensor[] {c, a, b}, (k, out) -> {
      multiply(k, out, x, y);
      if (scales.alpha != 1) {
        k.binary(BinaryOp.MUL, out, out, Tensor.number(scales.alpha, out.dtype()).strided());
      }
      if (scales.beta == 1) {
        k.binary(BinaryOp.ADD, out, out, bias);
      } else if (scales.beta != 0) {
        k.addScaled(out, out, bias, scales.beta);
      }
    });
  }

  private static void requireBatches(String op, Tensor a, Tensor b) {
    if (a.dim() != 3 || b.dim() != 3) {
      throw new IllegalArgumentException("[" + op + "] batch1 must be a 3D tensor, and batch2 too, got " + Shapes.show(a.sizes()) + " and "
          + Shapes.show(b.sizes()));
    }
    requireSame(op, a, b);
    if (a.size(0) != b.size(0) || a.size(2) != b.size(1)) {
      throw new IllegalArgumentException(
          "[" + op + "] Expected size for first two dimensions of batch2 tensor to be: [" + a.size(0) + ", " + a.size(2)
              + "] but got: [" + b.size(0) + ", " + b.size(1) + "].");
    }
  }

  static void requireSame(String op, Tensor a, Tensor b) {
    if (a.dtype() != b.dtype()) {
      throw new IllegalArgumentException(
          "[" + op + "] expected both operands to have the same dtype, but got: " + a.dtype().label() + " and "
              + b.dtype().label() + ": cast one with to(dtype)");
    }
    if (a.dtype() == DType.BOOL) {
      throw new IllegalArgumentException("[" + op + "] is not defined for bool tensors: cast them to a number first");
    }
    Binary.device(op, new Tensor[] {a, b});
  }
}
