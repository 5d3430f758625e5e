package org.flambeau.cli.training;

import org.flambeau.FlambeauException;

/// A run that cannot go on. The message says at which step, and what to change.
public final class TrainingException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public TrainingException(String message) {
    super(message);
  }
}
