package org.flambeau.cli;

import org.flambeau.FlambeauException;

/// What was asked for makes no sense; the message says what to ask for instead.
public final class MisuseException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public MisuseException(String message) {
    super(message);
  }
}
