package org.flambeau.cli.bench;

import org.flambeau.cli.AmpOption;
import org.flambeau.cli.DeviceOption;
import org.flambeau.cli.MisuseException;
import org.flambeau.cli.ModelOption;
import org.flambeau.cli.training.Precision;
import org.flambeau.models.Models;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// Which model is measured, and how often.
final class BenchOptions {
  @Option(names = "--model", required = true, showDefaultValue = Visibility.NEVER, converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}") Models.Entry model = Models
      .of("resnet18");

  @Option(names = "--batch", paramLabel = "N", description = "how many images at once") int batch = 8;

  @Option(names = "--image-size", paramLabel = "N", showDefaultValue = Visibility.NEVER, description = "rows and columns of an image; the model's own unless given") int imageSize;

  @Option(names = "--runs", paramLabel = "N", description = "how often to measure") int runs = 10;

  @Option(names = "--warmup", paramLabel = "N", description = "how often to run before") int warmup = 3;

  @Mixin AmpOption amp = new AmpOption();

  @Mixin DeviceOption device = new DeviceOption();

  @Mixin ComparisonOptions comparison = new ComparisonOptions();

  void check() {
    if (batch < 1 || runs < 1 || warmup < 0 || imageSize < 0) {
      throw new MisuseException("--batch and --runs must be at least 1, --warmup and --image-size not negative");
    }
    if (imageSize == 0) {
      imageSize = model.imageSize();
    }
  }

  Precision precision() {
    return amp.precision();
  }

  /// What results of two sides may differ by, relative to the sum of their magnitudes.
  private double tolerance() {
    return switch (precision()) {
      case FLOAT32 -> 1e-5;
      case FLOAT16 -> 0.005;
      case BFLOAT16 -> 0.02;
    };
  }

  /// One run is one turn. The first step of training counts as a warm-up in any case where a peer is asked: it is compared.
  Turns turns() {
    return new Turns(tolerance(), warmup, 0, runs, 0);
  }

  /// Model, sizes and precision, as the peer's script reads them.
  String name() {
    return model.name() + " " + batch + "x3x" + imageSize + "x" + imageSize + (precision() == Precision.FLOAT32 ? "" : " " + precision());
  }

  String title() {
    return model.name() + ", " + batch + "x3x" + imageSize + "x" + imageSize + (precision() == Precision.FLOAT32 ? " " : " autocast to ")
        + precision() + " on "
        + device.get() + ", " + runs + " runs after " + warmup + " to warm up";
  }
}
