package org.flambeau.autograd;

import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.flambeau.AutogradException;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.Scopes;
import org.flambeau.internal.ops.AsStrided;
import org.jspecify.annotations.Nullable;

/// A tensor's place in recorded graphs: whether it wants a gradient, where it came from, and the gradient it got.
public final class AutogradMeta {
  /// How a view came to be, which decides whether it may be changed in place while gradients are recorded.
  public enum Creation {
    PLAIN,
    NO_GRAD,
    MULTIPLE_OUTPUTS,
    FUNCTION
  }

  private boolean requiresGrad;
  private boolean retainsGrad;
  private @Nullable Tensor grad;
  private @Nullable Node gradFn;
  private int outputNr;
  private @Nullable AccumulateGrad accumulator;

  /// For a view: what it views, how it came to be, and the storage's version at which [#gradFn] was true.
  private @Nullable Tensor base;

  private Creation creation = Creation.PLAIN;
  private int viewVersion;

  // ---- history ----

  void setHistory(Node node, int number) {
    gradFn = node;
    outputNr = number;
  }

  /// Takes the place of `of` in the graph.
  public void takeHistoryOf(Tensor of) {
    Node node = of.gradFn();
    if (node != null) {
      setHistory(node, of.outputNr());
    }
  }

  /// Makes `self`, whose meta this is, a view of `of`.
  public void setView(Tensor self, Tensor of, Creation how) {
    base = of;
    creation = how;
    viewVersion = self.strided().storage().version();
  }

  /// What `self` is a view of, or null.
  public @Nullable Tensor base() {
    return base;
  }

  /// How `self` came to be a view; a view of it came to be so too.
  public Creation creation() {
    return creation;
  }

  /// The node that `self` came from; for a view of something that was changed in place since, the node that views the
  /// changed base, also where that needs no gradient any more.
  public @Nullable Node gradFn(Tensor self) {
    Tensor of = base;
    if (of == null || gradFn == null && !of.requiresGrad()) {
      return gradFn;
    }
    int version = self.strided().storage().version();
    if (viewVersion != version) {
      refuseUnlessPlain("its base or another view of its base has been");
      Node before = gradFn;
      AsStrided.record(of, self);
      viewVersion = version;
      bequeath(before, self);
    }
    return gradFn;
  }

  public int outputNr() {
    return outputNr;
  }

  /// Where the gradient of `self` goes: its node, or for a leaf that requires grad its accumulator.
  public @Nullable Node gradientEdge(Tensor self) {
    Node node = gradFn(self);
    if (node != null) {
      return node;
    }
    return requiresGrad ? accumulator(self) : null;
  }

  private synchronized AccumulateGrad accumulator(Tensor self) {
    AccumulateGrad present = accumulator;
    return present != null ? present : (accumulator = new AccumulateGrad(self));
  }

  /// The tensor shows other memory, perhaps of another dtype, device or layout: its gradients are of that from now on.
  public synchronized void followData() {
    if (accumulator != null) {
      accumulator.followLeaf();
    }
  }

  /// Refuses a change in place of `self` that would lose or falsify a gradient.
  public static void checkInPlace(Tensor self, boolean records, boolean recording) {
    AutogradMeta meta = self.autogradOrNull();
    if (!records || meta == null || !recording && !meta.requiresGrad()) {
      return;
    }
    Tensor of = meta.base;
    if (of != null) {
      meta.refuseUnlessPlain("is being");
      if (meta.requiresGrad() && of.autograd().gradFn == null) {
        throw new AutogradException("a view of a leaf Variable that requires grad is being used in an in-place operation.");
      }
    }
    if (meta.requiresGrad() && meta.gradFn == null) {
      throw new AutogradException("a leaf Variable that requires grad is being used in an in-place operation.");
    }
  }

  /// Views of some origins cannot be followed through changes in place.
  private void refuseUnlessPlain(String what) {
    if (creation == Creation.PLAIN) {
      return;
    }
    Node node = gradFn;
    String origin = node == null ? "A view was created in no_grad mode"
        : "Output " + outputNr + " of " + node.function() + " is a view"
            + (creation == Creation.NO_GRAD ? " of a view which was created in no_grad mode" : "");
    boolean unrecorded = node == null || creation == Creation.NO_GRAD;
    throw new AutogradException(origin + " and " + what + " modified inplace" + (unrecorded ? " with grad mode enabled" : "") + ". "
        + switch (creation) {
          case MULTIPLE_OUTPUTS ->
            "This view is the output of a function that returns multiple views. Such functions do not allow the output "
                + "views to be modified inplace. You should replace the inplace operation by an out-of-place one.";
          case FUNCTION -> "This view was created inside a DifferentiableFunction (or because an input was returned as it is), whose "
              + "backward the change would pass by. You can fix this by cloning the output of the function.";
          case PLAIN, NO_GRAD ->
            "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving "
                + "both the view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both "
                + "outside (if you want the inplace to be tracked).";
        });
  }

  /// `self` was changed in place by `node`, as its result `number`: its history, and that of what it views, begins there.
  void rebaseHistory(Tensor self, Node node, int number) {
    Tensor of = base;
    if (of != null) {
      CopySlices slices = new CopySlices(of, self.strided(), node);
      of.autograd().replaceHistory(of, slices, 0);
      viewVersion = self.strided().storage().version() - 1; // not this version: the next look at gradFn views the new base
      gradFn(self);
    } else {
      replaceHistory(self, node, number);
    }
  }

  private void replaceHistory(Tensor self, Node node, int number) {
    Node before = gradFn;
    setHistory(node, number);
    bequeath(before, self);
  }

  private void bequeath(@Nullable Node before, Tensor self) {
    if (before != null && gradFn != null) {
      before.bequeathRetained(gradFn, self);
    }
  }

  // ---- what the user asks ----

  public boolean requiresGrad() {
    return requiresGrad || gradFn != null || base != null && base.requiresGrad();
  }

  public boolean isLeaf(Tensor self) {
    return gradFn(self) == null;
  }

  public void setRequiresGrad(Tensor self, boolean required) {
    if (required && !self.dtype().isFloating()) {
      throw new AutogradException("only Tensors of floating point dtype can require gradients, got " + self.dtype());
    }
    if (required && self.isInference() && !ThreadState.current().is(ThreadState.INFERENCE)) {
      throw new AutogradException("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
    }
    if (!required && gradFn != null) {
      throw new AutogradException("you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
          + "subgraph that doesn't require differentiation use var_no_grad = var.detach().");
    }
    requiresGrad = required;
  }

  public @Nullable Tensor grad() {
    return grad;
  }

  public void setGrad(@Nullable Tensor gradient) {
    if (gradient == grad) {
      return;
    }
    if (gradient != null) {
      Scopes.own(gradient);
    }
    Scopes.disown(grad);
    grad = gradient;
  }

  public void retainGrad(Tensor self) {
    if (!requiresGrad()) {
      throw new AutogradException("can't retain_grad on Tensor that has requires_grad=False");
    }
    Node node = gradFn == null ? null : gradFn(self);
    if (node != null && !retainsGrad) {
      retainsGrad = true;
      node.retainGradOf(self);
    }
  }

  public boolean retainsGrad() {
    return retainsGrad;
  }

  public Node.Registration registerHook(Tensor self, UnaryOperator<@Nullable Tensor> hook) {
    if (!requiresGrad()) {
      throw new AutogradException("cannot register a hook on a tensor that doesn't require gradient");
    }
    Node node = gradientEdge(self);
    return (node == null ? accumulator(self) : node).registerTensorHook(outputNr, hook); // where there is no edge, it never runs
  }

  public Node.Registration registerPostAccumulateGradHook(Tensor self, Consumer<Tensor> hook) {
    if (!isLeaf(self) || !requiresGrad()) {
      throw new AutogradException(
          "post accumulate grad hooks cannot be registered on non-leaf tensors, or on tensors that don't require grad");
    }
    return accumulator(self).registerAfterAccumulate(hook);
  }

  /// Forgets the history: `self` is a leaf from now on.
  public void detach(Tensor self) {
    if (base != null) {
      throw new AutogradException("Can't detach views in-place. Use detach() instead.");
    }
    gradFn = null;
    outputNr = 0;
    requiresGrad = false;
  }
}
