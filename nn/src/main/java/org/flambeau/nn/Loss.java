package org.flambeau.nn;

import org.flambeau.Reduction;
import org.flambeau.Tensor;

/// How far predictions are from targets: a module that is called with both.
///
/// ```java
/// Loss criterion = new CrossEntropyLoss();
/// criterion.call(model.call(images), labels).backward();
/// ```
public abstract class Loss extends Module {
  private final Reduction reduction;

  /// @param reduction what becomes of the losses of the elements or samples
  protected Loss(Reduction reduction) {
    this.reduction = reduction;
  }

  /// What becomes of the losses of the elements or samples.
  public final Reduction reduction() {
    return reduction;
  }

  /// Computes the loss.
  protected abstract Tensor forward(Tensor input, Tensor target);

  @Override
  protected final Tensor forward(Tensor... inputs) {
    if (inputs.length != 2) {
      throw new IllegalArgumentException("[" + name() + "] expected an input and a target, got " + inputs.length
          + (inputs.length == 1 ? " tensor" : " tensors"));
    }
    return forward(inputs[0], inputs[1]);
  }
}
