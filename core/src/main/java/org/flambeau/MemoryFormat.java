package org.flambeau;

import org.flambeau.internal.Backends;
import org.flambeau.internal.ops.AutocastPolicy;

/// In which order the elements of a tensor lie in memory, whose sizes stay as they are.
///
/// ```java
/// model.to(MemoryFormat.CHANNELS_LAST);
/// Tensor y = model.call(images.contiguous(MemoryFormat.CHANNELS_LAST));
/// ```
/// Images (n, c, h, w) are row-major, one plane for each channel, or channels-last: (n, h, w, c) in memory, the channels of a pixel side by
/// side. Convolutions, pools, norms and element-wise operations keep the format of their images; a convolution's result is channels-last where
/// either its images or its weight are. Which is faster depends on the device: tensor cores want channels last.
///
/// Reference: `torch.memory_format`.
public enum MemoryFormat {
  /// Row-major: the last dimension varies fastest.
  CONTIGUOUS,
  /// Of tensors with four dimensions (n, c, h, w): strides (h·w·c, 1, w·c, c).
  CHANNELS_LAST;

  /// What a network of convolutions brings its images (n, c, h, w) to, once, at its beginning: the format that is faster on their device where
  /// weights are row-major. Channels-last images stay.
  public static MemoryFormat ofImages(Tensor images) {
    return images.isContiguous(CHANNELS_LAST)
        || Backends.kernels(images.device()).prefersChannelsLast(AutocastPolicy.dtypeOf("conv2d", images))
            ? CHANNELS_LAST
            : CONTIGUOUS;
  }
}
