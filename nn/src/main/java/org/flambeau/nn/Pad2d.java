package org.flambeau.nn;

/// Images with more around them.
///
/// Shapes: x (n, c, h, w) or (c, h, w) → (…, top + h + bottom, left + w + right).
public abstract sealed class Pad2d extends Module permits ConstantPad2d, ZeroPad2d, ReflectionPad2d, ReplicationPad2d, CircularPad2d {
  private final long[] widths;

  Pad2d(int left, int right, int top, int bottom) {
    this.widths = new long[] {left, right, top, bottom};
  }

  /// How many columns stand left and right, and rows above and below, as [Functional#pad] takes them.
  final long[] widths() {
    return widths;
  }

  @Override
  protected String extraRepr() {
    return PythonText.tuple(widths);
  }
}
