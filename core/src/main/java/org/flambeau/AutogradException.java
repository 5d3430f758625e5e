package org.flambeau;

/// A backward pass, or a recording for one, that cannot be right.
public final class AutogradException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public AutogradException(String message) {
    super(message);
  }

  public AutogradException(String message, Throwable cause) {
    super(message, cause);
  }
}
