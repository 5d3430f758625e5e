package org.flambeau.nn;

import java.util.Arrays;
import java.util.function.UnaryOperator;
import org.flambeau.Selected;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.AddLayerNorm;
import org.flambeau.internal.ops.BatchNorm;
import org.flambeau.internal.ops.Convolutions;
import org.flambeau.internal.ops.Convolutions.SamePadding;
import org.flambeau.internal.ops.GroupNorm;
import org.flambeau.internal.ops.LayerNorm;
import org.flambeau.internal.ops.Linear;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Padding;
import org.flambeau.internal.ops.Pooling;
import org.flambeau.internal.ops.RmsNorm;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.PoolSpec;
import org.jspecify.annotations.Nullable;

/// The part of [Functional] that layers are made of: linear maps, convolutions, pooling, normalisation.
abstract sealed class LayerFunctions extends LossFunctions permits Functional {
  LayerFunctions() {}

  // ---- linear ----

  /// `x·weightᵀ`.
  public static Tensor linear(Tensor x, Tensor weight) {
    return linear(x, weight, null);
  }

  /// `x·weightᵀ + bias`.
  ///
  /// Shapes: x (…, in), weight (out, in), bias (out) → (…, out). DTypes: one for all.
  public static Tensor linear(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return Linear.linear(x, weight, bias);
  }

  // ---- convolution ----

  /// [#conv1d(Tensor, Tensor, Tensor, ConvOptions)] with a stride of 1 and no padding.
  public static Tensor conv1d(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return conv1d(x, weight, bias, ConvOptions.of());
  }

  /// The cross-correlation of rows with a weight. Options for columns count.
  ///
  /// Shapes: x (n, c, l) or (c, l), weight (o, c/groups, k), bias (o) → (n, o, l′) or (o, l′) with
  /// `l′ = ⌊(l + 2·padding − dilation·(k − 1) − 1)/stride⌋ + 1`. DTypes: float, one for all.
  public static Tensor conv1d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvOptions options) {
    if (options.padsEvenlyByZeros()) {
      return Convolutions.conv1d(x, weight, bias, spec(options, 0, options.padW(), 1));
    }
    Convolutions.checkRank("conv1d", 1, x, weight);
    SamePadding columns = columns(options, weight);
    PaddingMode mode = options.paddingMode();
    if (mode != null) {
      Tensor padded = Functional.pad(x, mode, columns.both(), columns.both() + columns.atEnd());
      return Convolutions.conv1d(padded, weight, bias, spec(options, 0, 0, 1));
    }
    Tensor padded = columns.atEnd() == 0 ? x : Padding.constant(x, new long[] {0, columns.atEnd()}, 0);
    return Convolutions.conv1d(padded, weight, bias, spec(options, 0, columns.both(), 1));
  }

  /// gelu([#linear]), as one operation where no gradient is recorded.
  static Tensor linearGelu(Tensor x, Tensor weight, Tensor bias) {
    return Linear.linearGelu(x, weight, bias);
  }

  /// [#conv2d(Tensor, Tensor, Tensor, ConvOptions)] with a stride of 1 and no padding.
  public static Tensor conv2d(Tensor x, Tensor weight, @Nullable Tensor bias) {
    return conv2d(x, weight, bias, ConvOptions.of());
  }

  /// The cross-correlation of images with a weight, plus a bias for each channel of the result.
  ///
  /// Shapes: x (n, c, h, w) or (c, h, w), weight (o, c/groups, kh, kw), bias (o) → (n, o, h′, w′) or (o, h′, w′) with
  /// `h′ = ⌊(h + 2·padding − dilation·(kh − 1) − 1)/stride⌋ + 1`. The result is channels-last where x or weight is.
  /// DTypes: float, one for all. Autograd: any number of times.
  public static Tensor conv2d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvOptions options) {
    if (options.padsEvenlyByZeros()) {
      return Convolutions.conv2d(x, weight, bias, spec(options, options.padH(), options.padW(), options.dilationH()));
    }
    Convolutions.checkRank("conv2d", 2, x, weight);
    SamePadding rows = rows(options, weight);
    SamePadding columns = columns(options, weight);
    PaddingMode mode = options.paddingMode();
    if (mode != null) {
      Tensor padded = Functional.pad(x, mode, columns.both(), columns.both() + columns.atEnd(), rows.both(), rows.both() + rows.atEnd());
      return Convolutions.conv2d(padded, weight, bias, spec(options, 0, 0, options.dilationH()));
    }
    Tensor padded = rows.atEnd() + columns.atEnd() == 0 ? x : Padding.constant(x, new long[] {0, columns.atEnd(), 0, rows.atEnd()}, 0);
    return Convolutions.conv2d(padded, weight, bias, spec(options, rows.both(), columns.both(), options.dilationH()));
  }

  /// activation(scale·[#conv2d] + bias + residual), as one operation; of options that pad evenly by zeros.
  static Tensor fusedConv2d(Tensor x, Tensor weight, @Nullable Tensor scale, @Nullable Tensor bias, @Nullable Tensor residual,
      Activation activation, ConvOptions options) {
    return Convolutions.fusedConv2d(x, weight, scale, bias, residual, activation,
        spec(options, options.padH(), options.padW(), options.dilationH()));
  }

  /// Of how many images at a time what `conv` makes of them stays in the cache: at least one.
  static long imagesInCache(Tensor x, Convolution conv) {
    return Convolutions.imagesInCache(x, conv.weight(),
        spec(conv.options(), conv.options().padH(), conv.options().padW(), conv.options().dilationH()));
  }

  /// The transpose of [#conv2d] as a linear map, also called deconvolution: upsampling with a learned kernel.
  ///
  /// Shapes: x (n, c, h, w) or (c, h, w), weight (c, o/groups, kh, kw), bias (o) → (n, o, h′, w′) or (o, h′, w′) with
  /// `h′ = (h − 1)·stride − 2·padding + dilation·(kh − 1) + outputPadding + 1`.
  public static Tensor convTranspose2d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvOptions options) {
    if (options.samePadding()) {
      throw new IllegalArgumentException("[conv_transpose2d] expects an explicit padding, not samePadding");
    }
    if (options.paddingMode() != null) {
      throw new IllegalArgumentException("[conv_transpose2d] Only \"zeros\" padding mode is supported for ConvTranspose2d");
    }
    return Convolutions.convTranspose2d(x, weight, bias, spec(options, options.padH(), options.padW(), options.dilationH()),
        options.outputPadH(), options.outputPadW());
  }

  private static ConvSpec spec(ConvOptions o, int padH, int padW, int dilationH) {
    return new ConvSpec(o.strideH(), o.strideW(), padH, padW, dilationH, o.dilationW(), o.groups());
  }

  private static SamePadding rows(ConvOptions options, Tensor weight) {
    requireStrideOne(options);
    return options.samePadding() ? SamePadding.of(weight.size(-2), options.dilationH()) : new SamePadding(options.padH(), 0);
  }

  private static SamePadding columns(ConvOptions options, Tensor weight) {
    requireStrideOne(options);
    return options.samePadding() ? SamePadding.of(weight.size(-1), options.dilationW()) : new SamePadding(options.padW(), 0);
  }

  private static void requireStrideOne(ConvOptions options) {
    if (options.samePadding() && (options.strideH() != 1 || options.strideW() != 1)) {
      throw new IllegalArgumentException("[conv] padding='same' is not supported for strided convolutions");
    }
  }

  // ---- pooling ----

  /// [#maxPool2d(Tensor, PoolOptions)] of square windows that do not overlap.
  public static Tensor maxPool2d(Tensor x, int kernel) {
    return maxPool2d(x, PoolOptions.kernel(kernel));
  }

  /// The largest element of each window.
  ///
  /// Shapes: x (n, c, h, w) or (c, h, w) → the same with `h′ = ⌊(h + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1`
  /// rows, or ⌈…⌉ in ceil mode, and columns likewise. DTypes: any but bool. Autograd: to the first largest element.
  public static Tensor maxPool2d(Tensor x, PoolOptions options) {
    return Pooling.maxPool2d(x, spec(options));
  }

  /// [#maxPool2d(Tensor, PoolOptions)] of what `before` makes of images, `count` of them at a time; not recorded.
  static Tensor maxPool2d(Tensor x, long count, UnaryOperator<Tensor> before, PoolOptions options) {
    return Pooling.maxPool2d(x, count, before, spec(options));
  }

  /// [#maxPool2d(Tensor, PoolOptions)], and for each window where in its plane the largest element stands: `row·w + column`.
  public static Selected maxPool2dWithIndices(Tensor x, PoolOptions options) {
    Tensor[] results = Pooling.maxPool2dWithIndices(x, spec(options));
    return new Selected(results[0], results[1]);
  }

  /// [#maxPool2d(Tensor, PoolOptions)] of rows (n, c, l) or (c, l). Options for columns count.
  public static Tensor maxPool1d(Tensor x, PoolOptions options) {
    return Op.scoped("max_pool1d", () -> maxPool2d(asImages("max_pool1d", x), ofOneRow(options)).squeeze(-2));
  }

  /// [#avgPool2d(Tensor, PoolOptions)] of square windows that do not overlap.
  public static Tensor avgPool2d(Tensor x, int kernel) {
    return avgPool2d(x, PoolOptions.kernel(kernel));
  }

  /// The mean of each window.
  ///
  /// Shapes: as [#maxPool2d(Tensor, PoolOptions)]. DTypes: float.
  public static Tensor avgPool2d(Tensor x, PoolOptions options) {
    return Pooling.avgPool2d(x, spec(options));
  }

  /// [#avgPool2d(Tensor, PoolOptions)] of rows (n, c, l) or (c, l). Options for columns count.
  public static Tensor avgPool1d(Tensor x, PoolOptions options) {
    return Op.scoped("avg_pool1d", () -> avgPool2d(asImages("avg_pool1d", x), ofOneRow(options)).squeeze(-2));
  }

  /// The means of rows × columns windows that cover all of each image, as equal as whole numbers allow: window i of n spans
  /// `⌊i·h/n⌋` to `⌈(i + 1)·h/n⌉`.
  ///
  /// Shapes: x (n, c, h, w) or (c, h, w) → (n, c, rows, columns) or (c, rows, columns). DTypes: float.
  public static Tensor adaptiveAvgPool2d(Tensor x, long rows, long columns) {
    return Pooling.adaptiveAvgPool2d(x, rows, columns);
  }

  /// The largest of each of rows × columns windows that cover all of each image, as equal as whole numbers allow, and where in
  /// its plane it stands: `row·w + column`.
  ///
  /// Shapes: as [#adaptiveAvgPool2d]. DTypes: float. Autograd: to the first largest element.
  public static Selected adaptiveMaxPool2d(Tensor x, long rows, long columns) {
    Tensor[] results = Pooling.adaptiveMaxPool2d(x, rows, columns);
    return new Selected(results[0], results[1]);
  }

  /// [#adaptiveAvgPool2d] of rows (n, c, l) or (c, l).
  public static Tensor adaptiveAvgPool1d(Tensor x, long columns) {
    return Op.scoped("adaptive_avg_pool1d", () -> Pooling.adaptiveAvgPool2d(asImages("adaptive_avg_pool1d", x), 1, columns).squeeze(-2));
  }

  private static Tensor asImages(String op, Tensor x) {
    if (x.dim() != 2 && x.dim() != 3) {
      throw new IllegalArgumentException(
          "[" + op + "] Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got: "
              + Arrays.toString(x.sizes()));
    }
    return x.unsqueeze(-2);
  }

  private static PoolOptions ofOneRow(PoolOptions o) {
    return new PoolOptions(1, o.kernelW(), 1, o.strideW(), 0, o.padW(), 1, o.dilationW(), o.ceilMode(), o.countIncludePad(),
        o.divisorOverride());
  }

  private static PoolSpec spec(PoolOptions o) {
    return new PoolSpec(o.kernelH(), o.kernelW(), o.strideH(), o.strideW(), o.padH(), o.padW(), o.dilationH(), o.dilationW(), o.ceilMode(),
        o.countIncludePad(), o.divisorOverride());
  }

  // ---- normalisation ----

  /// [#layerNorm(Tensor, long[], Tensor, Tensor, double)] with an epsilon of 10⁻⁵.
  public static Tensor layerNorm(Tensor x, long[] normalizedShape, @Nullable Tensor weight, @Nullable Tensor bias) {
    return layerNorm(x, normalizedShape, weight, bias, 1e-5);
  }

  /// `(x − mean)/√(var + eps)·weight + bias`, with the mean and (biased) variance over the last dimensions.
  ///
  /// Shapes: x (…, normalizedShape); weight and bias normalizedShape. DTypes: float; beside a half-precision x, weight and
  /// bias may be float32.
  ///
  /// Reference: Ba, Kiros and Hinton, "Layer Normalization", 2016.
  public static Tensor layerNorm(Tensor x, long[] normalizedShape, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    return LayerNorm.layerNorm(x, normalizedShape, weight, bias, eps);
  }

  /// `x + residual`, and its [#layerNorm(Tensor, long[], Tensor, Tensor, double)]: in one pass over memory where there is a kernel for both.
  ///
  /// Shapes: x and residual (…, normalizedShape); weight and bias normalizedShape. DTypes: those of the two operations. Autograd: any number of
  /// times.
  public static NormalizedSum addLayerNorm(Tensor x, Tensor residual, long[] normalizedShape, @Nullable Tensor weight,
      @Nullable Tensor bias,
      double eps) {
    Tensor[] results = AddLayerNorm.addLayerNorm(x, residual, normalizedShape, weight, bias, eps);
    return new NormalizedSum(results[0], results[1]);
  }

  /// `x/√(mean x² + eps)·weight`, with the mean over the last dimensions.
  ///
  /// Shapes: x (…, normalizedShape); weight normalizedShape. DTypes: float; half-precision is computed in float32.
  ///
  /// Reference: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
  ///
  /// @param eps where null, 2⁻²³, or 2⁻⁵² for float64
  public static Tensor rmsNorm(Tensor x, long[] normalizedShape, @Nullable Tensor weight, @Nullable Double eps) {
    return RmsNorm.rmsNorm(x, normalizedShape, weight, eps);
  }

  /// `(x − mean)/√(var + eps)·weight + bias` for each channel: with the mean and (biased) variance over the batch where
  /// `training`, else with the running ones. While training, running statistics that are given become
  /// `(1 − momentum)·running + momentum·batch`, with the unbiased variance.
  ///
  /// Shapes: x (n, c, …); all others (c). DTypes: float; beside a half-precision x, the others may be float32. Autograd: x,
  /// weight and bias.
  ///
  /// Reference: Ioffe and Szegedy, "Batch Normalization", 2015.
  ///
  /// @throws IllegalArgumentException if there is but one value for each channel while training
  public static Tensor batchNorm(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor weight,
      @Nullable Tensor bias, boolean training, double momentum, double eps) {
    return batchNorm(x, runningMean, runningVar, null, weight, bias, training, momentum, eps);
  }

  /// [#batchNorm] that counts in `batches` how often running statistics were moved.
  static Tensor batchNorm(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor batches,
      @Nullable Tensor weight, @Nullable Tensor bias, boolean training, double momentum, double eps) {
    return BatchNorm.batchNorm(x, runningMean, runningVar, batches, weight, bias, training, momentum, eps);
  }

  /// relu([#batchNorm] + residual), as one operation where there is a kernel for it.
  static Tensor batchNormAddRelu(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor batches,
      @Nullable Tensor weight, @Nullable Tensor bias, @Nullable Tensor residual, boolean training, double momentum, double eps) {
    return BatchNorm.batchNormAddRelu(x, runningMean, runningVar, batches, weight, bias, residual, training, momentum, eps);
  }

  /// `(x − mean)/√(var + eps)·weight + bias`, with the mean and (biased) variance of each channel of each sample over its places.
  ///
  /// Shapes: x (n, c, …); all others (c). Running statistics are used where `useInputStats` is false, else moved.
  ///
  /// Reference: Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016.
  public static Tensor instanceNorm(Tensor x, @Nullable Tensor runningMean, @Nullable Tensor runningVar, @Nullable Tensor weight,
      @Nullable Tensor bias, boolean useInputStats, double momentum, double eps) {
    return BatchNorm.instanceNorm(x, runningMean, runningVar, weight, bias, useInputStats, momentum, eps);
  }

  /// `(x − mean)/√(var + eps)·weight + bias`, with the mean and (biased) variance of each of `groups` groups of a sample's channels.
  ///
  /// Shapes: x (n, c, …), c a multiple of `groups`; weight and bias (c). DTypes: float.
  ///
  /// Reference: Wu and He, "Group Normalization", 2018.
  public static Tensor groupNorm(Tensor x, int groups, @Nullable Tensor weight, @Nullable Tensor bias, double eps) {
    return GroupNorm.groupNorm(x, groups, weight, bias, eps);
  }
}
