package org.flambeau.cli.bench;

import java.util.Locale;
import org.flambeau.DType;
import org.flambeau.cli.AmpOption;
import org.flambeau.cli.DeviceOption;
import org.flambeau.cli.MisuseException;
import org.flambeau.cli.ModelOption;
import org.flambeau.cli.training.Precision;
import org.flambeau.models.Models;
import picocli.CommandLine.Help.Visibility;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/// Which model is measured, and how often.
final class BenchOptions {
  @Option(names = "--model", required = true, showDefaultValue = Visibility.NEVER, converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}") Models.Entry model = Models
      .of("resnet18");

  @Option(names = "--batch", paramLabel = "N", description = "how many images at once") int batch = 8;

  @Option(names = "--image-size", paramLabel = "N", showDefaultValue = Visibility.NEVER, description = "rows and columns of an image; the model's own unless given") int imageSize;

  @Option(names = "--runs", paramLabel = "N", description = "how often to measure") int runs = 10;

  @Option(names = "--warmup", paramLabel = "N", description = "how often to run before") int warmup = 3;

  @Option(names = "--dtype", converter = Floating.class, paramLabel = "DTYPE", description = "what parameters and images are in: float32, bfloat16 or float16") DType dtype = DType.FLOAT32;

  @Mixin AmpOption amp = new AmpOption();

  @Mixin DeviceOption device = new DeviceOption();

  @Mixin ComparisonOptions comparison = new ComparisonOptions();

  void check() {
    if (batch < 1 || runs < 1 || warmup < 0 || imageSize < 0) {
      throw new MisuseException("--batch and --runs must be at least 1, --warmup and --image-size not negative");
    }
    if (dtype != DType.FLOAT32 && precision() != Precision.FLOAT32) {
      throw new MisuseException(
          "--dtype " + dtype.name().toLowerCase(Locale.ROOT) + " and --amp contradict each other: autocast is for parameters in float32");
    }
    if (imageSize == 0) {
      imageSize = model.imageSize();
    }
  }

  Precision precision() {
    return amp.precision();
  }

  /// What products are computed in.
  DType products() {
    return dtype == DType.FLOAT32 ? precision().dtype() : dtype;
  }

  /// What results of two sides may differ by, relative to the sum of their magnitudes.
  private double tolerance() {
    return switch (products()) {
      case FLOAT16 -> 0.005;
      case BFLOAT16 -> 0.02;
      default -> 1e-5;
    };
  }

  /// One run is one turn. The first step of training counts as a warm-up in any case where a peer is asked: it is compared.
  Turns turns() {
    return new Turns(tolerance(), warmup, 0, runs, 0);
  }

  /// Model, sizes and precision, as the peer's script reads them.
  String name() {
    return model.name() + " " + sizes() + (products() == DType.FLOAT32 ? "" : arithmetic());
  }

  String title() {
    return model.name() + ", " + sizes() + arithmetic() + " on " + device.get() + ", " + runs + " runs after " + warmup + " to warm up";
  }

  private String sizes() {
    return batch + "x3x" + imageSize + "x" + imageSize;
  }

  private String arithmetic() {
    return (precision() == Precision.FLOAT32 ? " " : " autocast to ") + products().name().toLowerCase(Locale.ROOT);
  }

  static final class Floating implements ITypeConverter<DType> {
    @Override
    public DType convert(String name) {
      return switch (name) {
        case "float32" -> DType.FLOAT32;
        case "bfloat16" -> DType.BFLOAT16;
        case "float16" -> DType.FLOAT16;
        default -> throw new TypeConversionException("expected float32, bfloat16 or float16, got " + name);
      };
    }
  }
}
