package org.flambeau.autograd;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.flambeau.AutogradException;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// The end of a graph at a leaf: adds what arrives to the leaf's `.grad`.
final class AccumulateGrad extends Node {
  private final Tensor leaf;
  private @Nullable List<Consumer<Tensor>> afterAccumulate;

  AccumulateGrad(Tensor leaf) {
    super(Long.MAX_VALUE, new Node[0], new int[0]);
    this.leaf = leaf;
    followLeaf();
  }

  /// Takes gradients of the leaf's dtype, device and layout of now.
  void followLeaf() {
    setOutputs(Meta.of(leaf));
  }

  @Override
  public String name() {
    return "AccumulateGrad";
  }

  @Override
  int hash() {
    return System.identityHashCode(this) * 0x9E3779B9;
  }

  /// Calls `hook` with the leaf after each time its gradient was added to.
  synchronized Registration registerAfterAccumulate(Consumer<Tensor> hook) {
    List<Consumer<Tensor>> hooks = afterAccumulate == null ? afterAccumulate = new ArrayList<>() : afterAccumulate;
    hooks.add(hook);
    return () -> hooks.remove(hook);
  }

  @Override
  @Nullable Tensor[] apply(@Nullable Tensor[] grads) {
    accumulate(grads[0], false);
    return new Tensor[0];
  }

  /// `fresh` tells that nobody else holds on to `grad`'s memory.
  synchronized void accumulate(@Nullable Tensor grad, boolean fresh) {
    if (grad == null) {
      return;
    }
    if (leaf.gradFn() != null) {
      throw new AutogradException("leaf variable has been moved into the graph interior");
    }
    if (!leaf.requiresGrad()) {
      return;
    }
    Engine.accumulate(leaf, grad, fresh);
    if (afterAccumulate != null) {
      for (Consumer<Tensor> hook : List.copyOf(afterAccumulate)) {
        hook.accept(leaf);
      }
    }
  }
}
