package org.flambeau.nn;

import org.flambeau.Tensor;

/// Images with zeros around them: [Functional#pad(Tensor, long...)].
public final class ZeroPad2d extends Pad2d {
  /// As many on every side.
  public ZeroPad2d(int width) {
    this(width, width, width, width);
  }

  /// As many columns left and right, and rows above and below. Negative ones cut off.
  public ZeroPad2d(int left, int right, int top, int bottom) {
    super(left, right, top, bottom);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.pad(x, widths());
  }
}
