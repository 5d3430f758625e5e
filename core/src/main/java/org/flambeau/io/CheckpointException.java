package org.flambeau.io;

import java.nio.file.Path;
import org.flambeau.FlambeauException;

/// A checkpoint file that cannot be read or written. The message names the file, what was expected and what came.
public final class CheckpointException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public CheckpointException(Path file, String problem) {
    super(file + ": " + problem);
  }

  public CheckpointException(Path file, String problem, Throwable cause) {
    super(file + ": " + problem, cause);
  }
}
