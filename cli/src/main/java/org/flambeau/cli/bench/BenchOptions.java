package org.flambeau.cli.bench;

import java.util.EnumSet;
import java.util.Iterator;
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
  /// Three turns of it leave the JIT compilers little to do.
  private static final int WARM_UP_SECONDS = 4;

  @Option(names = "--model", required = true, showDefaultValue = Visibility.NEVER, converter = ModelOption.class, completionCandidates = ModelOption.class, paramLabel = "NAME", description = "one of ${COMPLETION-CANDIDATES}") Models.Entry model = Models
      .of("resnet18");

  @Option(names = "--batch", paramLabel = "N", description = "how many images at once") int batch = 8;

  @Option(names = "--image-size", paramLabel = "N", showDefaultValue = Visibility.NEVER, description = "rows and columns of an image; the model's own unless given") int imageSize;

  @Option(names = "--runs", paramLabel = "N", description = "how often to measure") int runs = 10;

  @Option(names = "--warmup", paramLabel = "N", description = "how often to run before, for "
      + WARM_UP_SECONDS + " seconds at least each time") int warmup = 3;

  @Option(names = "--dtype", paramLabel = "DTYPE", converter = DTypes.class, completionCandidates = DTypes.class, description = "what parameters and images are in: ${COMPLETION-CANDIDATES}; tf32 is float32 whose products a GPU may round to it") Numerics dtype = Numerics.FLOAT32;

  @Mixin AmpOption amp = new AmpOption();

  @Mixin DeviceOption device = new DeviceOption();

  @Mixin ComparisonOptions comparison = new ComparisonOptions();

  void check() {
    if (batch < 1 || runs < 1 || warmup < 0 || imageSize < 0) {
      throw new MisuseException("--batch and --runs must be at least 1, --warmup and --image-size not negative");
    }
    if (dtype != Numerics.FLOAT32 && amp.precision() != Precision.FLOAT32) {
      throw new MisuseException("--dtype " + dtype + " and --amp contradict each other: autocast is for parameters in float32");
    }
    if (imageSize == 0) {
      imageSize = model.imageSize();
    }
  }

  Numerics numerics() {
    return switch (amp.precision()) {
      case FLOAT32 -> dtype;
      case BFLOAT16 -> Numerics.AMP_BFLOAT16;
      case FLOAT16 -> Numerics.AMP_FLOAT16;
    };
  }

  /// One run is one turn. The first step of training counts as a warm-up in any case where a peer is asked: it is compared.
  Turns turns() {
    return new Turns(numerics().tolerance(), warmup, WARM_UP_SECONDS, runs, 0);
  }

  /// Model, sizes and numerics, as the peer's script reads them.
  String name() {
    return model.name() + " " + sizes();
  }

  String title() {
    return model.name() + ", " + sizes() + " on " + device.get() + ", " + runs + " runs after " + warmup + " to warm up";
  }

  private String sizes() {
    return batch + "x3x" + imageSize + "x" + imageSize + " " + numerics();
  }

  /// What `--dtype` may be.
  static final class DTypes implements ITypeConverter<Numerics>, Iterable<String> {
    private static final EnumSet<Numerics> ALL = EnumSet.of(Numerics.FLOAT32, Numerics.TF32, Numerics.BFLOAT16, Numerics.FLOAT16);

    @Override
    public Numerics convert(String name) {
      return ALL.stream().filter(each -> each.toString().equals(name)).findFirst()
          .orElseThrow(() -> new TypeConversionException("expected one of " + String.join(", ", this) + ", got " + name));
    }

    @Override
    public Iterator<String> iterator() {
      return ALL.stream().map(Numerics::toString).iterator();
    }
  }
}
