package org.flambeau.backend.cpu;

/// The element-wise operations of three operands, some of which are the parameters of an operation of fewer. The formulas
/// are what the vector loops must agree with.
public enum TernaryOp {
  /// a + c·b.
  ADD_SCALED((a, b, c) -> Math.fma(b, c, a), (a, b, c) -> a + b * c),
  /// a ≠ 0 ? b : c.
  WHERE((a, b, c) -> a != 0 ? b : c, (a, b, c) -> a != 0 ? b : c),
  /// min(max(a, b), c).
  CLAMP((a, b, c) -> Math.min(Math.max(a, b), c), (a, b, c) -> Math.min(Math.max(a, b), c)),
  /// a > 0 ? a : b·a.
  LEAKY_RELU((a, b, c) -> a > 0 ? a : a * b, (a, b, c) -> a > 0 ? a : a * b),
  /// a > 0 ? c·a : b·(eᵃ − 1).
  ELU((a, b, c) -> a > 0 ? a * c : b * Math.expm1(a), (a, b, c) -> a > 0 ? a * c : -b);

  /// A formula over float dtypes.
  @FunctionalInterface
  public interface Real {
    double apply(double a, double b, double c);
  }

  /// A formula over integral dtypes.
  @FunctionalInterface
  public interface Whole {
    long apply(long a, long b, long c);
  }

  private final Real real;
  private final Whole whole;

  TernaryOp(Real real, Whole whole) {
    this.real = real;
    this.whole = whole;
  }

  public Real real() {
    return real;
  }

  public Whole whole() {
    return whole;
  }
}
