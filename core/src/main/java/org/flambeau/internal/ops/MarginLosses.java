package org.flambeau.internal.ops;

import static org.flambeau.internal.text.Shapes.list;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// Losses that want some numbers, distances or angles to differ from others by a margin; beyond it they are zero. Composed of other operations.
public final class MarginLosses {
  private static final double TINY = 1e-12;

  private MarginLosses() {}

  /// max(0, margin − y·(x1 − x2)).
  public static Tensor marginRanking(Tensor x1, Tensor x2, Tensor y, double margin, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("margin_ranking_loss", x1);
    if (policy != null) {
      return policy.run(c -> marginRanking(c[0], c[1], c[2], margin, reduction), x1, x2, y);
    }
    String op = "margin_ranking_loss";
    if (x1.dim() != x2.dim() || x1.dim() != y.dim()) {
      throw new IllegalArgumentException("[" + op + "] All input tensors should have same dimension but got sizes: input1: "
          + list(x1.sizes()) + ", input2: " + list(x2.sizes()) + ", target: " + list(y.sizes()));
    }
    return Op.scoped(op, () -> Losses.reduce(op, y.neg().mul(x1.sub(x2)).add(margin).clampMin(0), reduction));
  }

  /// x where y is 1, max(0, margin − x) where y is −1, and where y is neither their sum.
  public static Tensor hingeEmbedding(Tensor x, Tensor y, double margin, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("hinge_embedding_loss", x);
    if (policy != null) {
      return policy.run(c -> hingeEmbedding(c[0], c[1], margin, reduction), x, y);
    }
    String op = "hinge_embedding_loss";
    return Op.scoped(op, () -> {
      Tensor apart = Tensor.where(y.ne(1), x.rsub(margin).clampMin(0), 0);
      return Losses.reduce(op, apart.add(Tensor.where(y.ne(-1), x, 0)), reduction);
    });
  }

  /// 1 − cos(x1, x2) where y is 1, max(0, cos(x1, x2) − margin) where y is −1.
  public static Tensor cosineEmbedding(Tensor x1, Tensor x2, Tensor y, double margin, Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("cosine_embedding_loss", x1);
    if (policy != null) {
      return policy.run(c -> cosineEmbedding(c[0], c[1], c[2], margin, reduction), x1, x2, y);
    }
    String op = "cosine_embedding_loss";
    if (y.dim() > 1) {
      throw new IllegalArgumentException("[" + op + "] 0D or 1D target tensor expected, multi-target not supported");
    }
    if (x1.dim() != y.dim() + 1 || x2.dim() != y.dim() + 1) {
      throw new IllegalArgumentException("[" + op + "] " + y.dim() + "D target tensor expects " + (y.dim() + 1)
          + "D input tensors, but found inputs with sizes " + list(x1.sizes()) + " and " + list(x2.sizes()) + ".");
    }
    return Op.scoped(op, () -> {
      Tensor lengths = x1.square().sum(-1).add(TINY).mul(x2.square().sum(-1).add(TINY)).sqrt();
      Tensor cosine = x1.mul(x2).sum(-1).div(lengths);
      Tensor together = Tensor.where(y.eq(1), cosine.rsub(1), 0);
      return Losses.reduce(op, together.add(Tensor.where(y.eq(-1), cosine.sub(margin).clampMin(0), 0)), reduction);
    });
  }

  /// max(0, margin + |anchor − positive| − |anchor − negative|), with the norms of order p along the last dimension.
  ///
  /// @param swap whether the positive's distance from the negative counts where it is smaller than the anchor's
  public static Tensor tripletMargin(Tensor anchor, Tensor positive, Tensor negative, double margin, double p, double eps, boolean swap,
      Reduction reduction) {
    AutocastPolicy policy = AutocastPolicy.of("triplet_margin_loss", anchor);
    if (policy != null) {
      return policy.run(c -> tripletMargin(c[0], c[1], c[2], margin, p, eps, swap, reduction), anchor, positive, negative);
    }
    String op = "triplet_margin_loss";
    if (!(margin > 0)) {
      throw new IllegalArgumentException("[" + op + "] margin must be greater than 0, got " + margin);
    }
    if (anchor.dim() != positive.dim() || positive.dim() != negative.dim()) {
      throw new IllegalArgumentException("[" + op + "] The anchor, positive, and negative tensors are expected to have the same number of "
          + "dimensions, but got: anchor " + anchor.dim() + "D, positive " + positive.dim() + "D, and negative " + negative.dim()
          + "D inputs");
    }
    return Op.scoped(op, () -> {
      Tensor near = distance(anchor, positive, p, eps);
      Tensor far = distance(anchor, negative, p, eps);
      Tensor least = swap ? far.minimum(distance(positive, negative, p, eps)) : far;
      return Losses.reduce(op, near.add(margin).sub(least).clampMin(0), reduction);
    });
  }

  private static Tensor distance(Tensor x1, Tensor x2, double p, double eps) {
    return x1.sub(x2).add(eps).norm(p, -1);
  }
}
