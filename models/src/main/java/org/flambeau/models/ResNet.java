package org.flambeau.models;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.flambeau.MemoryFormat;
import org.flambeau.Tensor;
import org.flambeau.models.ResidualBlock.Kind;
import org.flambeau.nn.AdaptiveAvgPool2d;
import org.flambeau.nn.BatchNorm2d;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvNorm;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Init;
import org.flambeau.nn.Init.FanMode;
import org.flambeau.nn.Init.Nonlinearity;
import org.flambeau.nn.Linear;
import org.flambeau.nn.MaxPool2d;
import org.flambeau.nn.Module;
import org.flambeau.nn.PoolOptions;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;

/// A residual network: a convolution, four stages of blocks that add to what they are given, an average, and a linear classifier `fc`.
///
/// ```java
/// var model = ResNet.resnet18(TorchvisionWeights.DEFAULT);
/// model.replace("fc", new Linear(512, 10));
/// ```
/// Modules and parameters have torchvision's names, and the same seed gives its initial values: convolutions are normal by their outputs, for
/// ReLU. In blocks of three convolutions the middle one has the stride ("v1.5").
///
/// Shapes: x (n, 3, h, w) → (n, numClasses).
///
/// Reference: He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015.
public final class ResNet extends Module {
  /// What a network is made of. Immutable: methods with an argument return changed copies.
  ///
  /// ```java
  /// new ResNet(ResNet.Options.RESNET18.numClasses(10).zeroInitResidual(true));
  /// ```
  ///
  /// @param bottleneck whether a block is three convolutions, 1×1, 3×3 and 1×1, instead of two of 3×3
  /// @param blocks how many blocks each of the four stages has
  /// @param numClasses how many logits come out
  /// @param zeroInitResidual whether every block begins as the identity
  public record Options(boolean bottleneck, List<Integer> blocks, int numClasses, boolean zeroInitResidual) {
    /// Two blocks of two convolutions in each stage.
    public static final Options RESNET18 = new Options(false, List.of(2, 2, 2, 2), 1000, false);

    /// 16 blocks of two convolutions.
    public static final Options RESNET34 = new Options(false, List.of(3, 4, 6, 3), 1000, false);

    /// 16 blocks of three convolutions.
    public static final Options RESNET50 = new Options(true, List.of(3, 4, 6, 3), 1000, false);

    public Options {
      blocks = List.copyOf(blocks);
      if (blocks.size() != 4 || blocks.stream().anyMatch(count -> count < 1)) {
        throw new IllegalArgumentException("[ResNet] expected four stages of at least one block each, got " + blocks);
      }
    }

    /// These options with other numbers of blocks.
    public Options blocks(int... blocks) {
      return new Options(bottleneck, Arrays.stream(blocks).boxed().toList(), numClasses, zeroInitResidual);
    }

    /// These options with another number of logits.
    public Options numClasses(int numClasses) {
      return new Options(bottleneck, blocks, numClasses, zeroInitResidual);
    }

    /// These options with or without blocks that begin as the identity.
    public Options zeroInitResidual(boolean zeroInitResidual) {
      return new Options(bottleneck, blocks, numClasses, zeroInitResidual);
    }
  }

  private final Conv2d conv1 = child("conv1", new Conv2d(3, 64, 7, ConvOptions.of().stride(2).padding(3), false));
  private final BatchNorm2d bn1 = child("bn1", new BatchNorm2d(64));
  private final ReLU relu = child("relu", new ReLU(true));
  private final MaxPool2d maxpool = child("maxpool", new MaxPool2d(PoolOptions.kernel(3).stride(2).padding(1)));
  private final Sequential layer1;
  private final Sequential layer2;
  private final Sequential layer3;
  private final Sequential layer4;
  private final AdaptiveAvgPool2d avgpool;
  private final Linear fc;

  /// A network with random weights.
  public ResNet(Options options) {
    Kind kind = options.bottleneck ? Kind.BOTTLENECK : Kind.BASIC;
    layer1 = child("layer1", stage(kind, 64, 64, options.blocks.get(0), 1));
    layer2 = child("layer2", stage(kind, 64 * kind.expansion, 128, options.blocks.get(1), 2));
    layer3 = child("layer3", stage(kind, 128 * kind.expansion, 256, options.blocks.get(2), 2));
    layer4 = child("layer4", stage(kind, 256 * kind.expansion, 512, options.blocks.get(3), 2));
    avgpool = child("avgpool", new AdaptiveAvgPool2d(1, 1));
    fc = child("fc", new Linear(512 * kind.expansion, options.numClasses));
    for (Module module : modules()) {
      if (module instanceof Conv2d conv) {
        Init.kaimingNormal_(conv.weight(), 0, FanMode.FAN_OUT, Nonlinearity.RELU);
      } else if (module instanceof ResidualBlock block && options.zeroInitResidual) {
        Init.zeros_(Objects.requireNonNull(block.lastNorm().weight()));
      }
    }
  }

  /// `blocks` blocks, of which the first has the stride; where it changes the size, so does its shortcut.
  private static Sequential stage(Kind kind, int inChannels, int width, int blocks, int stride) {
    int outChannels = width * kind.expansion;
    Sequential downsample = stride == 1 && inChannels == outChannels
        ? null
        : new Sequential(ResidualBlock.conv1x1(inChannels, outChannels, stride), new BatchNorm2d(outChannels));
    Sequential stage = new Sequential(kind.block(inChannels, width, stride, downsample));
    for (int i = 1; i < blocks; i++) {
      stage.append(kind.block(outChannels, width, 1, null));
    }
    return stage;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Sequential.chain(x, y -> y.dim() == 4 ? y.to(MemoryFormat.ofImages(y)) : y,
        y -> ConvNorm.callAndPool(conv1, bn1, relu, maxpool, y),
        Sequential.step(layer1), Sequential.step(layer2), Sequential.step(layer3), Sequential.step(layer4), avgpool::call,
        y -> y.flatten(1, -1), fc::call);
  }

  /// Of each residual block.
  @Override
  public ResNet activationCheckpointing(boolean on) {
    modules().stream().filter(ResidualBlock.class::isInstance).forEach(block -> block.activationCheckpointing(on));
    return this;
  }

  // ---- the models of the paper ----

  /// 18 layers, 11,689,512 parameters, random weights.
  public static ResNet resnet18() {
    return new ResNet(Options.RESNET18);
  }

  /// 18 layers, random weights.
  public static ResNet resnet18(int numClasses) {
    return new ResNet(Options.RESNET18.numClasses(numClasses));
  }

  /// 18 layers, trained: from torch hub's cache, else downloaded.
  public static ResNet resnet18(PretrainedWeights weights) {
    return weights.of("resnet18").into(resnet18());
  }

  /// 34 layers, 21,797,672 parameters, random weights.
  public static ResNet resnet34() {
    return new ResNet(Options.RESNET34);
  }

  /// 34 layers, random weights.
  public static ResNet resnet34(int numClasses) {
    return new ResNet(Options.RESNET34.numClasses(numClasses));
  }

  /// 34 layers, trained: from torch hub's cache, else downloaded.
  public static ResNet resnet34(PretrainedWeights weights) {
    return weights.of("resnet34").into(resnet34());
  }

  /// 50 layers, 25,557,032 parameters, random weights.
  public static ResNet resnet50() {
    return new ResNet(Options.RESNET50);
  }

  /// 50 layers, random weights.
  public static ResNet resnet50(int numClasses) {
    return new ResNet(Options.RESNET50.numClasses(numClasses));
  }

  /// 50 layers, trained: from torch hub's cache, else downloaded.
  public static ResNet resnet50(PretrainedWeights weights) {
    return weights.of("resnet50").into(resnet50());
  }
}
