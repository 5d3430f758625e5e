package org.flambeau.nn;

import org.flambeau.Tensor;

/// The self-normalizing exponential linear unit: [Functional#selu].
public final class SELU extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.selu(x);
  }
}
