package org.flambeau.nn;

import java.util.List;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Attention by several heads at once, each of which sees a part of what linear maps make of query, key and value.
///
/// `concat(headᵢ)·Woᵀ + bo` with `headᵢ = softmax(qᵢ·kᵢᵀ/√d)·vᵢ`, where qᵢ, kᵢ and vᵢ are the i-th parts, of size d = dimension/heads, of
/// query·Wqᵀ + bq, key·Wkᵀ + bk and value·Wvᵀ + bv.
///
/// Shapes: query (n, s, dimension), key and value (n, t, dimension) → (n, s, dimension) where batch-first, else (s, n, dimension) and so on;
/// or all without n. Parameters: `in_proj_weight` (3·dimension, dimension), which is Wq, Wk and Wv one below the other, `in_proj_bias`,
/// `out_proj.weight` and `out_proj.bias`.
///
/// Reference: Vaswani et al., "Attention Is All You Need", 2017.
public final class MultiheadAttention extends Module {
  /// What attention gives.
  ///
  /// @param output the attended values
  /// @param weights how much each place attends to each other, as the mean over the heads: (n, s, t)
  public record Attended(Tensor output, Tensor weights) {}

  /// Query, key and value of every head: (n, heads, places, d).
  private record Heads(Tensor query, Tensor key, Tensor value) {}

  private final int dimension;
  private final int heads;
  private final double dropout;
  private final boolean batchFirst;
  private final Tensor inProjWeight;
  private final @Nullable Tensor inProjBias;
  private final Linear outProj;

  /// Without dropout, with biases, the sequence's dimension first.
  public MultiheadAttention(int dimension, int heads) {
    this(dimension, heads, 0, true, false);
  }

  /// @param dropout with which probability a weight is zeroed while training
  /// @param bias whether the linear maps have biases
  /// @param batchFirst whether the batch's dimension stands before the sequence's
  public MultiheadAttention(int dimension, int heads, double dropout, boolean bias, boolean batchFirst) {
    if (dimension <= 0 || heads <= 0 || dimension % heads != 0) {
      throw new IllegalArgumentException(
          "[MultiheadAttention] embed_dim must be divisible by num_heads, got " + dimension + " and " + heads);
    }
    this.dimension = dimension;
    this.heads = heads;
    this.dropout = Sizes.probability("MultiheadAttention", dropout);
    this.batchFirst = batchFirst;
    this.inProjWeight = parameter("in_proj_weight", Tensor.empty(3L * dimension, dimension));
    this.inProjBias = bias ? parameter("in_proj_bias", Tensor.zeros(3L * dimension)) : null;
    this.outProj = child("out_proj", new OutProjection(dimension, bias));
    Init.xavierUniform_(inProjWeight);
    if (outProj.bias() != null) {
      Init.zeros_(outProj.bias());
    }
  }

  /// PyTorch's name for it shows that quantisation leaves it alone.
  private static final class OutProjection extends Linear {
    OutProjection(int dimension, boolean bias) {
      super(dimension, dimension, bias);
    }

    @Override
    protected String name() {
      return "NonDynamicallyQuantizableLinear";
    }
  }

  /// The projections' weights, one below the other.
  public Tensor inProjWeight() {
    return inProjWeight;
  }

  /// The projections' biases, or null.
  public @Nullable Tensor inProjBias() {
    return inProjBias;
  }

  /// Attention of a sequence to itself, or of a query to a key and its value.
  @Override
  protected Tensor forward(Tensor... inputs) {
    return switch (inputs.length) {
      case 1 -> attend(inputs[0], inputs[0], inputs[0], null, false);
      case 3 -> attend(inputs[0], inputs[1], inputs[2], null, false);
      default ->
        throw new IllegalArgumentException("[MultiheadAttention] expected query, key and value, got " + inputs.length + " tensors");
    };
  }

  /// Attention of `query` to `key`, of which it takes `value`.
  ///
  /// @param mask (s, t) or (n·heads, s, t): true or −∞ where a place must not be attended to; other numbers are added to the scores
  /// @param causal whether a place sees only those up to its own; then there can be no mask
  public Tensor attend(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask, boolean causal) {
    Heads h = heads(query, key, value);
    double dropped = isTraining() ? dropout : 0;
    return joined(query, Functional.scaledDotProductAttention(h.query, h.key, h.value, scores(query, mask), dropped, causal));
  }

  /// [#attend], with the weights.
  public Attended attendWithWeights(Tensor query, Tensor key, Tensor value, @Nullable Tensor mask) {
    Heads h = heads(query, key, value);
    Tensor scores = h.query.mul(1 / Math.sqrt(dimension / (double) heads)).matmul(h.key.mT());
    Tensor added = scores(query, mask);
    Tensor weights = Functional.softmax(added == null ? scores : scores.add(added), -1);
    Tensor used = Functional.dropout(weights, dropout, isTraining());
    Tensor mean = used.mean(1);
    return new Attended(joined(query, used.matmul(h.value)), query.dim() == 2 ? mean.squeeze(0) : mean);
  }

  private Heads heads(Tensor query, Tensor key, Tensor value) {
    if (query == key && key == value) {
      List<Tensor> parts = split(query, inProjWeight, inProjBias, 3).unbind(0);
      return new Heads(parts.get(0), parts.get(1), parts.get(2));
    }
    return new Heads(part(query, 0), part(key, 1), part(value, 2));
  }

  private Tensor part(Tensor x, int part) {
    long first = (long) part * dimension;
    Tensor bias = inProjBias == null ? null : inProjBias.narrow(0, first, dimension);
    return split(x, inProjWeight.narrow(0, first, dimension), bias, 1).squeeze(0);
  }

  /// What `parts` projections make of x: (parts, n, heads, places, d).
  private Tensor split(Tensor x, Tensor weight, @Nullable Tensor bias, int parts) {
    if (x.dim() != 2 && x.dim() != 3 || x.size(-1) != dimension) {
      throw new IllegalArgumentException("[MultiheadAttention] expected 2 or 3 dimensions, the last of size " + dimension + ", got "
          + PythonText.tuple(x.sizes()));
    }
    Tensor batched = x.dim() == 3 ? x : x.unsqueeze(batchFirst ? 0 : 1);
    Tensor split = Functional.linear(batched, weight, bias).reshape(batched.size(0), batched.size(1), parts, heads, dimension / heads);
    return batchFirst ? split.permute(2, 0, 3, 1, 4) : split.permute(2, 1, 3, 0, 4);
  }

  /// The heads (n, heads, places, d) side by side, and projected.
  private Tensor joined(Tensor query, Tensor attended) {
    Tensor joined = (batchFirst ? attended.permute(0, 2, 1, 3) : attended.permute(2, 0, 1, 3)).flatten(2, 3);
    return outProj.call(query.dim() == 3 ? joined : joined.squeeze(batchFirst ? 0 : 1));
  }

  /// What a mask adds to the scores (n, heads, s, t).
  private @Nullable Tensor scores(Tensor query, @Nullable Tensor mask) {
    if (mask == null) {
      return null;
    }
    Tensor added = mask.dtype() == DType.BOOL
        ? Tensor.zeros(query.device(), query.dtype(), mask.sizes()).maskedFill(mask, Double.NEGATIVE_INFINITY)
        : mask;
    return mask.dim() == 3 ? added.reshape(mask.size(0) / heads, heads, mask.size(1), mask.size(2)) : added;
  }
}
