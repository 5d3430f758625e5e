package org.flambeau.spi;

/// What a fused kernel applies to its result before storing it.
public enum Activation {
  NONE,
  RELU,
  GELU
}
