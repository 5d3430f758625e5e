package org.flambeau.models;

import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.jspecify.annotations.Nullable;

/// A part of a [ResNet]: `relu(residual(x) + shortcut(x))`.
abstract sealed class ResidualBlock extends Module {
  /// Which of the two a network is built of.
  enum Kind {
    BASIC(1), BOTTLENECK(4);

    /// How many times as many channels come out as the block is wide.
    final int expansion;

    Kind(int expansion) {
      this.expansion = expansion;
    }

    ResidualBlock block(int inChannels, int width, int stride, @Nullable Sequential downsample) {
      return switch (this) {
        case BASIC -> new BasicBlock(inChannels, width, stride, downsample);
        case BOTTLENECK -> new Bottleneck(inChannels, width, stride, downsample);
      };
    }
  }

  /// Two convolutions of 3×3; the first has the stride.
  static final class BasicBlock extends ResidualBlock {
    private final Conv2d conv1;
    private final BatchNorm2d bn1;
    private final ReLU relu;
    private final Conv2d conv2;
    private final BatchNorm2d bn2;
    private final @Nullable Sequential downsample;

    BasicBlock(int inChannels, int width, int stride, @Nullable Sequential downsample) {
      conv1 = child("conv1", conv3x3(inChannels, width, stride));
      bn1 = child("bn1", new BatchNorm2d(width));
      relu = child("relu", new ReLU(true));
      conv2 = child("conv2", conv3x3(width, width, 1));
      bn2 = child("bn2", new BatchNorm2d(width));
      this.downsample = downsample == null ? null : child("downsample", downsample);
    }

    @Override
    protected Tensor forward(Tensor x) {
      Tensor residual = ConvNorm.call(conv1, bn1, relu, x);
      return ConvNorm.call(conv2, bn2, () -> downsample == null ? x : downsample.call(x), relu, residual);
    }

    @Override
    BatchNorm2d lastNorm() {
      return bn2;
    }
  }

  /// A convolution of 3×3, which has the stride, between two of 1×1 that narrow and widen by four.
  static final class Bottleneck extends ResidualBlock {
    private final Conv2d conv1;
    private final BatchNorm2d bn1;
    private final Conv2d conv2;
    private final BatchNorm2d bn2;
    private final Conv2d conv3;
    private final BatchNorm2d bn3;
    private final ReLU relu;
    private final @Nullable Sequential downsample;

    Bottleneck(int inChannels, int width, int stride, @Nullable Sequential downsample) {
      int outChannels = width * Kind.BOTTLENECK.expansion;
      conv1 = child("conv1", conv1x1(inChannels, width, 1));
      bn1 = child("bn1", new BatchNorm2d(width));
      conv2 = child("conv2", conv3x3(width, width, stride));
      bn2 = child("bn2", new BatchNorm2d(width));
      conv3 = child("conv3", conv1x1(width, outChannels, 1));
      bn3 = child("bn3", new BatchNorm2d(outChannels));
      relu = child("relu", new ReLU(true));
      this.downsample = downsample == null ? null : child("downsample", downsample);
    }

    @Override
    protected Tensor forward(Tensor x) {
      Tensor residual = ConvNorm.call(conv2, bn2, relu, ConvNorm.call(conv1, bn1, relu, x));
      return ConvNorm.call(conv3, bn3, () -> downsample == null ? x : downsample.call(x), relu, residual);
    }

    @Override
    BatchNorm2d lastNorm() {
      return bn3;
    }
  }

  /// The last normalisation of the residual, whose weights say how much of it there is.
  abstract BatchNorm2d lastNorm();

  static Conv2d conv3x3(int inChannels, int outChannels, int stride) {
    return new Conv2d(inChannels, outChannels, 3, ConvOptions.of().stride(stride).padding(1), false);
  }

  static Conv2d conv1x1(int inChannels, int outChannels, int stride) {
    return new Conv2d(inChannels, outChannels, 1, ConvOptions.of().stride(stride), false);
  }
}
