package org.flambeau.internal.ops;

/// The attributes of an operation that has none.
public enum Unit {
  UNIT
}
