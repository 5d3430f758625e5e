package org.flambeau.nn;

import org.flambeau.Tensor;

/// While training, zeroes whole samples with probability p and divides the others by 1 − p: [Functional#stochasticDepth], also called drop path.
/// In evaluation, x itself. For the end of a residual branch, also of a model that is there:
///
/// ```java
/// String mlp = "encoder.layers.encoder_layer_11.mlp";
/// model.replace(mlp, new Sequential(model.submodule(mlp), new StochasticDepth(0.2)));
/// ```
/// Printed as torchvision's.
public final class StochasticDepth extends Module {
  private final double p;

  /// @throws IllegalArgumentException if p is not within [0, 1]
  public StochasticDepth(double p) {
    this.p = Sizes.probability("StochasticDepth", p);
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.stochasticDepth(x, p, isTraining());
  }

  @Override
  protected String extraRepr() {
    return "p=" + PythonText.of(p) + ", mode=row";
  }
}
