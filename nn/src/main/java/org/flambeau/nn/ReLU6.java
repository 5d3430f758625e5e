package org.flambeau.nn;

import org.flambeau.Tensor;

/// `min(max(x, 0), 6)`: [Functional#relu6].
public final class ReLU6 extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.relu6(x);
  }
}
