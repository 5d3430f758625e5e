package org.flambeau.nn;

/// [InstanceNorm] of images.
///
/// Shapes: x (n, c, h, w) or (c, h, w) → the same.
public final class InstanceNorm2d extends InstanceNorm {
  /// An epsilon of 10⁻⁵, not affine, without running statistics.
  public InstanceNorm2d(int features) {
    this(features, 1e-5, 0.1, false, false);
  }

  /// @param momentum how far the running statistics move towards the batch's
  /// @param affine whether it has a weight and a bias
  /// @param trackRunningStats whether it has running statistics
  public InstanceNorm2d(int features, double eps, double momentum, boolean affine, boolean trackRunningStats) {
    super(2, features, eps, momentum, affine, trackRunningStats);
  }
}
