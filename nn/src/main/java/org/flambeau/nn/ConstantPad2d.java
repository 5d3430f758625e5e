package org.flambeau.nn;

import org.flambeau.Tensor;

/// Images with elements of one value around them: [Functional#pad(Tensor, double, long...)].
public final class ConstantPad2d extends Pad2d {
  private final double value;

  /// As many on every side.
  public ConstantPad2d(int width, double value) {
    this(width, width, width, width, value);
  }

  /// As many columns left and right, and rows above and below. Negative ones cut off.
  public ConstantPad2d(int left, int right, int top, int bottom, double value) {
    super(left, right, top, bottom);
    this.value = value;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.pad(x, value, widths());
  }

  @Override
  protected String extraRepr() {
    return "padding=" + super.extraRepr() + ", value=" + PythonText.of(value);
  }
}
