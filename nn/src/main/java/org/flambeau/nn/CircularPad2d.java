package org.flambeau.nn;

import org.flambeau.Tensor;
import org.flambeau.nn.Functional.PaddingMode;

/// Images surrounded by themselves: [PaddingMode#CIRCULAR].
public final class CircularPad2d extends Pad2d {
  /// As many on every side.
  public CircularPad2d(int width) {
    this(width, width, width, width);
  }

  /// As many columns left and right, and rows above and below.
  public CircularPad2d(int left, int right, int top, int bottom) {
    super(left, right, top, bottom);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.pad(x, PaddingMode.CIRCULAR, widths());
  }
}
