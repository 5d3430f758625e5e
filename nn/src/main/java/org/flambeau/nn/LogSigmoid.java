package org.flambeau.nn;

import org.flambeau.Tensor;

/// `log(1/(1 + exp(−x)))`: [Functional#logSigmoid].
public final class LogSigmoid extends Module {
  @Override
  protected Tensor forward(Tensor x) {
    return Functional.logSigmoid(x);
  }
}
