package org.flambeau.spi;

/// How a scattered value meets what is already there.
public enum ScatterOp {
  /// Overwrites; which of several values for one place wins is not defined.
  ASSIGN,
  ADD,
  MUL,
  AMAX,
  AMIN
}
