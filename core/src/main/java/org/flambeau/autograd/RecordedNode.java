package org.flambeau.autograd;

import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.ScopeMembers;
import org.jspecify.annotations.Nullable;

/// The node of one call of an operation that a [Derivative] describes.
public final class RecordedNode<A> extends Node implements Saved {
  private final Derivative<A> derivative;
  private final A attributes;
  private @Nullable SavedTensor @Nullable [] inputs;
  private @Nullable SavedTensor @Nullable [] results;
  private FixedTensor[] fixed = FixedTensor.NONE;
  private volatile Released released = Released.NOT;

  private RecordedNode(Derivative<A> derivative, A attributes, @Nullable Tensor[] operands, ThreadState thread) {
    super(thread.nextSequence(), operands, thread);
    this.derivative = derivative;
    this.attributes = attributes;
  }

  /// Records that `results`, of which those of whole numbers or truth values get no history, came from `operands`, at least one of which
  /// requires grad; null is one that was not given.
  public static <A> void record(Derivative<A> derivative, A attributes, @Nullable Tensor[] operands, Tensor... results) {
    RecordedNode<A> node = begin(derivative, attributes, operands);
    Meta[] outputs = new Meta[results.length];
    for (int i = 0; i < results.length; i++) {
      Tensor operand = derivative.takesDtypeOfOperand() ? operands[0] : null;
      outputs[i] = operand == null ? Meta.of(results[i]) : Meta.of(results[i], operand.dtype());
      if (results[i].dtype().isFloating()) {
        results[i].autograd().setHistory(node, i);
      }
    }
    node.setOutputs(outputs);
    node.saveResults(node.saves(), results);
    node.fixed = FixedTensor.of(derivative.fixedFor(node.needed()), operands, results);
    node.register(ThreadState.current());
  }

  /// Saves the operands of an operation that is about to change the first of them in place; where the derivative looks
  /// at that one, `operands` hold a copy of it.
  public static <A> RecordedNode<A> begin(Derivative<A> derivative, A attributes, @Nullable Tensor[] operands) {
    RecordedNode<A> node = new RecordedNode<>(derivative, attributes, operands, ThreadState.current());
    node.saveInputs(node.saves(), operands);
    return node;
  }

  /// Records that the operation has changed `self` in place: its history now begins here.
  public void finishInPlace(Tensor self) {
    setOutputs(Meta.of(self));
    self.autograd().rebaseHistory(self, this, 0);
    saveResults(saves(), new Tensor[] {self});
    register(ThreadState.current());
  }

  /// Whether recording a change in place of the first of `operands` would save its value from before the change.
  public static boolean savesFirst(Derivative<?> derivative, Tensor[] operands) {
    int needed = 0;
    for (int i = 0; i < operands.length; i++) {
      needed |= operands[i].requiresGrad() ? 1 << i : 0;
    }
    return (derivative.savesFor(needed) & 1) != 0;
  }

  private int saves() {
    return derivative.savesFor(needed());
  }

  /// The operands whose gradients are needed, a bit each.
  private int needed() {
    int needed = 0;
    for (int i = 0; i < edgeCount(); i++) {
      needed |= needs(i) ? 1 << i : 0;
    }
    return needed;
  }

  private void saveInputs(int saves, @Nullable Tensor[] operands) {
    if ((saves & Derivative.RESULT - 1) != 0) {
      @Nullable SavedTensor[] saved = new SavedTensor[operands.length];
      for (int i = 0; i < operands.length; i++) {
        Tensor operand = operands[i];
        if ((saves >> i & 1) != 0 && operand != null) {
          saved[i] = new SavedTensor(operand);
        }
      }
      inputs = saved;
    }
  }

  private void saveResults(int saves, Tensor[] tensors) {
    if (saves >= Derivative.RESULT) {
      @Nullable SavedTensor[] saved = new SavedTensor[tensors.length];
      for (int i = 0; i < tensors.length; i++) {
        if ((saves & Derivative.result(i)) != 0) {
          saved[i] = new SavedTensor(tensors[i]);
        }
      }
      results = saved;
    }
  }

  private void register(ThreadState thread) {
    ScopeMembers scope = thread.scope;
    if (scope != null && (inputs != null || results != null)) {
      scope.own(this);
    }
  }

  @Override
  public String name() {
    return derivative.node();
  }

  @Override
  @Nullable Tensor[] apply(@Nullable Tensor[] grads) {
    if (released != Released.NOT) {
      throw gone(name(), released);
    }
    for (FixedTensor tensor : fixed) {
      tensor.check(this);
    }
    return derivative.apply(grads, this, attributes);
  }

  static AutogradException gone(String name, Released why) {
    return new AutogradException(why == Released.SCOPE_CLOSED
        ? "[backward] " + name + " was recorded in a MemoryScope that has been closed, which freed its saved tensors. "
            + "Call backward before the scope closes, or take the result out with scope.keep(tensor)."
        : "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). "
            + "Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify RETAIN_GRAPH if you "
            + "need to backward through the graph a second time or if you need to access saved tensors after calling backward.");
  }

  @Override
  public Tensor input(int i) {
    return saved(inputs, i).unpack(this);
  }

  @Override
  public @Nullable Tensor inputOrNull(int i) {
    return inputs == null || inputs[i] == null ? null : input(i);
  }

  @Override
  public Tensor result(int i) {
    return saved(results, i).unpackResult(this, i);
  }

  private SavedTensor saved(@Nullable SavedTensor @Nullable [] saved, int i) {
    if (released != Released.NOT) {
      throw gone(name(), released);
    }
    SavedTensor one = saved == null ? null : saved[i];
    if (one == null) {
      throw new IllegalStateException("[" + name() + "] looks at a tensor that it did not name among those it saves");
    }
    return one;
  }

  @Override
  public long[] sizes(int i) {
    return meta(i).sizes();
  }

  @Override
  public boolean isChannelsLast(int i) {
    return meta(i).channelsLast();
  }

  @Override
  public DType dtype(int i) {
    return meta(i).dtype();
  }

  private Meta meta(int i) {
    Node next = next(i);
    if (next == null) {
      throw new IllegalStateException("[" + name() + "] asks about operand " + i + ", whose gradient nobody needs");
    }
    return next.output(nextNumber(i));
  }

  @Override
  public void releaseSaved(Released reason) {
    if (inputs == null && results == null) {
      return;
    }
    released = reason;
    release(inputs);
    release(results);
    inputs = null;
    results = null;
  }

  private static void release(@Nullable SavedTensor @Nullable [] saved) {
    if (saved != null) {
      for (SavedTensor each : saved) {
        if (each != null) {
          each.release();
        }
      }
    }
  }

  @Override
  public void watchSaved() {
    watch(inputs);
    watch(results);
  }

  private static void watch(@Nullable SavedTensor @Nullable [] saved) {
    if (saved != null) {
      for (SavedTensor each : saved) {
        if (each != null) {
          each.watch();
        }
      }
    }
  }
}
