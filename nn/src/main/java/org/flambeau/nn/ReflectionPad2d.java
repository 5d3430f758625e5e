package org.flambeau.nn;

import org.flambeau.Tensor;
import org.flambeau.nn.Functional.PaddingMode;

/// Images mirrored at their edges, which are not repeated: [PaddingMode#REFLECT].
public final class ReflectionPad2d extends Pad2d {
  /// As many on every side.
  public ReflectionPad2d(int width) {
    this(width, width, width, width);
  }

  /// As many columns left and right, and rows above and below.
  public ReflectionPad2d(int left, int right, int top, int bottom) {
    super(left, right, top, bottom);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.pad(x, PaddingMode.REFLECT, widths());
  }
}
