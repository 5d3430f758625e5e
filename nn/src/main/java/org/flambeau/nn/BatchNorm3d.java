package org.flambeau.nn;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// [BatchNorm] of volumes.
///
/// Shapes: x (n, c, d, h, w) → the same.
public final class BatchNorm3d extends BatchNorm {
  /// An epsilon of 10⁻⁵, a momentum of 0.1, affine, with running statistics.
  public BatchNorm3d(int features) {
    this(features, 1e-5, 0.1, true, true);
  }

  /// @param momentum how far the running statistics move towards the batch's; null for their plain average over all batches
  /// @param affine whether it has a weight and a bias
  /// @param trackRunningStats whether it has running statistics; without, it uses the batch's in evaluation too
  public BatchNorm3d(int features, double eps, @Nullable Double momentum, boolean affine, boolean trackRunningStats) {
    super(features, eps, momentum, affine, trackRunningStats);
  }

  @Override
  void checkDimensions(Tensor x) {
    if (x.dim() != 5) {
      throw new IllegalArgumentException("[BatchNorm3d] expected 5D input (got " + x.dim() + "D input)");
    }
  }
}
