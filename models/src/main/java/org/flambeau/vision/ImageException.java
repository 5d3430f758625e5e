package org.flambeau.vision;

import java.nio.file.Path;
import org.flambeau.FlambeauException;

/// An image that cannot be decoded, or not be used as asked. The message names the file where there is one.
public final class ImageException extends FlambeauException {
  private static final long serialVersionUID = 1;

  ImageException(String problem) {
    super(problem);
  }

  ImageException(String problem, Throwable cause) {
    super(problem, cause);
  }

  ImageException(Path file, String problem, Throwable cause) {
    super(file + ": " + problem, cause);
  }
}
