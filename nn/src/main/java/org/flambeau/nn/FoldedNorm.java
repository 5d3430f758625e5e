package org.flambeau.nn;

import java.lang.ref.WeakReference;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.Autocast;
import org.flambeau.CudaGraph;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryFormat;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.compile.Tracing;
import org.flambeau.internal.ops.ChannelAffine;
import org.flambeau.internal.ops.Convolutions;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A batch norm behind a convolution as a part of that: norm(x ∗ w + b) = s·(x ∗ w) + (b − mean)·s + bias of the norm, s = weight of the
/// norm/√(var + eps). Where no kernel multiplies by s on its way out, or under autocast, where w is cast anyhow, the weight is s·w,
/// in the dtype of the call, and channels-last where its images are.
///
/// It stays with the convolution, and is right as long as none of what it was computed from has changed. The programs of a compiled module read it
/// where it is.
final class FoldedNorm {
  /// What a tensor was: it shows something else after `setData`, and counts changes in place.
  private record Source(WeakReference<Strided> data, int version) {
    static Source of(Tensor tensor) {
      return new Source(new WeakReference<>(tensor.strided()), tensor.version());
    }

    boolean isStill(Tensor tensor) {
      return data.refersTo(tensor.strided()) && version == tensor.version();
    }
  }

  private final List<Source> sources;
  private final DType dtype;
  private final boolean channelsLast;
  /// Null where the convolution's own is used, and scaled.
  private final @Nullable Tensor weight;
  private final @Nullable Tensor scale;
  private final Tensor bias;

  private FoldedNorm(Conv2d conv, BatchNorm2d norm, DType dtype, boolean channelsLast) {
    this.dtype = dtype;
    this.channelsLast = channelsLast;
    sources = tensors(conv, norm).map(Source::of).toList();
    Tensor mean = Objects.requireNonNull(norm.runningMean());
    Tensor var = Objects.requireNonNull(norm.runningVar());
    DType wide = DType.promote(conv.weight().dtype(), DType.FLOAT32);
    try (var _ = GradMode.noGrad(); var _ = Autocast.disabled(); var _ = MemoryScope.open()) {
      ChannelAffine affine = ChannelAffine.of(mean.to(wide), var.to(wide).add(norm.eps()).rsqrt(), norm.weight(), norm.bias(), conv.bias());
      boolean cast = dtype != conv.weight().dtype(); // then the weight is another tensor anyhow
      boolean scales = !cast && Convolutions.areScaled(conv.weight());
      weight = scales ? null : MemoryScope.escape(laidOut(affine.scaled(conv.weight(), dtype), channelsLast));
      scale = scales ? MemoryScope.escape(affine.scale()) : null;
      bias = MemoryScope.escape(scales ? affine.offset() : affine.offset().to(dtype));
    }
  }

  /// So that no engine has to turn it round at each call.
  private static Tensor laidOut(Tensor weight, boolean channelsLast) {
    return channelsLast ? weight.contiguous(MemoryFormat.CHANNELS_LAST) : weight;
  }

  private static Stream<Tensor> tensors(Conv2d conv, BatchNorm2d norm) {
    return Stream.of(conv.weight(), conv.bias(), norm.weight(), norm.bias(), norm.runningMean(), norm.runningVar())
        .filter(Objects::nonNull);
  }

  /// Whether a norm with running statistics can be folded into a convolution: their tensors are of one dtype, on one device, and do not change
  /// unseen.
  static boolean isPossible(Conv2d conv, BatchNorm2d norm) {
    Tensor like = conv.weight();
    return norm.runningVar() != null && conv.outChannels() == norm.features() && like.dtype().isFloating()
        && tensors(conv, norm).allMatch(tensor -> tensor.dtype() == like.dtype() && tensor.device() == like.device()
            && !tensor.strided().storage().isExposed());
  }

  /// Whether somebody asks for the gradient of what it is computed from, for which it has no way.
  static boolean requiresGrad(Conv2d conv, BatchNorm2d norm) {
    return tensors(conv, norm).anyMatch(Tensor::requiresGrad);
  }

  /// What `last` is, if that is still right for images x in `dtype`, else anew. In a CUDA graph that is being captured it is always computed:
  /// the graph repeats it with what the parameters will be then.
  static FoldedNorm of(Conv2d conv, BatchNorm2d norm, Tensor x, DType dtype, @Nullable FoldedNorm last) {
    boolean channelsLast = x.isContiguous(MemoryFormat.CHANNELS_LAST) && !x.isContiguous();
    return last != null && !CudaGraph.isCapturing() && last.dtype == dtype && last.lies(channelsLast) && last.isRight(conv, norm)
        ? last
        : Tracing.apart(tensors(conv, norm).toList(), () -> new FoldedNorm(conv, norm, dtype, channelsLast));
  }

  /// Whether its weight lies as the images do; the convolution's own may lie as it likes.
  private boolean lies(boolean channelsLast) {
    return weight == null || this.channelsLast == channelsLast;
  }

  private boolean isRight(Conv2d conv, BatchNorm2d norm) {
    List<Tensor> now = tensors(conv, norm).toList();
    if (now.size() != sources.size()) {
      return false;
    }
    for (int i = 0; i < now.size(); i++) {
      if (!sources.get(i).isStill(now.get(i))) {
        return false;
      }
    }
    return true;
  }

  /// The convolution, the norm, the residual and the activation.
  Tensor convolve(Conv2d conv, Tensor x, @Nullable Tensor residual, Activation activation) {
    return LayerFunctions.fusedConv2d(x, weight == null ? conv.weight() : weight, scale, bias, residual, activation, conv.options());
  }
}
