package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x·σ(x)`, also called swish: [Functional#silu].
public final class SiLU extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.silu(x);
  }
}
