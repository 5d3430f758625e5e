package org.flambeau.nn;

import org.flambeau.Tensor;

/// `x` where it is positive, else `weight·x`, with a weight that is learnt: [Functional#prelu].
///
/// Shapes: x (n, c, …), or any where there is one weight → the same. Parameters: `weight` (1) or (c), of 0.25 unless told otherwise.
///
/// Reference: He et al., "Delving Deep into Rectifiers", 2015.
public final class PReLU extends Module {
  private final Tensor weight;

  /// One weight for all channels.
  public PReLU() {
    this(1);
  }

  /// Weights of 0.25.
  ///
  /// @param parameters 1, or the number of channels
  public PReLU(int parameters) {
    this(parameters, 0.25);
  }

  /// @param parameters 1, or the number of channels
  /// @param init what the weights begin as
  public PReLU(int parameters, double init) {
    this.weight = parameter("weight", Tensor.full(init, Sizes.positive("PReLU", "num_parameters", parameters)));
  }

  @Override
  protected Tensor forward(Tensor x) {
    return Functional.prelu(x, weight);
  }

  @Override
  protected String extraRepr() {
    return "num_parameters=" + weight.numel();
  }
}
