package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.joint;
import static org.flambeau.autograd.Derivative.result;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Saved;
import org.flambeau.internal.Backends;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// `softmax(q·kᵀ·scale + mask)·v`.
public final class Attention {
  private record Scores(double scale, boolean causal) {}

  private static final Op<Scores> FUSED = Op.of("scaled_dot_product_attention", joint("ScaledDotProductFlashAttentionForCpuBackward0",
      saves(0, 1, 2) | RESULT | result(1), (g, s, a) -> backward(g[0], s, a)));
  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("scaled_dot_product_attention_backward");
  private static final Op<Unit> SAFE_SOFTMAX = Op.of("safe_softmax", Derivative.of("SafeSoftmaxBackward0",
      term(RESULT, (g, s, _) -> s.result().mul(g.sub(g.mul(s.result()).sum(new int[] {-1}, true))))));

  private Attention() {}

  /// For q (…, s, d), k (…, t, d), v (…, t, e). A bool mask tells which scores count; one of numbers is added to them.
  /// Where `causal`, score (i, j) counts only if j ≤ i. A row in which none counts gives zeros.
  public static Tensor scaledDotProductAttention(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, double dropoutP, boolean causal,
      double scale) {
    AutocastPolicy policy = AutocastPolicy.of("scaled_dot_product_attention", q);
    if (policy != null) {
      return policy.run(c -> scaledDotProductAttention(c[0], c[1], c[2], c[3], dropoutP, causal, scale), q, k, v, mask);
    }
    check(q, k, v, mask, dropoutP, causal);
    Scores scores = new Scores(scale, causal);
    if (mask == null && dropoutP == 0 && isFusable(q, k, v)
        && Backends.kernels(q.device()).supports(FusedOp.ATTENTION, q.strided(), k.strided(), v.strided())) {
      Strided query = q.strided();
      Layout perRow = Layout.contiguous(q.size(0), q.size(1), q.size(2));
      return FUSED.runMulti(scores, q.device(), new DType[] {q.dtype(), LayerNorm.statistics(q.dtype())},
          new Layout[] {Layout.like(query), perRow}, new Tensor[] {q, k, v},
          (kernels, outs) -> kernels.attention(outs[0], outs[1], query, k.strided(), v.strided(), scale, causal))[0];
    }
    return reference(q, k, v, mask, dropoutP, scores);
  }

  /// Composed of other operations.
  public static Tensor reference(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, double dropoutP, boolean causal, double scale) {
    return reference(q, k, v, mask, dropoutP, new Scores(scale, causal));
  }

  private static Tensor reference(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, double dropoutP, Scores a) {
    return Op.scoped("scaled_dot_product_attention",
        () -> Dropouts.dropout(mask == null ? weights(q, k, a) : weights(q, k, mask, a), dropoutP).matmul(v));
  }

  private static Tensor weights(Tensor q, Tensor k, Scores a) {
    Tensor scores = q.mul(a.scale).matmul(k.mT());
    if (!a.causal) {
      return Softmax.softmax(scores, -1);
    }
    Tensor row = Creation.positions(q.device(), q.size(-2)).unsqueeze(1);
    Tensor column = Creation.positions(q.device(), k.size(-2));
    return Softmax.softmax(only(column.le(row), scores), -1);
  }

  private static Tensor weights(Tensor q, Tensor k, Tensor mask, Scores a) {
    Tensor scores = q.mul(a.scale).matmul(k.mT());
    return safeSoftmax(mask.dtype() == DType.BOOL ? only(mask, scores) : scores.add(mask.to(scores.dtype())));
  }

  private static Tensor only(Tensor counted, Tensor scores) {
    return Tensor.where(counted, scores, Tensor.number(Double.NEGATIVE_INFINITY));
  }

  /// Softmax over the last dimension that is 0, not NaN, where all of it is −∞.
  private static Tensor safeSoftmax(Tensor x) {
    return SAFE_SOFTMAX.compose(UNIT, new Tensor[] {x}, () -> {
      Tensor empty = Reductions.all(x.eq(Double.NEGATIVE_INFINITY), new int[] {-1}, true);
      return Softmax.softmax(x, -1).maskedFill(empty, 0);
    });
  }

  private static boolean isFusable(Tensor q, Tensor k, Tensor v) {
    return q.dim() == 4 && k.dim() == 4 && v.dim() == 4 && q.numel() > 0 && k.numel() > 0
        && q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3)
        && v.size(0) == k.size(0) && v.size(1) == k.size(1) && v.size(2) == k.size(2) && v.size(3) == q.size(3);
  }

  /// Gradients of what are views of one projection become views of its gradient.
  private static @Nullable Tensor[] backward(@Nullable Tensor g, Saved s, Scores a) {
    if (g == null) {
      return new Tensor[3];
    }
    Tensor q = s.input(0);
    Tensor k = s.input(1);
    Tensor v = s.input(2);
    if (GradMode.isEnabled()) {
      return throughReference(g, q, k, v, s, a);
    }
    DType dtype = q.dtype();
    Strided packed = Views.stacked(0, q.strided(), k.strided(), v.strided());
    if (packed != null && packed.storage().heap() == null) {
      return FUSED_BACKWARD.run(UNIT, dtype, Layout.like(packed), q.device(), new Tensor[] {g, s.result(0), s.result(1), q, k, v},
          (kernels, grads) -> kernels.attentionBackward(part(grads, 0), part(grads, 1), part(grads, 2), g.strided(), s.result(0).strided(),
              s.result(1).strided(), q.strided(), k.strided(), v.strided(), a.scale, a.causal))
          .unbind(0).toArray(Tensor[]::new);
    }
    Layout[] layouts = {Layout.like(q.strided()), Layout.like(k.strided()), Layout.like(v.strided())};
    return FUSED_BACKWARD.runMulti(UNIT, q.device(), new DType[] {dtype, dtype, dtype}, layouts,
        new Tensor[] {g, s.result(0), s.result(1), q, k, v},
        (kernels, grads) -> kernels.attentionBackward(grads[0], grads[1], grads[2], g.strided(), s.result(0).strided(),
            s.result(1).strided(), q.strided(), k.strided(), v.strided(), a.scale, a.causal));
  }

  private static Strided part(Strided packed, int i) {
    long[] sizes = Arrays.copyOfRange(packed.sizes(), 1, packed.rank());
    return packed.with(packed.offset() + i * packed.stride(0), sizes, Arrays.copyOfRange(packed.strides(), 1, packed.rank()));
  }

  /// The gradients composed of differentiable operations.
  private static @Nullable Tensor[] throughReference(Tensor g, Tensor q, Tensor k, Tensor v, Saved s, Scores a) {
    Tensor weights = weights(q, k, a);
    Tensor gradWeights = g.matmul(v.mT());
    Tensor gradScores = weights.mul(gradWeights.sub(gradWeights.mul(weights).sum(new int[] {-1}, true))).mul(a.scale);
    return new @Nullable Tensor[] {
      s.needs(0) ? gradScores.matmul(k) : null,
      s.needs(1) ? gradScores.mT().matmul(q) : null,
      s.needs(2) ? weights.mT().matmul(g) : null};
  }

  private static void check(Tensor q, Tensor k, Tensor v, @Nullable Tensor mask, double dropoutP, boolean causal) {
    String op = "[scaled_dot_product_attention] ";
    if (q.dtype() != k.dtype() || q.dtype() != v.dtype()) {
      throw new IllegalArgumentException(
          op + "Expected query, key, and value to have the same dtype, but got query.dtype: " + q.dtype().label()
              + " key.dtype: " + k.dtype().label() + " and value.dtype: " + v.dtype().label() + " instead.");
    }
    if (q.dim() < 2 || k.dim() < 2 || v.dim() < 2) {
      throw new IllegalArgumentException(
          op + "Expected query, key, and value to all be at least 2 dimensional, but got query.dim: " + q.dim()
              + " key.dim: " + k.dim() + " and value.dim: " + v.dim() + " instead.");
    }
    Promotion.requireFloat("scaled_dot_product_attention", q);
    Device _ = Binary.device("scaled_dot_product_attention", q, k, v, mask);
    if (mask != null) {
      if (mask.dtype() != DType.BOOL && mask.dtype() != q.dtype() && mask.dtype() != DType.FLOAT32) {
        throw new IllegalArgumentException(
            op + "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: "
                + mask.dtype().label() + " and  query.dtype: " + q.dtype().label() + " instead.");
      }
      if (causal) {
        throw new IllegalArgumentException(op + "Explicit attn_mask should not be set when is_causal=True");
      }
    }
    if (!(dropoutP >= 0 && dropoutP <= 1)) {
      throw new IllegalArgumentException(op + "dropout probability has to be between 0 and 1, but got " + dropoutP);
    }
  }
}
