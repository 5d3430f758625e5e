package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x·relu6(x + 3)/6`: [Functional#hardswish].
public final class Hardswish extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.hardswish(x);
  }
}
