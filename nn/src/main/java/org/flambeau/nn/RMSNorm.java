package org.flambeau.nn;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Division of each sample by its root mean square over the last dimensions, then scaled: [Functional#rmsNorm].
///
/// Shapes: x (…, normalizedShape) → the same. Parameters, where affine: `weight` of ones, normalizedShape.
///
/// Reference: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
public final class RMSNorm extends Module {
  private final long[] normalizedShape;
  private final @Nullable Double eps;
  private final @Nullable Tensor weight;

  /// Over the last dimension, of size `features`, with the epsilon of the dtype.
  public RMSNorm(int features) {
    this(new long[] {features}, null, true);
  }

  /// Over the last dimension, of size `features`.
  public RMSNorm(int features, double eps) {
    this(new long[] {features}, eps, true);
  }

  /// Over the last dimensions, of sizes `normalizedShape`.
  ///
  /// @param eps what is added to the mean square; where null, the distance from 1 to the next number of the dtype that it computes in
  /// @param affine whether it has a weight
  public RMSNorm(long[] normalizedShape, @Nullable Double eps, boolean affine) {
    this.normalizedShape = normalizedShape.clone();
    this.eps = eps;
    this.weight = affine ? parameter("weight", Tensor.ones(normalizedShape)) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.rmsNorm(x, normalizedShape, weight, eps);
  }

  @Override
  protected String extraRepr() {
    return PythonText.tuple(normalizedShape) + ", eps=" + (eps == null ? "None" : PythonText.of(eps)) + ", elementwise_affine="
        + PythonText.of(weight != null);
  }
}
