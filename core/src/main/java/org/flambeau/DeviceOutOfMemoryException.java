package org.flambeau;

/// A device had no memory left for a tensor, after everything unused was given back. The process can go on.
public final class DeviceOutOfMemoryException extends FlambeauException {
  private static final long serialVersionUID = 1;

  public DeviceOutOfMemoryException(String message) {
    super(message);
  }
}
