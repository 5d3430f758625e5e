package org.flambeau;

/// A device was asked for that cannot be used here, or its libraries failed.
public final class BackendException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public BackendException(String message) {
    super(message);
  }

  public BackendException(String message, Throwable cause) {
    super(message, cause);
  }
}
