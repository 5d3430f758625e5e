package org.flambeau.nn;

import java.util.function.Supplier;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Op;
import org.jspecify.annotations.Nullable;

/// Normalisation of each sample over its last dimensions, then scaled and shifted: [Functional#layerNorm].
///
/// Shapes: x (…, normalizedShape) → the same. Parameters, where affine: `weight` of ones and `bias` of zeros, both normalizedShape.
///
/// Reference: Ba, Kiros and Hinton, "Layer Normalization", 2016.
public final class LayerNorm extends Module {
  private final long[] normalizedShape;
  private final double eps;
  private final @Nullable Tensor weight;
  private final @Nullable Tensor bias;

  /// Over the last dimension, of size `features`, with an epsilon of 10⁻⁵.
  public LayerNorm(int features) {
    this(features, 1e-5);
  }

  /// Over the last dimension, of size `features`.
  public LayerNorm(int features, double eps) {
    this(new long[] {features}, eps, true);
  }

  /// Over the last dimensions, of sizes `normalizedShape`.
  ///
  /// @param affine whether it has a weight and a bias
  public LayerNorm(long[] normalizedShape, double eps, boolean affine) {
    this(normalizedShape, eps, affine, affine);
  }

  /// Over the last dimensions, of sizes `normalizedShape`.
  ///
  /// @param affine whether it has a weight
  /// @param bias whether it has a bias beside the weight
  public LayerNorm(long[] normalizedShape, double eps, boolean affine, boolean bias) {
    this.normalizedShape = normalizedShape.clone();
    this.eps = eps;
    this.weight = affine ? parameter("weight", Tensor.ones(normalizedShape)) : null;
    this.bias = affine && bias ? parameter("bias", Tensor.zeros(normalizedShape)) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.layerNorm(x, normalizedShape, weight, bias, eps);
  }

  /// `x + residual`, and this module's call of it: together where nothing but [#forward] would run, as [Functional#addLayerNorm].
  public NormalizedSum callOnSum(Tensor x, Tensor residual) {
    if (isCalledPlainly()) {
      return Functional.addLayerNorm(x, residual, normalizedShape, weight, bias, eps);
    }
    Tensor sum = x.add(residual);
    return new NormalizedSum(sum, call(sum));
  }

  /// [#callOnSum(Tensor, Tensor)] of what `x` gives, which inside a memory scope is freed, with all that led to it, as soon as it is used.
  public NormalizedSum callOnSum(Supplier<Tensor> x, Tensor residual) {
    Tensor[] both = Op.scopedMulti(() -> {
      NormalizedSum result = callOnSum(x.get(), residual);
      return new Tensor[] {result.sum(), result.normalized()};
    });
    return new NormalizedSum(both[0], both[1]);
  }

  @Override
  protected String extraRepr() {
    return PythonText.tuple(normalizedShape) + ", eps=" + PythonText.of(eps) + ", elementwise_affine=" + PythonText.of(weight != null)
        + ", bias="
        + PythonText.of(bias != null);
  }
}
