package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x·tanh(log(1 + exp(x)))`: [Functional#mish].
public final class Mish extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.mish(x);
  }
}
