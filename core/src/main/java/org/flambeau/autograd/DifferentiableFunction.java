package org.flambeau.autograd;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.AutogradException;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.internal.ThreadState;
import org.flambeau.internal.memory.ScopeMembers;
import org.jspecify.annotations.Nullable;

/// A function whose derivative is written by hand.
///
/// ```java
/// final class Exp extends DifferentiableFunction {
///   @Override protected List<Tensor> forward(Context context, List<Tensor> inputs) {
///     Tensor result = inputs.getFirst().exp();
///     context.save(result);
///     return List.of(result);
///   }
///   @Override protected List<Tensor> backward(Context context, List<Tensor> grads) {
///     return List.of(grads.getFirst().mul(context.saved(0)));
///   }
/// }
/// Tensor y = new Exp().apply(x);
/// ```
/// `forward` runs without recording. `backward` is recorded under [org.flambeau.BackwardOption#CREATE_GRAPH], so what it
/// is made of can be differentiated again. Tensors that the backward looks at must go through [Context#save].
public abstract class DifferentiableFunction {
  /// What a call's backward has of its forward.
  public static final class Context {
    private List<SavedTensor> saved = List.of();
    private List<Tensor> toSave = List.of();
    private List<Tensor> dirty = List.of();
    private List<Tensor> nonDifferentiable = List.of();
    private boolean materializesGrads = true;
    private boolean[] needs = {};
    private @Nullable FunctionNode node;

    private Context() {}

    /// Keeps tensors for the backward, with a guard against changes in place. One call replaces what an earlier one kept.
    public void save(Tensor... tensors) {
      toSave = List.of(tensors);
    }

    /// What [#save] kept, in its order.
    public Tensor saved(int i) {
      FunctionNode recorded = node;
      if (recorded == null) {
        throw new IllegalStateException("[DifferentiableFunction] saved tensors can be read in backward only");
      }
      recorded.checkNotReleased();
      return saved.get(i).unpack(recorded);
    }

    /// Says which inputs `forward` changes in place. Each must be a result, too, and is then the input itself, with a new history. One that is
    /// a view must be the first input and the only result.
    public void markDirty(Tensor... inputs) {
      dirty = List.of(inputs);
    }

    /// Says which results no gradient goes through, besides those of whole numbers and truth values.
    public void markNonDifferentiable(Tensor... results) {
      nonDifferentiable = List.of(results);
    }

    /// Whether `backward` gets zeros for results that nobody used, as it does unless told otherwise, or null.
    public void setMaterializeGrads(boolean on) {
      materializesGrads = on;
    }

    /// How many tensors [#save] kept.
    public int savedCount() {
      return saved.size();
    }

    /// Whether the gradient of input `i` is needed.
    public boolean needs(int i) {
      return needs[i];
    }
  }

  /// The function's results.
  protected abstract List<Tensor> forward(Context context, List<Tensor> inputs);

  /// The gradients of the inputs, null where there is none, from those of the results, none of which is null unless
  /// [Context#setMaterializeGrads] asks for it.
  protected abstract List<@Nullable Tensor> backward(Context context, List<Tensor> grads);

  /// The name of its nodes: the class's, with `Backward`.
  protected String name() {
    return getClass().getSimpleName() + "Backward";
  }

  /// The one result of calling the function.
  public final Tensor apply(Tensor... inputs) {
    return applyAll(inputs).getFirst();
  }

  /// The results of calling the function.
  public final List<Tensor> applyAll(Tensor... inputs) {
    ThreadState thread = ThreadState.current();
    Context context = new Context();
    boolean recording = false;
    context.needs = new boolean[inputs.length];
    for (int i = 0; i < inputs.length; i++) {
      context.needs[i] = inputs[i].requiresGrad();
      recording |= context.needs[i];
    }
    recording &= thread.records();
    List<Tensor> results;
    try (var _ = GradMode.noGrad()) {
      results = forward(context, List.of(inputs));
    }
    checkDirty(context, List.of(inputs), results, recording);
    List<Tensor> recorded = new ArrayList<>();
    for (Tensor result : results) {
      boolean isChanged = context.dirty.contains(result) && (recording || !result.requiresGrad());
      boolean isOthers = List.of(inputs).contains(result) || recording && result.requiresGrad();
      recorded.add(isOthers && !isChanged ? result.detach() : result);
    }
    if (!recording) {
      return List.copyOf(recorded);
    }
    FunctionNode node = new FunctionNode(this, context, inputs, recorded, thread);
    for (int i = 0; i < recorded.size(); i++) {
      if (recorded.get(i).dtype().isFloating() && !context.nonDifferentiable.contains(results.get(i))) {
        node.becomeHistoryOf(recorded.get(i), i, results.get(i));
      }
    }
    List<SavedTensor> saved = new ArrayList<>();
    for (Tensor tensor : context.toSave) {
      int at = results.indexOf(tensor);
      saved.add(new SavedTensor(at >= 0 ? recorded.get(at) : tensor));
    }
    context.saved = saved;
    context.toSave = List.of();
    context.node = node;
    ScopeMembers scope = thread.scope;
    if (scope != null) {
      scope.own(node);
    }
    return List.copyOf(recorded);
  }

  private void checkDirty(Context context, List<Tensor> inputs, List<Tensor> results, boolean recording) {
    for (Tensor changed : context.dirty) {
      if (!inputs.contains(changed) || !results.contains(changed)) {
        throw new AutogradException("function " + name() + ": a tensor that is marked dirty must be an input and a result");
      }
      changed.strided().storage().bumpVersion();
      AutogradMeta.checkInPlace(changed, recording, recording);
      if (recording && changed.autograd().base() != null && (results.size() > 1 || inputs.getFirst() != changed)) {
        throw new AutogradException("function " + name() + " modifies a view in place, which must be its first input and only result: "
            + "call it with a clone of the view");
      }
    }
  }

  private static final class FunctionNode extends Node {
    private final DifferentiableFunction function;
    private final Context context;
    private final List<Meta> metas = new ArrayList<>();
    private Released released = Released.NOT;

    FunctionNode(DifferentiableFunction function, Context context, Tensor[] inputs, List<Tensor> results, ThreadState thread) {
      super(thread.nextSequence(), inputs, thread);
      this.function = function;
      this.context = context;
      results.forEach(result -> metas.add(Meta.of(result)));
      setOutputs(metas.toArray(Meta[]::new));
    }

    /// `original` is what `forward` returned: `result` itself, or what it views.
    private void becomeHistoryOf(Tensor result, int number, Tensor original) {
      AutogradMeta meta = result.autograd();
      if (context.dirty.contains(result)) {
        meta.rebaseHistory(result, this, number);
        return;
      }
      if (result != original) {
        Tensor base = original.autograd().base();
        meta.setView(result, base != null ? base : original,
            metas.size() > 1 ? AutogradMeta.Creation.MULTIPLE_OUTPUTS : AutogradMeta.Creation.FUNCTION);
      }
      meta.setHistory(this, number);
    }

    @Override
    public String name() {
      return function.name();
    }

    @Override
    @Nullable Tensor[] apply(@Nullable Tensor[] grads) {
      checkNotReleased();
      List<@Nullable Tensor> results = function.backward(context, asAskedFor(grads));
      if (results.size() != edgeCount()) {
        throw new AutogradException(
            "function " + name() + " returned an incorrect number of gradients (expected " + edgeCount()
                + ", got " + results.size() + ")");
      }
      return results.toArray(Tensor[]::new);
    }

    @SuppressWarnings("NullAway") // null comes to those alone who have asked for it
    private List<Tensor> asAskedFor(@Nullable Tensor[] grads) {
      List<Tensor> all = new ArrayList<>();
      for (int i = 0; i < grads.length; i++) {
        Meta meta = metas.get(i);
        all.add(grads[i] != null || !context.materializesGrads ? grads[i] : Tensor.zeros(meta.device(), meta.dtype(), meta.sizes()));
      }
      return all;
    }

    private void checkNotReleased() {
      if (released != Released.NOT) {
        throw RecordedNode.gone(name(), released);
      }
    }

    @Override
    public void releaseSaved(Released reason) {
      if (!context.saved.isEmpty()) {
        released = reason;
        context.saved.forEach(SavedTensor::release);
        context.saved = List.of();
      }
    }

    @Override
    public void watchSaved() {
      context.saved.forEach(SavedTensor::watch);
    }
  }
}
