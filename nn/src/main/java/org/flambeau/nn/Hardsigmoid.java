package org.flambeau.nn;

import org.flambeau.Tensor;

/// `relu6(x + 3)/6`: [Functional#hardsigmoid].
public final class Hardsigmoid extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.hardsigmoid(x);
  }
}
