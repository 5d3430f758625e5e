package org.flambeau.internal.ops;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// scale·x + offset for each channel: what a norm by known statistics makes of the sums of the convolution before it.
public record ChannelAffine(Tensor scale, Tensor offset) {
  /// (x + shift − mean)·rstd·weight + bias, where the convolution's own bias is the shift; computed in the dtype of mean and rstd.
  public static ChannelAffine of(Tensor mean, Tensor rstd, @Nullable Tensor weight, @Nullable Tensor bias, @Nullable Tensor shift) {
    Tensor scale = weight == null ? rstd : rstd.mul(weight);
    Tensor offset = (shift == null ? mean.neg() : shift.to(mean.dtype()).sub(mean)).mul(scale);
    return new ChannelAffine(scale, bias == null ? offset : offset.add(bias));
  }

  /// The kernels (o, c, kh, kw) times the scale, rounded to `dtype`.
  public Tensor scaled(Tensor kernels, DType dtype) {
    return kernels.mul(scale.view(-1, 1, 1, 1)).to(dtype);
  }
}
