package org.flambeau.nn;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// [BatchNorm] of rows or of vectors.
///
/// Shapes: x (n, c) or (n, c, l) → the same.
public final class BatchNorm1d extends BatchNorm {
  /// An epsilon of 10⁻⁵, a momentum of 0.1, affine, with running statistics.
  public BatchNorm1d(int features) {
    this(features, 1e-5, 0.1, true, true);
  }

  /// @param momentum how far the running statistics move towards the batch's; null for their plain average over all batches
  /// @param affine whether it has a weight and a bias
  /// @param trackRunningStats whether it has running statistics; without, it uses the batch's in evaluation too
  public BatchNorm1d(int features, double eps, @Nullable Double momentum, boolean affine, boolean trackRunningStats) {
    super(features, eps, momentum, affine, trackRunningStats);
  }

  @Override
  void checkDimensions(Tensor x) {
    if (x.dim() != 2 && x.dim() != 3) {
      throw new IllegalArgumentException("[BatchNorm1d] expected 2D or 3D input (got " + x.dim() + "D input)");
    }
  }
}
