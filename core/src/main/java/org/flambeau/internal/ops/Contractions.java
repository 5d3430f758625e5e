package org.flambeau.internal.ops;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.flambeau.Tensor;

/// Products that sum over dimensions of both operands, by way of batched matrix products.
public final class Contractions {
  private Contractions() {}

  /// Σ a·b over `dims`, which stay with size 1, for operands of one rank that broadcast together.
  static Tensor sumProduct(Tensor a, Tensor b, int... dims) {
    int rank = a.dim();
    boolean[] summed = new boolean[rank];
    for (int dim : dims) {
      summed[dim] = true;
    }
    int[] onlyA = IntStream.range(0, rank).filter(d -> summed[d] && a.size(d) != 1 && b.size(d) == 1).toArray();
    int[] onlyB = IntStream.range(0, rank).filter(d -> summed[d] && b.size(d) != 1 && a.size(d) == 1).toArray();
    Tensor x = onlyA.length == 0 ? a : a.sum(onlyA, true);
    Tensor y = onlyB.length == 0 ? b : b.sum(onlyB, true);
    int[] both = IntStream.range(0, rank).filter(d -> !summed[d] && x.size(d) != 1 && y.size(d) != 1).toArray();
    int[] left = IntStream.range(0, rank).filter(d -> !summed[d] && x.size(d) != 1 && y.size(d) == 1).toArray();
    int[] right = IntStream.range(0, rank).filter(d -> !summed[d] && x.size(d) == 1).toArray();
    long batch = numel(x, both);
    Tensor product = x.permute(joined(both, left, dims, right)).reshape(batch, numel(x, left), numel(x, dims))
        .bmm(y.permute(joined(both, dims, right, left)).reshape(batch, numel(y, dims), numel(y, right)));
    int[] order = joined(both, left, right, dims);
    long[] sizes = new long[rank];
    int[] back = new int[rank];
    for (int d = 0; d < rank; d++) {
      int dim = order[d];
      sizes[d] = summed[dim] ? 1 : x.size(dim) != 1 ? x.size(dim) : y.size(dim);
      back[dim] = d;
    }
    return product.reshape(sizes).permute(back);
  }

  private static int[] joined(int[]... parts) {
    return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
  }

  private static long numel(Tensor x, int[] dims) {
    return Arrays.stream(dims).mapToLong(x::size).reduce(1, (m, n) -> m * n);
  }

  /// Sums over the last `count` dimensions of a and the first of b.
  public static Tensor tensordot(Tensor a, Tensor b, int count) {
    Op.requireGiven("tensordot", a, b);
    if (count < 0 || count > a.dim() || count > b.dim()) {
      throw new IllegalArgumentException("[tensordot] expects dims < ndim_a or ndim_b, but got dims=" + count);
    }
    return tensordot(a, b, IntStream.range(a.dim() - count, a.dim()).toArray(), IntStream.range(0, count).toArray());
  }

  /// Sums over pairs of dimensions; what is left of a comes before what is left of b.
  public static Tensor tensordot(Tensor a, Tensor b, int[] dimsA, int[] dimsB) {
    AutocastPolicy policy = AutocastPolicy.of("tensordot", a);
    if (policy != null) {
      return policy.run(c -> tensordot(c[0], c[1], dimsA, dimsB), a, b);
    }
    Op.requireGiven("tensordot", a, b);
    if (dimsA.length != dimsB.length) {
      throw new IllegalArgumentException("[tensordot] both dimension lists should have same length, got " + dimsA.length + " and "
          + dimsB.length);
    }
    MatMul.requireSame("tensordot", a, b);
    int[] innerA = dimsA.length == 0 ? dimsA : Shapes.dims("tensordot", dimsA, a.dim());
    int[] innerB = dimsB.length == 0 ? dimsB : Shapes.dims("tensordot", dimsB, b.dim());
    Tensor x = a;
    Tensor y = b;
    for (int i = 0; i < innerA.length; i++) {
      long sizeA = a.size(innerA[i]);
      long sizeB = b.size(innerB[i]);
      if (sizeB == 1) {
        x = x.sum(new int[] {innerA[i]}, true);
      } else if (sizeA == 1) {
        y = y.sum(new int[] {innerB[i]}, true);
      } else if (sizeA != sizeB) {
        throw new IllegalArgumentException("[tensordot] contracted dimensions need to match, but first has size " + sizeA + " in dim "
            + innerA[i] + " and second has size " + sizeB + " in dim " + innerB[i]);
      }
    }
    int[] outerA = rest(Shapes.front(a.dim(), innerA), innerA.length);
    int[] outerB = rest(Shapes.front(b.dim(), innerB), innerB.length);
    long[] sizes = new long[outerA.length + outerB.length];
    Arrays.setAll(sizes, i -> i < outerA.length ? a.size(outerA[i]) : b.size(outerB[i - outerA.length]));
    Tensor left = x.permute(joined(outerA, innerA)).reshape(numel(x, outerA), numel(x, innerA));
    Tensor right = y.permute(joined(innerB, outerB)).reshape(numel(y, innerB), numel(y, outerB));
    return left.mm(right).reshape(sizes);
  }

  private static int[] rest(int[] order, int from) {
    return Arrays.copyOfRange(order, from, order.length);
  }

  /// The products of all pairs of elements of two vectors.
  public static Tensor outer(Tensor a, Tensor b) {
    if (a.dim() != 1 || b.dim() != 1) {
      Tensor wrong = a.dim() != 1 ? a : b;
      throw new IllegalArgumentException("[outer] Expected 1-D argument " + (a.dim() != 1 ? "self" : "vec2") + ", but got " + wrong.dim()
          + "-D: sizes " + Shapes.show(wrong.sizes()));
    }
    return Op.scoped("outer", () -> a.unsqueeze(1).mul(b));
  }
}
