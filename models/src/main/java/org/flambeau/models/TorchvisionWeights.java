package org.flambeau.models;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.flambeau.Tensor;
import org.flambeau.io.CheckpointException;
import org.flambeau.nn.Module;
import org.flambeau.nn.StateDict;
import org.flambeau.vision.Image;
import org.flambeau.vision.Interpolation;
import org.flambeau.vision.Transform;
import org.flambeau.vision.Transforms;

/// Torchvision's weights for ImageNet-1K: the files, and what they were trained to.
///
/// ```java
/// var model = ResNet.resnet18(TorchvisionWeights.DEFAULT);
/// TorchvisionWeights.RESNET18_IMAGENET1K_V1.loadInto(model, Path.of("resnet18-f37072fd.pth"));
/// ```
/// Files are looked for where torch hub keeps them, `$TORCH_HOME/hub/checkpoints` (else `$XDG_CACHE_HOME/torch/…`, else `~/.cache/torch/…`), and
/// downloaded to there. The property `flambeau.torch.home` takes the place of `$TORCH_HOME`, and `flambeau.weights.address` that of the public
/// address.
public enum TorchvisionWeights implements PretrainedWeights {
  RESNET18_IMAGENET1K_V1("resnet18", "resnet18-f37072fd.pth", 11_689_512, 69.758, 89.078, 1.814, Preset.bilinear(256, 224)),
  RESNET34_IMAGENET1K_V1("resnet34", "resnet34-b627a593.pth", 21_797_672, 73.314, 91.420, 3.664, Preset.bilinear(256, 224)),
  RESNET50_IMAGENET1K_V1("resnet50", "resnet50-0676ba61.pth", 25_557_032, 76.130, 92.862, 4.089, Preset.bilinear(256, 224)),
  RESNET50_IMAGENET1K_V2("resnet50", "resnet50-11ad3fa6.pth", 25_557_032, 80.858, 95.434, 4.089, Preset.bilinear(232, 224)),
  VIT_B_16_IMAGENET1K_V1("vit_b_16", "vit_b_16-c867db91.pth", 86_567_656, 81.072, 95.318, 17.564, Preset.bilinear(256, 224)),
  VIT_B_16_IMAGENET1K_SWAG_E2E_V1("vit_b_16", "vit_b_16_swag-9ac1b537.pth", 86_859_496, 85.304, 97.650, 55.484, Preset.bicubic(384)),
  VIT_B_16_IMAGENET1K_SWAG_LINEAR_V1("vit_b_16", "vit_b_16_lc_swag-4e70ced5.pth", 86_567_656, 81.886, 96.180, 17.564,
      Preset.bicubic(224)),
  VIT_B_32_IMAGENET1K_V1("vit_b_32", "vit_b_32-d86f8d99.pth", 88_224_232, 75.912, 92.466, 4.409, Preset.bilinear(256, 224)),
  VIT_L_16_IMAGENET1K_V1("vit_l_16", "vit_l_16-852ce7e3.pth", 304_326_632, 79.662, 94.638, 61.555, Preset.bilinear(242, 224)),
  VIT_L_16_IMAGENET1K_SWAG_E2E_V1("vit_l_16", "vit_l_16_swag-4f3808c9.pth", 305_174_504, 88.064, 98.512, 361.986, Preset.bicubic(512)),
  VIT_L_16_IMAGENET1K_SWAG_LINEAR_V1("vit_l_16", "vit_l_16_lc_swag-4d563306.pth", 304_326_632, 85.146, 97.422, 61.555,
      Preset.bicubic(224)),
  VIT_L_32_IMAGENET1K_V1("vit_l_32", "vit_l_32-c7638314.pth", 306_535_400, 76.972, 93.07, 15.378, Preset.bilinear(256, 224));

  /// The weights that torchvision calls the default ones of a model.
  public static final PretrainedWeights DEFAULT = model -> Models.of(model).defaultWeights();

  private static final String PUBLIC_ADDRESS = "https://download.pytorch.org/models/";

  /// What is done to an image: its shorter side becomes `resize`, and its middle `crop` by `crop` is what the model sees.
  private record Preset(int resize, int crop, Interpolation interpolation) {
    static Preset bilinear(int resize, int crop) {
      return new Preset(resize, crop, Interpolation.BILINEAR);
    }

    static Preset bicubic(int size) {
      return new Preset(size, size, Interpolation.BICUBIC);
    }
  }

  private final String model;
  private final String fileName;
  private final long parameterCount;
  private final double top1;
  private final double top5;
  private final double gigaFlops;
  private final Preset preset;

  TorchvisionWeights(String model, String fileName, long parameterCount, double top1, double top5, double gigaFlops, Preset preset) {
    this.model = model;
    this.fileName = fileName;
    this.parameterCount = parameterCount;
    this.top1 = top1;
    this.top5 = top5;
    this.gigaFlops = gigaFlops;
    this.preset = preset;
  }

  // ---- what they are ----

  /// The model that they are for, by torchvision's name: `resnet18`.
  public String model() {
    return model;
  }

  /// How many numbers the model learnt.
  public long parameterCount() {
    return parameterCount;
  }

  /// How many of 100 images of ImageNet-1K's validation set it classifies rightly.
  public double top1() {
    return top1;
  }

  /// Of how many of 100 images the right class is among its first five.
  public double top5() {
    return top5;
  }

  /// Multiplications and additions for one image, a pair counted once, in units of 10⁹.
  public double gigaFlops() {
    return gigaFlops;
  }

  /// How many rows and columns an image has that the model sees.
  public int imageSize() {
    return preset.crop;
  }

  /// What makes the model's input of an image, in evaluation: resized, the middle cut out, normalised.
  public Transform<Image, Tensor> transforms() {
    return Transforms.imagenet(preset.resize, preset.crop, preset.interpolation);
  }

  /// The names of the classes, in the order of the logits.
  public List<String> categories() {
    try (InputStream in = Objects.requireNonNull(TorchvisionWeights.class.getResourceAsStream("imagenet1k.txt"));
        var lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      return lines.lines().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// These weights.
  ///
  /// @throws IllegalArgumentException if they are for another model
  @Override
  public TorchvisionWeights of(String model) {
    if (!model.equals(this.model)) {
      throw new IllegalArgumentException("[TorchvisionWeights] " + this + " is for " + this.model + ", not for " + model);
    }
    return this;
  }

  // ---- where they are ----

  /// What the file is called; it ends in the first digits of its SHA-256.
  public String fileName() {
    return fileName;
  }

  /// Where the file is published.
  public URI address() {
    String folder = System.getProperty("flambeau.weights.address", PUBLIC_ADDRESS);
    return URI.create(folder.endsWith("/") ? folder + fileName : folder + "/" + fileName);
  }

  private String hashPrefix() {
    return fileName.substring(fileName.lastIndexOf('-') + 1, fileName.lastIndexOf('.'));
  }

  /// The file in torch hub's cache, if it is there.
  public Optional<Path> locate() {
    return Optional.of(TorchHub.checkpoints().resolve(fileName)).filter(Files::isRegularFile);
  }

  /// The file in torch hub's cache, downloaded if it is not there yet. A download that was broken off goes on where it ended; the file appears
  /// once it is complete and its SHA-256 is right.
  ///
  /// @throws CheckpointException if there is no network, and so on; the message says what to do
  public Path download(DownloadListener listener) {
    return locate()
        .orElseGet(() -> new Download(address(), TorchHub.checkpoints().resolve(fileName), "SHA-256", hashPrefix()).run(listener));
  }

  // ---- using them ----

  /// Loads `file` into `module`: any file, `.pth` or `.safetensors`, that has the right names and sizes.
  ///
  /// @return `module`
  /// @throws CheckpointException if the file cannot be read
  /// @throws IllegalArgumentException if names or sizes differ; then nothing is changed
  public <M extends Module> M loadInto(M module, Path file) {
    module.loadStateDict(StateDict.load(file));
    return module;
  }

  /// [#loadInto], from torch hub's cache, else downloaded.
  <M extends Module> M into(M module) {
    return loadInto(module, download(DownloadListener.logging(fileName)));
  }
}
