package org.flambeau.models;

import static java.util.stream.Collectors.joining;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Tensor;
import org.flambeau.nn.Conv2d;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Init;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.Sequential;

/// A transformer that reads an image as a sequence of patches, after a token of its own from which the linear classifier `heads.head` reads the
/// class.
///
/// ```java
/// var model = VisionTransformer.vitB16(TorchvisionWeights.DEFAULT);
/// model.replace("heads.head", new Linear(768, 10));
/// ```
/// Modules and parameters have torchvision's names, and the same seed gives its initial values; the classifier begins with zeros.
///
/// Shapes: x (n, 3, imageSize, imageSize) → (n, numClasses).
///
/// Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020.
public final class VisionTransformer extends Module {
  /// What a network is made of. Immutable: methods with an argument return changed copies.
  ///
  /// ```java
  /// new VisionTransformer(VisionTransformer.Options.B_16.imageSize(384).dropout(0.1));
  /// ```
  ///
  /// @param imageSize how many rows and columns images have
  /// @param patchSize how many rows and columns of an image become one token
  /// @param layers how many blocks the encoder has
  /// @param heads how many heads attend in each block
  /// @param hidden the size of a token
  /// @param mlp the size of the hidden layer of a block's perceptron
  /// @param dropout with which probability an element of a token is zeroed while training
  /// @param attentionDropout with which probability an attention weight is
  /// @param numClasses how many logits come out
  public record Options(int imageSize, int patchSize, int layers, int heads, int hidden, int mlp, double dropout, double attentionDropout,
      int numClasses) {
    /// The paper's "base" with patches of 16×16.
    public static final Options B_16 = new Options(224, 16, 12, 12, 768, 3072, 0, 0, 1000);

    /// The paper's "base" with patches of 32×32.
    public static final Options B_32 = B_16.patchSize(32);

    /// The paper's "large" with patches of 16×16.
    public static final Options L_16 = B_16.layers(24).heads(16).hidden(1024).mlp(4096);

    /// The paper's "large" with patches of 32×32.
    public static final Options L_32 = L_16.patchSize(32);

    public Options {
      if (patchSize < 1 || imageSize < patchSize || imageSize % patchSize != 0) {
        throw new IllegalArgumentException("[VisionTransformer] expected an image size that the patch size divides, got " + imageSize
            + " and " + patchSize);
      }
    }

    /// These options with another image size.
    public Options imageSize(int imageSize) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another patch size.
    public Options patchSize(int patchSize) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another number of blocks.
    public Options layers(int layers) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another number of heads.
    public Options heads(int heads) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another size of tokens.
    public Options hidden(int hidden) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another size of the perceptrons' hidden layer.
    public Options mlp(int mlp) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another dropout.
    public Options dropout(double dropout) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another dropout of attention weights.
    public Options attentionDropout(double attentionDropout) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// These options with another number of logits.
    public Options numClasses(int numClasses) {
      return new Options(imageSize, patchSize, layers, heads, hidden, mlp, dropout, attentionDropout, numClasses);
    }

    /// The patches and the class token.
    int tokens() {
      int patches = imageSize / patchSize;
      return patches * patches + 1;
    }
  }

  private final int imageSize;
  private final Tensor classToken;
  private final Conv2d convProj;
  private final Encoder encoder;
  private final Sequential heads;

  /// A network with random weights.
  public VisionTransformer(Options options) {
    imageSize = options.imageSize;
    convProj = child("conv_proj", new Conv2d(3, options.hidden, options.patchSize, ConvOptions.of().stride(options.patchSize)));
    classToken = parameter("class_token", Tensor.zeros(1, 1, options.hidden));
    encoder = child("encoder", new Encoder(options));
    Linear head = new Linear(options.hidden, options.numClasses);
    heads = child("heads", new Sequential(Map.of("head", head)));

    Init.truncNormal_(convProj.weight(), 0, Math.sqrt(1.0 / (3 * options.patchSize * options.patchSize)));
    Init.zeros_(Objects.requireNonNull(convProj.bias()));
    Init.zeros_(head.weight());
    Init.zeros_(Objects.requireNonNull(head.bias()));
  }

  @Override
  protected Tensor forward(Tensor x) {
    if (x.dim() != 4 || x.size(1) != 3 || x.size(2) != imageSize || x.size(3) != imageSize) {
      throw new IllegalArgumentException("[VisionTransformer] expected images (n, 3, " + imageSize + ", " + imageSize + "), got "
          + Arrays.stream(x.sizes()).mapToObj(Long::toString).collect(joining(", ", "(", ")")));
    }
    return Sequential.chain(x, convProj::call, this::withClassToken, encoder::call,
        y -> y.select(1, 0).contiguous(), // else the classifier would save all tokens
        heads::call);
  }

  private Tensor withClassToken(Tensor patches) {
    return Tensor.cat(List.of(classToken.expand(patches.size(0), -1, -1), patches.flatten(2, 3).transpose(1, 2)), 1);
  }

  /// Of each block of the encoder.
  @Override
  public VisionTransformer activationCheckpointing(boolean on) {
    encoder.submodule("layers").namedChildren().values().forEach(block -> block.activationCheckpointing(on));
    return this;
  }

  // ---- the models of the paper ----

  /// The base model with patches of 16×16: 86,567,656 parameters, random weights.
  public static VisionTransformer vitB16() {
    return new VisionTransformer(Options.B_16);
  }

  /// The base model with patches of 16×16, random weights.
  public static VisionTransformer vitB16(int numClasses) {
    return new VisionTransformer(Options.B_16.numClasses(numClasses));
  }

  /// The base model with patches of 16×16, trained: from torch hub's cache, else downloaded. It takes images of the size that it was trained for.
  public static VisionTransformer vitB16(PretrainedWeights weights) {
    return trained(Options.B_16, weights.of("vit_b_16"));
  }

  /// The base model with patches of 32×32: 88,224,232 parameters, random weights.
  public static VisionTransformer vitB32() {
    return new VisionTransformer(Options.B_32);
  }

  /// The base model with patches of 32×32, trained: from torch hub's cache, else downloaded.
  public static VisionTransformer vitB32(PretrainedWeights weights) {
    return trained(Options.B_32, weights.of("vit_b_32"));
  }

  /// The large model with patches of 16×16: 304,326,632 parameters, random weights.
  public static VisionTransformer vitL16() {
    return new VisionTransformer(Options.L_16);
  }

  /// The large model with patches of 16×16, trained: from torch hub's cache, else downloaded. It takes images of the size that it was trained for.
  public static VisionTransformer vitL16(PretrainedWeights weights) {
    return trained(Options.L_16, weights.of("vit_l_16"));
  }

  private static VisionTransformer trained(Options options, TorchvisionWeights weights) {
    return weights.into(new VisionTransformer(options.imageSize(weights.imageSize())));
  }
}
