package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.saves;

import java.util.List;
import org.flambeau.Tensor;
import org.flambeau.autograd.Saved;
import org.jspecify.annotations.Nullable;

/// Distances between all rows of one matrix and all of another.
public final class Distances {
  /// Up to so many rows of both, Euclidean distances are made of differences, and of more by a product of matrices, as in PyTorch: that is faster,
  /// and loses digits between rows that lie close together.
  private static final int FEW_ROWS = 25;

  private static final Op<Double> CDIST = Op.of("cdist", joint("CdistBackward0", saves(0, 1) | RESULT, Distances::backward));

  private Distances() {}

  public static Tensor cdist(Tensor a, Tensor b, double p) {
    AutocastPolicy policy = AutocastPolicy.of("cdist", a);
    if (policy != null) {
      return policy.run(c -> cdist(c[0], c[1], p), a, b);
    }
    Op.requireGiven("cdist", a, b);
    check(a.dim() >= 2 && b.dim() >= 2, "only supports at least 2D tensors: matrices of rows, or batches of them", a, b);
    check(a.dtype().isFloating() && a.dtype() == b.dtype(), "expected two tensors of one float dtype, got " + a.dtype().label() + " and "
        + b.dtype().label() + ": cast them with to(…)", a, b);
    check(a.size(-1) == b.size(-1), "X1 and X2 must have the same number of columns", a, b);
    if (!(p >= 0)) {
      throw new IllegalArgumentException("[cdist] only supports non-negative p values, got " + p);
    }
    double order = a.size(-1) == 0 ? 0 : p; // rows without elements are equal, though nothing has no largest
    return CDIST.compose(order, new Tensor[] {a, b},
        () -> isByProduct(a, b, order) ? byProduct(a, b) : differences(a, b).norm(order, -1));
  }

  private static void check(boolean holds, String message, Tensor a, Tensor b) {
    if (!holds) {
      throw new IllegalArgumentException("[cdist] " + message + ": sizes " + Shapes.show(a.sizes()) + " and " + Shapes.show(b.sizes()));
    }
  }

  private static boolean isByProduct(Tensor a, Tensor b, double p) {
    return p == 2 && a.size(-1) > 0 && (a.size(-2) > FEW_ROWS || b.size(-2) > FEW_ROWS);
  }

  /// √(|a|² + |b|² − 2·a·b), all of it by one product.
  private static Tensor byProduct(Tensor a, Tensor b) {
    Tensor squares = a.square().sum(new int[] {-1}, true);
    Tensor others = b.square().sum(new int[] {-1}, true);
    Tensor left = Tensor.cat(List.of(a.mul(-2), squares, Tensor.onesLike(squares)), -1);
    Tensor right = Tensor.cat(List.of(b, Tensor.onesLike(others), others), -1);
    return left.matmul(right.mT()).clampMin(0).sqrt();
  }

  private static Tensor differences(Tensor a, Tensor b) {
    return a.unsqueeze(-2).sub(b.unsqueeze(-3));
  }

  /// No gradient where rows are equal. Where several elements are as far apart as the rows are by the largest, each has all of it, as in PyTorch.
  private static @Nullable Tensor[] backward(@Nullable Tensor[] grads, Saved s, double p) {
    Tensor g = grads[0];
    if (g == null) {
      return new Tensor[2];
    }
    Tensor a = s.input(0);
    Tensor b = s.input(1);
    if (isByProduct(a, b, p)) {
      Tensor share = g.div(s.result()).maskedFill(s.result().eq(0), 0);
      return new Tensor[] {s.needs(0) ? along(share, a, b) : null, s.needs(1) ? along(share.mT(), b, a) : null};
    }
    Tensor each = gradient(differences(a, b), g.unsqueeze(-1), s.result().unsqueeze(-1), p);
    return new Tensor[] {s.needs(0) ? each.sum(-2) : null, s.needs(1) ? each.sum(-3).neg() : null};
  }

  /// Σⱼ shareᵢⱼ·(xᵢ − yⱼ).
  private static Tensor along(Tensor share, Tensor x, Tensor y) {
    return x.mul(share.sum(new int[] {-1}, true)).sub(share.matmul(y));
  }

  private static Tensor gradient(Tensor difference, Tensor g, Tensor distance, double p) {
    if (p == 0) {
      return difference.zerosLike();
    }
    if (p == 1) {
      return difference.sign().mul(g);
    }
    if (p == 2) {
      return difference.mul(g.div(distance).maskedFill(distance.eq(0), 0));
    }
    if (p == Double.POSITIVE_INFINITY) {
      return difference.sign().mul(difference.abs().eq(distance).to(g.dtype())).mul(g);
    }
    Tensor scaled = difference.mul(difference.abs().pow(p - 2)).mul(g.div(distance.pow(p - 1)));
    return scaled.maskedFill(difference.eq(0).logicalOr(distance.eq(0)), 0);
  }
}
