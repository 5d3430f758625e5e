package org.flambeau.autograd;

import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.jspecify.annotations.Nullable;

/// Behind the gradient of a piecewise linear function: passes on what comes back to it, and zeros to a tensor in which the gradient is constant
/// but for jumps.
public final class PiecewiseConstant extends Node {
  private PiecewiseConstant(ThreadState thread, @Nullable Node[] next, int[] numbers) {
    super(thread.nextSequence(), next, numbers);
  }

  /// `gradient`, which while recording has zeros for a gradient for `x`.
  public static Tensor in(Tensor x, Tensor gradient) {
    return in(x.gradientEdge(), x.outputNr(), gradient);
  }

  /// [#in(Tensor, Tensor)] for result `number` of the function behind `edge`.
  static Tensor in(@Nullable Node edge, int number, Tensor gradient) {
    ThreadState thread = ThreadState.current();
    if (edge == null || !thread.records()) {
      return gradient;
    }
    Node node = new PiecewiseConstant(thread, new @Nullable Node[] {gradient.gradientEdge(), edge},
        new int[] {gradient.outputNr(), number});
    node.setOutputs(Meta.of(gradient));
    Tensor result = Tensor.wrap(gradient.strided(), thread);
    result.autograd().setHistory(node, 0);
    return result;
  }

  @Override
  public String name() {
    return "PiecewiseConstantBackward0";
  }

  @Override
  @Nullable Tensor[] apply(@Nullable Tensor[] grads) {
    Tensor grad = grads[0];
    return new @Nullable Tensor[] {grad, grad == null ? null : grad.zerosLike()};
  }
}
