package org.flambeau.models;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Stream;
import org.flambeau.nn.Module;

/// The models by torchvision's names.
public final class Models {
  /// A model.
  ///
  /// @param name what torchvision calls it: `resnet18`
  /// @param imageSize how many rows and columns its images have by default
  /// @param classifier the path of the linear layer that gives the logits: `fc`
  /// @param defaultWeights what [TorchvisionWeights#DEFAULT] stands for
  /// @param constructor makes one with random weights and some number of classes
  public record Entry(String name, int imageSize, String classifier, TorchvisionWeights defaultWeights,
      IntFunction<Module> constructor) {
    /// One with random weights.
    public Module create(int numClasses) {
      return constructor.apply(numClasses);
    }
  }

  private static final Map<String, Entry> ENTRIES = new LinkedHashMap<>();

  static {
    Stream.of(
        resnet("resnet18", ResNet.Options.RESNET18, TorchvisionWeights.RESNET18_IMAGENET1K_V1),
        resnet("resnet34", ResNet.Options.RESNET34, TorchvisionWeights.RESNET34_IMAGENET1K_V1),
        resnet("resnet50", ResNet.Options.RESNET50, TorchvisionWeights.RESNET50_IMAGENET1K_V2),
        vit("vit_b_16", VisionTransformer.Options.B_16, TorchvisionWeights.VIT_B_16_IMAGENET1K_V1),
        vit("vit_b_32", VisionTransformer.Options.B_32, TorchvisionWeights.VIT_B_32_IMAGENET1K_V1),
        vit("vit_l_16", VisionTransformer.Options.L_16, TorchvisionWeights.VIT_L_16_IMAGENET1K_V1),
        vit("vit_l_32", VisionTransformer.Options.L_32, TorchvisionWeights.VIT_L_32_IMAGENET1K_V1))
        .forEach(entry -> ENTRIES.put(entry.name, entry));
  }

  private Models() {}

  private static Entry resnet(String name, ResNet.Options options, TorchvisionWeights weights) {
    return new Entry(name, 224, "fc", weights, classes -> new ResNet(options.numClasses(classes)));
  }

  private static Entry vit(String name, VisionTransformer.Options options, TorchvisionWeights weights) {
    return new Entry(name, options.imageSize(), "heads.head", weights, classes -> new VisionTransformer(options.numClasses(classes)));
  }

  /// Their names.
  public static List<String> names() {
    return List.copyOf(ENTRIES.keySet());
  }

  /// The model of that name.
  ///
  /// @throws IllegalArgumentException if there is none
  public static Entry of(String name) {
    Entry entry = ENTRIES.get(name);
    if (entry == null) {
      throw new IllegalArgumentException("[Models] expected one of " + String.join(", ", names()) + ", got \"" + name + "\"");
    }
    return entry;
  }

  /// The model of that name, with random weights.
  public static Module create(String name, int numClasses) {
    return of(name).create(numClasses);
  }
}
