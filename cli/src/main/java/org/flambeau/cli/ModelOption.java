package org.flambeau.cli;

import java.util.Iterator;
import org.flambeau.models.Models;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Reads the name of a model.
public final class ModelOption implements ITypeConverter<Models.Entry>, Iterable<String> {
  @Override
  public Models.Entry convert(String name) {
    if (!Models.names().contains(name)) {
      throw new TypeConversionException("expected one of " + String.join(", ", Models.names()) + ", got " + name);
    }
    return Models.of(name);
  }

  /// For the help.
  @Override
  public Iterator<String> iterator() {
    return Models.names().iterator();
  }
}
