package org.flambeau.autograd;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.ScopeMembers;
import org.flambeau.internal.ops.Layout;
import org.jspecify.annotations.Nullable;

/// One step of a recorded computation, seen from behind: it turns the gradients of a function's results into those of
/// its operands, and knows which nodes take them from there.
public abstract class Node {
  /// What an operand's or result's gradient must look like.
  ///
  /// @param sizes shared with the tensor it describes: do not change
  record Meta(long[] sizes, boolean channelsLast, DType dtype, Device device) {
    static Meta of(Tensor tensor) {
      return of(tensor, tensor.dtype());
    }

    static Meta of(Tensor tensor, DType dtype) {
      return new Meta(tensor.strided().sizes(), Layout.isChannelsLast(tensor.strided()), dtype, tensor.device());
    }
  }

  /// Why saved tensors are no longer there.
  public enum Released {
    NOT,
    BACKWARD_DONE,
    SCOPE_CLOSED
  }

  /// Called after a node ran, with the gradients it gave and those it got; may return replacements for the former.
  @FunctionalInterface
  public interface Hook {
    @Nullable Tensor @Nullable [] after(@Nullable Tensor[] gradInputs, @Nullable Tensor[] gradOutputs);
  }

  /// Called before a node runs, with the gradients it is about to get; may return replacements.
  @FunctionalInterface
  public interface PreHook {
    @Nullable Tensor @Nullable [] before(@Nullable Tensor[] gradOutputs);
  }

  /// What undoes a registration.
  @FunctionalInterface
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  private static final int[] NO_NUMBERS = new int[8];

  private final long sequence;
  private final @Nullable Node[] next;
  private final int[] nextNumbers;
  private Meta[] outputs;
  private @Nullable ScopeMembers scope;
  private @Nullable Hooks hooks;
  private @Nullable Throwable recordedAt;

  /// The rare parts of a node, made when first needed.
  private static final class Hooks {
    final List<PreHook> before = new ArrayList<>();
    final List<Hook> after = new ArrayList<>();
    final List<TensorHook> ofOutputs = new ArrayList<>();
    final List<Tensor> retaining = new ArrayList<>();
  }

  private record TensorHook(int output, UnaryOperator<@Nullable Tensor> hook) {}

  /// A node at the beginning of a graph, or one whose edges are to be `operands`'; null is an operand that was not given.
  Node(long sequence, @Nullable Tensor[] operands, ThreadState thread) {
    this.sequence = sequence;
    this.next = new Node[operands.length];
    int[] numbers = null;
    for (int i = 0; i < operands.length; i++) {
      Tensor operand = operands[i];
      next[i] = operand == null ? null : operand.gradientEdge();
      if (operand != null && next[i] != null && operand.outputNr() != 0) {
        numbers = numbers == null ? new int[operands.length] : numbers;
        numbers[i] = operand.outputNr();
      }
    }
    this.nextNumbers = numbers != null ? numbers : operands.length <= NO_NUMBERS.length ? NO_NUMBERS : new int[operands.length];
    this.outputs = new Meta[0];
    if (thread.is(ThreadState.ANOMALY)) {
      recordedAt = new Throwable("the forward operation was called here");
    }
  }

  /// A node with edges of its own choosing.
  Node(long sequence, @Nullable Node[] next, int[] nextNumbers) {
    this.sequence = sequence;
    this.next = next;
    this.nextNumbers = nextNumbers;
    this.outputs = new Meta[0];
  }

  /// PyTorch's name for it, as in `MulBackward0`.
  public abstract String name();

  /// The function that it differentiates, as messages call it: `Exp` for `ExpBackward0`.
  final String function() {
    int end = name().lastIndexOf("Backward");
    return end < 0 ? name() : name().substring(0, end);
  }

  /// The gradients of the operands, null where nobody needs one or there is none, from those of the results, null where
  /// nothing flowed back.
  abstract @Nullable Tensor[] apply(@Nullable Tensor[] grads);

  /// Gives up what was saved. A later backward fails and says why.
  public void releaseSaved(Released reason) {}

  /// Lets the collector free what was saved too.
  public void watchSaved() {}

  /// How many operands the recorded function had.
  public final int edgeCount() {
    return next.length;
  }

  /// The node that takes the gradient of operand `i`, or null where nobody needs it.
  public final @Nullable Node next(int i) {
    return next[i];
  }

  /// Which of that node's results operand `i` was.
  public final int nextNumber(int i) {
    return nextNumbers[i];
  }

  /// Whether somebody needs the gradient of operand `i`.
  public final boolean needs(int i) {
    return next[i] != null;
  }

  /// Whether somebody needs the gradient of any operand.
  final boolean needsAny() {
    for (Node node : next) {
      if (node != null) {
        return true;
      }
    }
    return false;
  }

  /// Spreads nodes over a hash table.
  int hash() {
    return (int) sequence * 0x9E3779B9;
  }

  /// Sequence numbers order a thread's nodes as they were recorded.
  final long sequence() {
    return sequence;
  }

  final int outputCount() {
    return outputs.length;
  }

  final Meta output(int number) {
    return outputs[number];
  }

  final void setOutputs(Meta... outputs) {
    this.outputs = outputs;
  }

  public final @Nullable ScopeMembers scope() {
    return scope;
  }

  public final void setScope(@Nullable ScopeMembers scope) {
    this.scope = scope;
  }

  final @Nullable Throwable recordedAt() {
    return recordedAt;
  }

  // ---- hooks ----

  private Hooks hooks() {
    return hooks == null ? hooks = new Hooks() : hooks;
  }

  private static <T> Registration register(List<T> list, T item) {
    list.add(item);
    return () -> list.remove(item);
  }

  /// Calls `hook` after each run of this node.
  public final Registration registerHook(Hook hook) {
    return register(hooks().after, hook);
  }

  /// Calls `hook` before each run of this node.
  public final Registration registerPreHook(PreHook hook) {
    return register(hooks().before, hook);
  }

  final Registration registerTensorHook(int output, UnaryOperator<@Nullable Tensor> hook) {
    return register(hooks().ofOutputs, new TensorHook(output, hook));
  }

  /// From now on each backward also leaves the gradient in `tensor`, a result of this node's function.
  final void retainGradOf(Tensor tensor) {
    hooks().retaining.add(tensor);
  }

  final boolean hasHooks() {
    return hooks != null;
  }

  /// Runs what wants to see the gradients before the node does: hooks of tensors in the order of registration, then the
  /// tensors that retain theirs, then hooks of the node.
  final @Nullable Tensor[] runPreHooks(@Nullable Tensor[] grads) {
    Hooks registered = hooks;
    if (registered == null) {
      return grads;
    }
    for (TensorHook each : List.copyOf(registered.ofOutputs)) {
      Tensor grad = grads[each.output];
      if (grad != null) {
        Tensor replaced = each.hook.apply(grad);
        if (replaced != null && !Arrays.equals(replaced.strided().sizes(), grad.strided().sizes())) {
          throw new AutogradException("hook has changed the size of value: expected " + Arrays.toString(grad.sizes()) + ", got "
              + Arrays.toString(replaced.sizes()));
        }
        grads[each.output] = replaced != null ? replaced : grad;
      }
    }
    for (Tensor tensor : registered.retaining) {
      Tensor grad = grads[tensor.outputNr()];
      if (grad != null) {
        Engine.accumulate(tensor, grad, false);
      }
    }
    for (PreHook hook : List.copyOf(registered.before)) {
      @Nullable Tensor[] replaced = hook.before(grads);
      grads = replaced != null ? replaced : grads;
    }
    return grads;
  }

  final @Nullable Tensor[] runHooks(@Nullable Tensor[] gradInputs, @Nullable Tensor[] gradOutputs) {
    Hooks registered = hooks;
    if (registered != null) {
      for (Hook hook : List.copyOf(registered.after)) {
        @Nullable Tensor[] replaced = hook.after(gradInputs, gradOutputs);
        gradInputs = replaced != null ? replaced : gradInputs;
      }
    }
    return gradInputs;
  }

  /// After a change in place of `tensor`, the node that now makes it leaves the gradient that it retains; hooks stay with the old value.
  final void bequeathRetained(Node heir, Tensor tensor) {
    if (hooks != null && hooks.retaining.remove(tensor)) {
      heir.retainGradOf(tensor);
    }
  }

  /// Calls `visitor` once for every node of the graph that ends in `root`.
  public static void visit(Node root, Consumer<Node> visitor) {
    Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    ArrayDeque<Node> todo = new ArrayDeque<>();
    seen.add(root);
    todo.push(root);
    while (!todo.isEmpty()) {
      Node node = todo.pop();
      visitor.accept(node);
      for (Node next : node.next) {
        if (next != null && seen.add(next)) {
          todo.push(next);
        }
      }
    }
  }

  @Override
  public final String toString() {
    return "<" + name() + ">";
  }

  /// The operands' nodes, for a look at the graph.
  public final List<@Nullable Node> nextFunctions() {
    return Collections.<@Nullable Node>unmodifiableList(Arrays.<@Nullable Node>asList(next));
  }
}
