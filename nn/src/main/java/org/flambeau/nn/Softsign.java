package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x/(1 + |x|)`: [Functional#softsign].
public final class Softsign extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.softsign(x);
  }
}
