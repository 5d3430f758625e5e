package org.flambeau.nn;

import org.flambeau.Tensor;

/// `1/(1 + exp(−x))`: [Functional#sigmoid].
public final class Sigmoid extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.sigmoid(x);
  }
}
