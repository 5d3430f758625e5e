package org.flambeau.data;

import java.nio.file.Path;
import org.flambeau.FlambeauException;

/// Data that cannot be read. The message names the file or the sample, what was expected and what came.
public final class DataException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public DataException(String message) {
    super(message);
  }

  public DataException(String message, Throwable cause) {
    super(message, cause);
  }

  DataException(Path file, String problem) {
    super(file + ": " + problem);
  }

  DataException(Path file, String problem, Throwable cause) {
    super(file + ": " + problem, cause);
  }
}
