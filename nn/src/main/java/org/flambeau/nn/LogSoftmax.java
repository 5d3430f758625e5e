package org.flambeau.nn;

import org.flambeau.Tensor;

/// The logarithm of [Softmax]: [Functional#logSoftmax].
public final class LogSoftmax extends Module {
  private final int dim;

  /// @param dim the dimension
  public LogSoftmax(int dim) {
    this.dim = dim;
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.logSoftmax(x, dim);
  }

  @Override
  protected String extraRepr() {
    return "dim=" + dim;
  }
}
