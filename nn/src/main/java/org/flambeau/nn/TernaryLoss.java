package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// A loss that is called with three tensors.
abstract class TernaryLoss extends Module {
  private final Reduction reduction;
  private final String operands;

  /// @param operands what the three are, for the message
  TernaryLoss(Reduction reduction, String operands) {
    this.reduction = reduction;
    this.operands = operands;
  }

  /// What becomes of the losses of the elements or samples.
  public final Reduction reduction() {
    return reduction;
  }

  abstract Tensor forward(Tensor first, Tensor second, Tensor third);

  @Override
  protected final Tensor forward(Tensor... inputs) {
    if (inputs.length != 3) {
      throw new IllegalArgumentException(
          "[" + name() + "] expected " + operands + ", got " + inputs.length + (inputs.length == 1 ? " tensor" : " tensors"));
    }
    return forward(inputs[0], inputs[1], inputs[2]);
  }
}
