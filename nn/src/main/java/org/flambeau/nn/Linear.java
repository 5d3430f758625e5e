package org.flambeau.nn;

import java.util.Arrays;
import java.util.List;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Op;
import org.jspecify.annotations.Nullable;

/// `x·weightᵀ + bias`.
///
/// Shapes: x (…, in) → (…, out). Parameters: `weight` (out, in) and `bias` (out), drawn uniformly within ±1/√in.
public class Linear extends Module {
  private final int inFeatures;
  private final int outFeatures;
  private final Tensor weight;
  private final @Nullable Tensor bias;

  /// With a bias.
  public Linear(int inFeatures, int outFeatures) {
    this(inFeatures, outFeatures, true);
  }

  /// With or without a bias.
  public Linear(int inFeatures, int outFeatures, boolean bias) {
    this.inFeatures = Sizes.positiveOrZero("Linear", "in_features", inFeatures);
    this.outFeatures = Sizes.positiveOrZero("Linear", "out_features", outFeatures);
    this.weight = parameter("weight", Tensor.empty(outFeatures, inFeatures));
    this.bias = bias ? parameter("bias", Tensor.empty(outFeatures)) : null;
    DefaultInit.reset(weight, this.bias);
  }

  /// Of given parameters, which are used as they are, and may belong to another module, too:
  /// ```java
  /// final Embedding words = child("words", new Embedding(10_000, 256));
  /// final Linear scores = child("scores", new Linear(words.weight(), null)); // tied: both learn one weight
  /// ```
  ///
  /// @param weight (out, in), a leaf
  /// @param bias (out), or null
  public Linear(Tensor weight, @Nullable Tensor bias) {
    if (weight.dim() != 2 || bias != null && (bias.dim() != 1 || bias.size(0) != weight.size(0))) {
      throw new IllegalArgumentException(
          "[Linear] expected a weight (out, in) and a bias (out), got sizes " + Arrays.toString(weight.sizes())
              + (bias == null ? "" : " and " + Arrays.toString(bias.sizes())));
    }
    this.outFeatures = Math.toIntExact(weight.size(0));
    this.inFeatures = Math.toIntExact(weight.size(1));
    this.weight = parameter("weight", weight);
    this.bias = bias == null ? null : parameter("bias", bias);
  }

  public final int inFeatures() {
    return inFeatures;
  }

  public final int outFeatures() {
    return outFeatures;
  }

  public final Tensor weight() {
    return weight;
  }

  /// The bias, or null.
  public final @Nullable Tensor bias() {
    return bias;
  }

  /// gelu(this(x)): one operation where nothing but `forward` of both would run.
  final Tensor callAndActivate(GELU gelu, Tensor x) {
    return getClass() == Linear.class && bias != null && isCalledPlainly() && gelu.isCalledPlainly()
        ? Op.scoped(() -> LayerFunctions.linearGelu(x, weight, bias))
        : Op.chain(x, List.of(this::call, gelu::call));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.linear(x, weight, bias);
  }

  @Override
  protected String extraRepr() {
    return "in_features=" + inFeatures + ", out_features=" + outFeatures + ", bias=" + PythonText.of(bias != null);
  }
}
