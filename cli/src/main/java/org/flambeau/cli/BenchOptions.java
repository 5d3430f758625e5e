package org.flambeau.cli;

import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.models.Models;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// What is measured, and how often.
final class BenchOptions {
  @Option(names = "--model", required = true, showDefaultValue = Visibility.NEVER, converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}") Models.Entry model = Models
      .of("resnet18");

  @Option(names = "--batch", paramLabel = "N", description = "how many images at once") int batch = 8;

  @Option(names = "--image-size", paramLabel = "N", showDefaultValue = Visibility.NEVER, description = "rows and columns of an image; the model's own unless given") int imageSize;

  @Option(names = "--runs", paramLabel = "N", description = "how often to measure") int runs = 10;

  @Option(names = "--warmup", paramLabel = "N", description = "how often to run before") int warmup = 3;

  @Option(names = "--amp", paramLabel = "DTYPE", showDefaultValue = Visibility.NEVER, description = "compute under autocast to ${COMPLETION-CANDIDATES}")
  @Nullable Precision amp;

  /// The lower precisions of autocast.
  enum Precision {
    bf16(DType.BFLOAT16),
    fp16(DType.FLOAT16);

    private final DType dtype;

    Precision(DType dtype) {
      this.dtype = dtype;
    }
  }

  @Mixin DeviceOption device = new DeviceOption();

  void check() {
    if (batch < 1 || runs < 1 || warmup < 0 || imageSize < 0) {
      throw new MisuseException("--batch and --runs must be at least 1, --warmup and --image-size not negative");
    }
    if (imageSize == 0) {
      imageSize = model.imageSize();
    }
  }

  /// The region in which a forward pass runs: one that casts nothing unless asked for.
  Autocast autocast() {
    return amp == null ? Autocast.disabled() : Autocast.open(amp.dtype);
  }

  String title() {
    return model.name() + ", " + batch + "x3x" + imageSize + "x" + imageSize + (amp == null ? " float32" : " autocast to " + amp) + " on "
        + device.get() + ", " + runs + " runs after "
        + warmup
        + " to warm up";
  }
}
