package org.flambeau.cli;

import org.flambeau.cli.training.Precision;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/// Whether to compute in mixed precision.
public final class AmpOption {
  @Option(names = "--amp", arity = "0..1", fallbackValue = "bfloat16", converter = Converter.class, paramLabel = "DTYPE", description = "compute under autocast to bfloat16, unless DTYPE says float16; training then scales the loss") private Precision precision = Precision.FLOAT32;

  public Precision precision() {
    return precision;
  }

  static final class Converter implements ITypeConverter<Precision> {
    @Override
    public Precision convert(String name) {
      return switch (name) {
        case "bfloat16" -> Precision.BFLOAT16;
        case "float16" -> Precision.FLOAT16;
        default -> throw new TypeConversionException("expected bfloat16 or float16, got " + name);
      };
    }
  }
}
