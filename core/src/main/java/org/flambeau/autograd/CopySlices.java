package org.flambeau.autograd;

import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.ops.Creation;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The history of a tensor of which a view was changed in place: outside the view gradients pass, inside it they go
/// through the change.
final class CopySlices extends Node {
  private final Node change;
  private final long[] baseSizes;
  private final long[] baseStrides;
  private final long[] sizes;
  private final long[] strides;
  private final long offset;

  CopySlices(Tensor base, Strided view, Node change) {
    super(ThreadState.current().nextSequence(), edges(base, change), numbers(base, change));
    this.change = change;
    Strided whole = base.strided();
    this.baseSizes = whole.sizes();
    this.baseStrides = whole.strides();
    this.sizes = view.sizes();
    this.strides = view.strides();
    this.offset = view.offset() - whole.offset();
    setOutputs(Meta.of(base));
  }

  /// The change's edges, but the first leads to where the base came from.
  private static @Nullable Node[] edges(Tensor base, Node change) {
    @Nullable Node[] next = new Node[change.edgeCount()];
    for (int i = 1; i < next.length; i++) {
      next[i] = change.next(i);
    }
    next[0] = base.gradientEdge();
    return next;
  }

  private static int[] numbers(Tensor base, Node change) {
    int[] numbers = new int[change.edgeCount()];
    for (int i = 1; i < numbers.length; i++) {
      numbers[i] = change.nextNumber(i);
    }
    numbers[0] = base.outputNr();
    return numbers;
  }

  @Override
  public String name() {
    return "CopySlices";
  }

  @Override
  @Nullable Tensor[] apply(@Nullable Tensor[] grads) {
    Tensor grad = grads[0];
    if (grad == null) {
      return new Tensor[edgeCount()];
    }
    Tensor whole = Creation.emptyStrided(baseSizes, baseStrides, grad.dtype(), grad.device()).copy_(grad);
    Tensor slice = whole.asStrided(sizes, strides, offset);
    @Nullable Tensor[] result = change.apply(new Tensor[] {slice.clone()});
    if (needs(0)) {
      Tensor before = result[0];
      if (before != null) {
        slice.copy_(before);
      } else {
        slice.zero_();
      }
      result[0] = whole;
    }
    return result;
  }

  @Override
  public void releaseSaved(Released reason) {
    change.releaseSaved(reason);
  }

  @Override
  public void watchSaved() {
    change.watchSaved();
  }
}
