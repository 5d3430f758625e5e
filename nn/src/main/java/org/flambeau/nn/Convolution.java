package org.flambeau.nn;

import java.util.Locale;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// What convolutions have in common: a weight, perhaps a bias, and how they slide.
public abstract sealed class Convolution extends Module permits Conv1d, Conv2d, ConvTranspose2d {
  private final int inChannels;
  private final int outChannels;
  private final int[] kernel;
  private final ConvOptions options;
  private final boolean transposed;
  private final Tensor weight;
  private final @Nullable Tensor bias;

  Convolution(int inChannels, int outChannels, int[] kernel, ConvOptions options, boolean transposed, boolean bias) {
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernel = kernel;
    this.options = options;
    this.transposed = transposed;
    if (transposed && options.paddingMode() != null) {
      throw new IllegalArgumentException("[" + name() + "] Only \"zeros\" padding mode is supported for " + name());
    }
    if (options.samePadding() && differs(options.strideH(), options.strideW(), 1)) {
      throw new IllegalArgumentException("[" + name() + "] padding='same' is not supported for strided convolutions");
    }
    int groups = Sizes.positive(name(), "groups", options.groups());
    Sizes.positive(name(), "in_channels", inChannels);
    Sizes.positive(name(), "out_channels", outChannels);
    if (inChannels % groups != 0 || outChannels % groups != 0) {
      throw new IllegalArgumentException(
          "[" + name() + "] in_channels and out_channels must be divisible by groups, got " + inChannels + ", "
              + outChannels + " and " + groups);
    }
    long[] sizes = new long[2 + kernel.length];
    sizes[0] = transposed ? inChannels : outChannels;
    sizes[1] = (transposed ? outChannels : inChannels) / groups;
    for (int d = 0; d < kernel.length; d++) {
      sizes[2 + d] = Sizes.positive(name(), "kernel_size", kernel[d]);
    }
    this.weight = parameter("weight", Tensor.empty(sizes));
    this.bias = bias ? parameter("bias", Tensor.empty(outChannels)) : null;
    DefaultInit.reset(weight, this.bias);
  }

  public final int inChannels() {
    return inChannels;
  }

  public final int outChannels() {
    return outChannels;
  }

  /// How it slides.
  public final ConvOptions options() {
    return options;
  }

  public final Tensor weight() {
    return weight;
  }

  /// The bias, or null.
  public final @Nullable Tensor bias() {
    return bias;
  }

  @Override
  protected final String extraRepr() {
    ConvOptions o = options;
    StringBuilder text = new StringBuilder().append(inChannels).append(", ").append(outChannels);
    long[] size = kernel.length == 1 ? new long[] {kernel[0]} : new long[] {kernel[0], kernel[1]};
    text.append(", kernel_size=").append(PythonText.tuple(size)).append(", stride=").append(spatial(o.strideH(), o.strideW()));
    if (o.samePadding()) {
      text.append(", padding=same");
    } else if (differs(o.padH(), o.padW(), 0)) {
      text.append(", padding=").append(spatial(o.padH(), o.padW()));
    }
    if (differs(o.dilationH(), o.dilationW(), 1)) {
      text.append(", dilation=").append(spatial(o.dilationH(), o.dilationW()));
    }
    if (transposed && differs(o.outputPadH(), o.outputPadW(), 0)) {
      text.append(", output_padding=").append(spatial(o.outputPadH(), o.outputPadW()));
    }
    if (o.groups() != 1) {
      text.append(", groups=").append(o.groups());
    }
    if (bias == null) {
      text.append(", bias=False");
    }
    if (o.paddingMode() != null) {
      text.append(", padding_mode=").append(o.paddingMode().name().toLowerCase(Locale.ROOT));
    }
    return text.toString();
  }

  private String spatial(int rows, int columns) {
    return kernel.length == 1 ? PythonText.tuple(columns) : PythonText.tuple(rows, columns);
  }

  private boolean differs(int rows, int columns, int usual) {
    return columns != usual || kernel.length > 1 && rows != usual;
  }
}
