package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.Strided;

/// Triangles and diagonals of matrices, and vectors as rows of zeros with one 1.
public final class Diagonals {
  private record Placement(int offset, int dim1, int dim2) {}

  private static final Op<Long> TRIL = Op.of("tril", Derivative.of("TrilBackward0", term((g, _, diagonal) -> g.tril(diagonal))));
  private static final Op<Long> TRIU = Op.of("triu", Derivative.of("TriuBackward0", term((g, _, diagonal) -> g.triu(diagonal))));
  private static final Op<Integer> DIAGONAL_COPY = Op.of("diag", Derivative.of("DiagonalBackward0_copy", term((g, s, offset) -> {
    Tensor whole = Tensor.zeros(g.device(), g.dtype(), s.sizes(0));
    whole.diagonal(offset, 0, 1).copy_(g);
    return whole;
  })));
  private static final Op<Placement> DIAG_EMBED = Op.of("diag_embed", Derivative.of("DiagEmbedBackward0",
      term((g, _, a) -> g.diagonal(a.offset, a.dim1, a.dim2))));
  private static final Op<Unit> TRACE = Op.of("trace", Derivative.of("TraceBackward0", term((g, s, _) -> {
    Tensor zeros = Tensor.zeros(g.device(), g.dtype(), s.sizes(0));
    zeros.diagonal().copy_(g);
    return zeros;
  })));

  private Diagonals() {}

  public static Tensor triangle(Tensor x, long diagonal, boolean upper) {
    Op<Long> op = requireMatrices(x, upper);
    Strided in = x.strided();
    return op.run(diagonal, x.dtype(), Layout.contiguous(in.sizes()), x, (k, out) -> k.triangle(out, in, diagonal, upper));
  }

  public static Tensor triangleInPlace(Tensor x, long diagonal, boolean upper) {
    return requireMatrices(x, upper).runInPlace(diagonal, x, new Tensor[] {x}, (k, out) -> k.triangle(out, out, diagonal, upper));
  }

  private static Op<Long> requireMatrices(Tensor x, boolean upper) {
    Op<Long> op = upper ? TRIU : TRIL;
    if (x.dim() < 2) {
      throw new IllegalArgumentException("[" + op.title() + "] input tensor must have at least 2 dimensions, got sizes "
          + Shapes.show(x.sizes()));
    }
    return op;
  }

  /// The last dimension of `x` as the diagonal of matrices of zeros, whose dimensions are `dim1` and `dim2` of the result.
  public static Tensor diagEmbed(Tensor x, int offset, int dim1, int dim2) {
    int rank = x.dim() + 1;
    int a = Shapes.dim("diag_embed", dim1, rank);
    int b = Shapes.dim("diag_embed", dim2, rank);
    if (a == b) {
      throw new IllegalArgumentException("[diag_embed] diagonal dimensions cannot be identical " + dim1 + ", " + dim2);
    }
    if (x.dim() == 0) {
      throw new IndexOutOfBoundsException("[diag_embed] expected at least one dimension, got a scalar");
    }
    long[] sizes = new long[rank];
    long side = x.size(-1) + Math.abs(offset);
    for (int d = 0, from = 0; d < rank; d++) {
      sizes[d] = d == a || d == b ? side : x.size(from++);
    }
    return DIAG_EMBED.compose(new Placement(offset, a, b), new Tensor[] {x}, () -> {
      Tensor zeros = Tensor.zeros(x.device(), x.dtype(), sizes);
      zeros.diagonal(offset, a, b).copy_(x);
      return zeros;
    });
  }

  /// A vector as the diagonal of a matrix, or a copy of the diagonal of a matrix.
  public static Tensor diag(Tensor x, int offset) {
    return switch (x.dim()) {
      case 1 -> diagEmbed(x, offset, 0, 1);
      case 2 -> DIAGONAL_COPY.compose(offset, new Tensor[] {x}, () -> x.diagonal(offset, 0, 1).clone());
      default -> throw new IllegalArgumentException("[diag] Supports 1D or 2D tensors. Got " + x.dim() + "D");
    };
  }

  public static Tensor trace(Tensor x) {
    AutocastPolicy policy = AutocastPolicy.of("trace", x);
    if (policy != null) {
      return policy.runUnary(c -> trace(c), x);
    }
    if (x.dim() != 2) {
      throw new IllegalArgumentException("[trace] expected a matrix, but got tensor with dim " + x.dim());
    }
    return TRACE.compose(UNIT, new Tensor[] {x}, () -> x.diagonal().sum());
  }

  /// For each class number a vector with 1 at its place and 0 elsewhere; `classes` -1 stands for the largest number + 1.
  public static Tensor oneHot(Tensor index, long classes) {
    if (index.dtype() != DType.INT64) {
      throw new IllegalArgumentException(
          "[one_hot] one_hot is only applicable to index tensor of type LongTensor. Got " + index.dtype().label());
    }
    if (index.numel() == 0 && classes <= 0) {
      throw new IllegalArgumentException("[one_hot] Can not infer total number of classes from empty tensor.");
    }
    long count = classes;
    if (index.numel() > 0 && (classes == -1 || index.device().type() == Device.Type.CPU)) {
      if (index.min().toLong() < 0) {
        throw new IllegalArgumentException("[one_hot] Class values must be non-negative. Got " + index.min().toLong());
      }
      long largest = index.max().toLong();
      count = classes == -1 ? largest + 1 : classes;
      if (count <= largest) {
        throw new IllegalArgumentException("[one_hot] Class values must be smaller than num_classes. Got " + largest + " of " + classes);
      }
    }
    long[] sizes = Arrays.copyOf(index.sizes(), index.dim() + 1);
    sizes[index.dim()] = count;
    return Tensor.zeros(index.device(), DType.INT64, sizes).scatter_(-1, index.unsqueeze(-1), 1);
  }
}
