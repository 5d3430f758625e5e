package org.flambeau.spi;

/// The functions that the JDK lacks, in float64: the formulas behind [UnaryOp] and [BinaryOp].
public final class SpecialFunctions {
  static final double LN_2 = 0.6931471805599453;

  private SpecialFunctions() {}
}
