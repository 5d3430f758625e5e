package org.flambeau;

/// What every error of this library's own extends.
public class FlambeauException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public FlambeauException(String message) {
    super(message);
  }

  public FlambeauException(String message, Throwable cause) {
    super(message, cause);
  }
}
