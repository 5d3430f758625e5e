package org.flambeau.nn;

import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Normalisation of each group of a sample's channels, then scaled and shifted for each channel: [Functional#groupNorm].
///
/// Shapes: x (n, c, …) → the same. Parameters, where affine: `weight` (c) of ones and `bias` (c) of zeros.
///
/// Reference: Wu and He, "Group Normalization", 2018.
public final class GroupNorm extends Module {
  private final int groups;
  private final int channels;
  private final double eps;
  private final @Nullable Tensor weight;
  private final @Nullable Tensor bias;

  /// With an epsilon of 10⁻⁵, affine.
  public GroupNorm(int groups, int channels) {
    this(groups, channels, 1e-5, true);
  }

  /// @param affine whether it has a weight and a bias
  /// @throws IllegalArgumentException if the channels cannot be divided by the groups
  public GroupNorm(int groups, int channels, double eps, boolean affine) {
    this.groups = Sizes.positive("GroupNorm", "num_groups", groups);
    this.channels = Sizes.positive("GroupNorm", "num_channels", channels);
    if (channels % groups != 0) {
      throw new IllegalArgumentException("[GroupNorm] num_channels (" + channels + ") must be divisible by num_groups (" + groups + ")");
    }
    this.eps = eps;
    this.weight = affine ? parameter("weight", Tensor.ones(channels)) : null;
    this.bias = affine ? parameter("bias", Tensor.zeros(channels)) : null;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.groupNorm(x, groups, weight, bias, eps);
  }

  @Override
  protected String extraRepr() {
    return groups + ", " + channels + ", eps=" + PythonText.of(eps) + ", affine=" + PythonText.of(weight != null) + ", bias="
        + PythonText.of(bias != null);
  }
}
