package org.flambeau.nn;

import org.flambeau.Tensor;

/// The hyperbolic tangent: [Functional#tanh].
public final class Tanh extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.tanh(x);
  }
}
