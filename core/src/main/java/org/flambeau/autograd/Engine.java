package org.flambeau.autograd;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.PriorityQueue;
import org.flambeau.AutogradException;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.internal.ops.AsStrided;
import org.flambeau.internal.ops.Creation;
import org.flambeau.internal.ops.Layout;
import org.flambeau.internal.ops.Reductions;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// One backward pass: walks a graph from its results to its leaves, on the caller's thread, without recursion.
///
/// A node runs when everything that flows into it has arrived; of those that could, the one recorded last runs first.
/// Gradients between nodes are owned by the slot they wait in, and freed as soon as their node has run.
final class Engine {
  /// A gradient that is asked for, instead of being left in `.grad`.
  private record Capture(Node node, int number, int result, @Nullable Tensor into) {}

  private final ThreadState thread;
  private final boolean retain;
  private final boolean create;
  /// Whether what is behind a captured gradient belongs to another pass, its hooks too.
  private final boolean cut;
  private final SlotTable slots = new SlotTable();
  private final PriorityQueue<Slot> ready = new PriorityQueue<>();
  private final List<Capture> captures = new ArrayList<>();
  private @Nullable Tensor[] captured = new Tensor[0];
  private @Nullable ScopeMembers inner;

  private Engine(ThreadState thread, boolean retain, boolean create, boolean cut) {
    this.thread = thread;
    this.retain = retain;
    this.create = create;
    this.cut = cut;
  }

  /// Runs a pass. Without `inputs`, gradients are left in the `.grad` of leaves; with them, only what leads to the inputs
  /// runs, and their gradients are returned, or where `accumulate` left in their `.grad`.
  static @Nullable Tensor[] run(Tensor[] outputs, Tensor[] grads, boolean retain, boolean create, Tensor @Nullable [] inputs,
      boolean accumulate) {
    return run(outputs, grads, retain, create, inputs, accumulate, false);
  }

  /// A pass within the backward of a node whose operands `inputs` are: it ends at them, hooks on them are left to the outer pass, and of
  /// operands that are one tensor the first gets the gradient of all.
  static @Nullable Tensor[] runWithin(Tensor output, Tensor grad, boolean create, Tensor[] inputs) {
    return run(new Tensor[] {output}, new Tensor[] {grad}, create, create, inputs, false, true);
  }

  private static @Nullable Tensor[] run(Tensor[] outputs, Tensor[] grads, boolean retain, boolean create, Tensor @Nullable [] inputs,
      boolean accumulate, boolean cut) {
    ThreadState thread = ThreadState.current();
    Engine engine = new Engine(thread, retain, create, cut);
    int modes = thread.modes;
    int plain = modes & ~ThreadState.AUTOCAST; // gradients have the dtypes that the forward pass chose
    thread.modes = create ? plain & ~ThreadState.NO_GRAD : plain | ThreadState.NO_GRAD;
    if (thread.scope != null || !create) {
      engine.inner = Scopes.openInner(thread);
    }
    try {
      return engine.run(outputs, grads, inputs, accumulate);
    } finally {
      engine.slots.forEach(engine::release);
      if (engine.inner != null) {
        Scopes.close(thread, engine.inner);
      }
      thread.modes = modes;
    }
  }

  private @Nullable Tensor[] run(Tensor[] outputs, Tensor[] grads, Tensor @Nullable [] inputs, boolean accumulate) {
    if (inputs != null) {
      capture(inputs, accumulate);
    }
    for (Tensor output : outputs) {
      explore(slots.of(edge(output)), inputs != null);
    }
    for (int i = 0; i < outputs.length; i++) {
      deliver(slots.of(edge(outputs[i])), outputs[i].outputNr(), grads[i], false);
    }
    for (Tensor output : outputs) {
      Slot root = slots.of(edge(output));
      if (root.dependencies == 0 && !ready.contains(root)) {
        ready.add(root);
      }
    }
    for (Slot slot = ready.poll(); slot != null; slot = ready.poll()) {
      evaluate(slot);
    }
    return captured;
  }

  private static Node edge(Tensor tensor) {
    Node edge = tensor.gradientEdge();
    if (edge == null) {
      throw new AutogradException("element 0 of tensors does not require grad and does not have a grad_fn");
    }
    return edge;
  }

  private void capture(Tensor[] inputs, boolean accumulate) {
    captured = new Tensor[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      Node node = inputs[i].gradientEdge();
      if (node != null) {
        captures.add(new Capture(node, inputs[i].outputNr(), i, accumulate ? inputs[i] : null));
      } else if (!inputs[i].requiresGrad()) {
        throw new AutogradException("One of the differentiated Tensors does not require grad");
      }
    }
  }

  /// Counts, from `root` on, what flows into each node, and, where the pass is for certain inputs, finds what leads to
  /// them: depth first, with a stack of our own.
  private void explore(Slot root, boolean selective) {
    if (root.nextEdge != 0 || root.node.edgeCount() == 0 && !selective) {
      return;
    }
    List<Slot> path = new ArrayList<>();
    path.add(enter(root, selective));
    while (!path.isEmpty()) {
      Slot slot = path.getLast();
      Node node = slot.node;
      if (slot.nextEdge <= node.edgeCount()) {
        Node next = slot.nextEdge < node.edgeCount() ? node.next(slot.nextEdge) : null;
        int edge = slot.nextEdge++;
        if (next != null && edge < node.edgeCount()) {
          Slot behind = slots.of(next);
          behind.dependencies++;
          if (behind.nextEdge == 0) {
            path.add(enter(behind, selective));
          }
        }
        continue;
      }
      if (selective && !slot.needed) {
        for (int i = 0; i < node.edgeCount() && !slot.needed; i++) {
          Node next = node.next(i);
          slot.needed = next != null && slots.of(next).needed;
        }
      }
      path.removeLast();
    }
  }

  private Slot enter(Slot slot, boolean selective) {
    if (selective) {
      slot.needed = false;
      for (Capture capture : captures) {
        slot.needed |= capture.node == slot.node;
      }
      if (cut && slot.needed) {
        slot.nextEdge = slot.node.edgeCount() + 1; // nothing behind is looked at
      }
    }
    return slot;
  }

  private void evaluate(Slot slot) {
    Node node = slot.node;
    @Nullable Tensor[] grads = slot.grads;
    if (cut && captures.stream().anyMatch(capture -> capture.node == node)) {
      var _ = take(node, grads, slot);
      release(slot);
      return;
    }
    boolean hooked = node.hasHooks();
    if (hooked) {
      expose(grads);
      grads = node.runPreHooks(grads.clone());
      slot.fresh = 0;
    }
    boolean wanted = slot.needed;
    if (!captures.isEmpty()) {
      wanted = take(node, grads, slot) && wanted;
    }
    if (wanted) {
      if (node instanceof AccumulateGrad leaf) {
        if (captures.isEmpty()) {
          leaf.accumulate(grads[0], slot.fresh != 0);
        }
      } else {
        pass(slot, node, grads, hooked);
      }
    } else {
      for (int i = 0; i < node.edgeCount(); i++) {
        arrived(node.next(i));
      }
    }
    release(slot);
    if (inner != null) {
      inner.releaseStorages();
    }
  }

  /// Hands out what was asked for at `node`; tells whether anything behind it is needed too.
  private boolean take(Node node, @Nullable Tensor[] grads, Slot slot) {
    boolean at = false;
    for (Capture capture : captures) {
      if (capture.node == node) {
        at = true;
        Tensor grad = grads[capture.number];
        Tensor into = capture.into;
        if (grad != null && into == null) {
          Scopes.expose(thread, grad);
          captured[capture.result] = grad;
          if (cut) {
            grads[capture.number] = null;
          }
        } else if (grad != null && node instanceof AccumulateGrad leaf) {
          leaf.accumulate(grad, slot.fresh != 0);
        } else if (grad != null && into != null) {
          accumulate(into, grad, false);
        }
      }
    }
    if (!at) {
      return true;
    }
    for (int i = 0; i < node.edgeCount(); i++) {
      Node next = node.next(i);
      if (next != null && slots.of(next).needed) {
        return true;
      }
    }
    return false;
  }

  private void pass(Slot slot, Node node, @Nullable Tensor[] grads, boolean hooked) {
    @Nullable Tensor[] results;
    try {
      results = node.apply(grads);
    } catch (RuntimeException e) {
      if (node.recordedAt() != null) {
        e.addSuppressed(node.recordedAt());
      }
      throw e;
    }
    if (hooked) {
      expose(results);
      results = node.runHooks(results, grads);
    }
    if (!retain) {
      node.releaseSaved(Node.Released.BACKWARD_DONE);
    }
    for (int i = 0; i < node.edgeCount(); i++) {
      Node next = node.next(i);
      if (next == null) {
        continue;
      }
      Tensor grad = i < results.length ? results[i] : null;
      if (grad != null) {
        Slot target = slots.of(next);
        if (target.needed) {
          int number = node.nextNumber(i);
          boolean fresh = !hooked && isFresh(slot, node, grads, results, i);
          Tensor valid = validate(node, i, grad, next.output(number));
          deliver(target, number, valid, fresh || valid != grad);
        }
      }
      arrived(next);
    }
  }

  /// Whether nobody but its slot will hold on to the memory of result `i`: the node made it, or was itself given it fresh,
  /// and gives it to one operand only.
  private boolean isFresh(Slot slot, Node node, @Nullable Tensor[] grads, @Nullable Tensor[] results, int i) {
    Storage storage = storageOf(results[i]);
    if (!(node instanceof RecordedNode<?>) || storage == null || repeats(results[i])) {
      return false;
    }
    for (int k = 0; k < results.length; k++) {
      if (k != i && storageOf(results[k]) == storage) {
        return false;
      }
    }
    for (int k = 0; k < grads.length; k++) {
      if (storageOf(grads[k]) == storage) {
        return (slot.fresh >> k & 1) != 0;
      }
    }
    return inner != null && storage.scope() == inner;
  }

  /// Whether several elements share one place, so that nothing can be added to them there: the gradient of a sum, say.
  private static boolean repeats(@Nullable Tensor grad) {
    return grad != null && !grad.isContiguous() && AsStrided.overlaps(grad.strided().sizes(), grad.strided().strides());
  }

  private static @Nullable Storage storageOf(@Nullable Tensor tensor) {
    return tensor == null ? null : tensor.strided().storage();
  }

  private Tensor validate(Node node, int i, Tensor grad, Node.Meta meta) {
    Tensor valid = grad;
    if (!Arrays.equals(grad.strided().sizes(), meta.sizes())) {
      if (!Reductions.isExpandable(meta.sizes(), grad.strided().sizes())) {
        throw new AutogradException("Function " + node.name() + " returned an invalid gradient at index " + i + " - got "
            + Arrays.toString(grad.strided().sizes()) + " but expected shape compatible with " + Arrays.toString(meta.sizes()));
      }
      valid = Reductions.sumToSize(valid, meta.sizes());
    }
    if (valid.dtype() != meta.dtype()) {
      valid = valid.to(meta.dtype());
    }
    if (!valid.device().equals(meta.device())) {
      throw new AutogradException("Function " + node.name() + " returned an invalid gradient at index " + i + " - expected device "
          + meta.device() + " but got " + valid.device());
    }
    if (thread.is(ThreadState.ANOMALY) && valid.isnan().any().toBoolean()) {
      AutogradException failure = new AutogradException("Function '" + node.name() + "' returned nan values in its " + i + "th output.");
      if (node.recordedAt() != null) {
        failure.addSuppressed(node.recordedAt());
      }
      throw failure;
    }
    return valid;
  }

  /// Adds `grad` to what waits at a node.
  private void deliver(Slot slot, int number, Tensor grad, boolean fresh) {
    Tensor waiting = slot.grads[number];
    if (waiting == null) {
      hold(grad);
      slot.grads[number] = grad;
      slot.fresh |= fresh ? 1L << number : 0;
    } else if (!create && (slot.fresh >> number & 1) != 0) {
      waiting.add_(grad);
    } else {
      Tensor sum = waiting.add(grad);
      hold(sum);
      drop(waiting);
      slot.grads[number] = sum;
      slot.fresh |= 1L << number;
    }
  }

  private void arrived(@Nullable Node next) {
    if (next != null) {
      Slot slot = slots.of(next);
      if (--slot.dependencies == 0) {
        ready.add(slot);
      }
    }
  }

  private static void hold(Tensor tensor) {
    Storage storage = tensor.strided().storage();
    if (storage.isCounted()) {
      storage.retain();
    }
  }

  private static void drop(Tensor tensor) {
    Scopes.disown(tensor);
  }

  private void release(Slot slot) {
    for (int i = 0; i < slot.grads.length; i++) {
      Tensor grad = slot.grads[i];
      if (grad != null) {
        drop(grad);
        slot.grads[i] = null;
      }
    }
  }

  private void expose(@Nullable Tensor[] tensors) {
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        Scopes.expose(thread, tensor);
      }
    }
  }

  /// Adds `grad` to the `.grad` of `tensor`; the first one is taken as it is where `fresh` and laid out like `tensor`.
  static void accumulate(Tensor tensor, Tensor grad, boolean fresh) {
    ThreadState thread = ThreadState.current();
    AutogradMeta meta = tensor.autograd();
    Tensor before = meta.grad();
    if (before != null && !thread.records()) {
      before.add_(grad);
      return;
    }
    Tensor after;
    if (before != null) {
      after = before.add(grad);
    } else {
      Strided given = grad.strided();
      Layout layout = Layout.ofGradient(tensor.strided());
      after = fresh && !thread.records() && layout.fits(given) && given.storage().bytes() == given.numel() * given.dtype().size()
          ? grad.detach()
          : Creation.emptyStrided(layout.sizes(), layout.strides(), grad.dtype(), grad.device()).copy_(grad);
    }
    Scopes.expose(thread, after);
    meta.setGrad(after);
  }
}
