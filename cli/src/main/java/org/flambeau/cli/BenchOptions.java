package org.flambeau.cli;

import org.flambeau.cli.training.Precision;
import org.flambeau.models.Models;
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

  @Mixin AmpOption amp = new AmpOption();

  @Mixin DeviceOption device = new DeviceOption();

  void check() {
    if (batch < 1 || runs < 1 || warmup < 0 || imageSize < 0) {
      throw new MisuseException("--batch and --runs must be at least 1, --warmup and --image-size not negative");
    }
    if (imageSize == 0) {
      imageSize = model.imageSize();
    }
  }

  String title() {
    return model.name() + ", " + batch + "x3x" + imageSize + "x" + imageSize + (amp.precision == Precision.FLOAT32 ? " " : " autocast to ")
        + amp.precision + " on "
        + device.get() + ", " + runs + " runs after "
        + warmup
        + " to warm up";
  }
}
