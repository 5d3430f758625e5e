package org.flambeau.nn.optim;

import java.util.List;
import org.flambeau.Tensor;

/// [Adam] whose weight decay draws parameters to 0 beside the step, rather than through gradients and their averages:
/// `p ← p − γ·weightDecay·p`.
///
/// Reference: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
public final class AdamW extends Adam {
  /// PyTorch's defaults: a learning rate of 0.001, a weight decay of 0.01.
  public static Options options() {
    return Adam.options().weightDecay(1e-2).decoupledWeightDecay(true);
  }

  /// Whatever `options` say, the weight decay is decoupled.
  ///
  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  public AdamW(Iterable<Tensor> parameters, Options options) {
    super(parameters, options.decoupledWeightDecay(true));
  }

  /// With [#options()].
  public AdamW(Iterable<Tensor> parameters) {
    this(parameters, options());
  }

  /// Of several groups, each with its options, but that the weight decay is decoupled.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  public AdamW(List<ParameterGroup<Options>> groups) {
    super(groups.stream().map(group -> new ParameterGroup<>(group.parameters(), group.options().decoupledWeightDecay(true))).toList());
  }
}
