package org.flambeau.nn;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryFormat;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.autograd.Node.Registration;
import org.jspecify.annotations.Nullable;

/// A part of a neural network: a function of tensors together with the parameters that it learns, and the modules it is made of.
///
/// ```java
/// class Net extends Module {
///   final Linear fc1 = child("fc1", new Linear(784, 128)), fc2 = child("fc2", new Linear(128, 10));
///
///   @Override
///   protected Tensor forward(Tensor x) {
///     return fc2.call(Functional.relu(fc1.call(x)));
///   }
/// }
/// ```
/// A subclass overrides one of the two forms of `forward`; users call [#call], which runs hooks around it and, inside a memory scope, frees its
/// temporaries. What has several results, such as logits and those of an auxiliary head, gives them by a method of its own that calls the children.
/// A module or tensor that a field alone holds is not a part: it is not listed, moved, saved or learnt. Children, parameters and buffers are declared by name, and everything that lists them keeps the order of declaration. Names are
/// paths from the root: `layer1.0.conv1.weight`.
public abstract class Module {
  /// A tensor that belongs to a module but is not learnt.
  ///
  /// @param persistent whether it is a part of the state dict
  private record Buffer(Tensor value, boolean persistent) {}

  private final Map<String, Tensor> parameters = new LinkedHashMap<>();
  private final Map<String, Buffer> buffers = new LinkedHashMap<>();
  private final Map<String, Module> children = new LinkedHashMap<>();
  private final ModuleHooks hooks = new ModuleHooks();
  private final StateHooks stateHooks = new StateHooks();
  private final ModuleCalls calls = new ModuleCalls();
  private boolean training = true;
  private boolean checkpointed;
  private @Nullable CompiledForward compiled;

  // ---- what subclasses say ----

  /// Computes the result from one tensor.
  protected Tensor forward(Tensor x) {
    throw new UnsupportedOperationException(
        "[" + name() + "] has no forward of one tensor: override forward(Tensor) or forward(Tensor...)");
  }

  /// Computes the result from several tensors; of one, it is [#forward(Tensor)].
  protected Tensor forward(Tensor... inputs) {
    if (inputs.length != 1) {
      throw new UnsupportedOperationException("[" + name() + "] takes one tensor, got " + inputs.length);
    }
    return forward(inputs[0]);
  }

  /// Declares a child.
  ///
  /// @return `module`
  protected final <M extends Module> M child(String name, M module) {
    requireFree(name);
    adopt(name, module);
    return module;
  }

  private void adopt(String name, Module module) {
    if (module.modules().contains(this)) {
      throw new IllegalArgumentException(
          "[" + name() + "] a module cannot be a part of itself, as it would be by the child \"" + name + "\"");
    }
    children.put(name, module);
  }

  /// Declares a parameter: `value` becomes a leaf that requires grad, where its dtype allows it, and outlives memory scopes.
  ///
  /// @return `value`
  protected final Tensor parameter(String name, Tensor value) {
    requireFree(name);
    if (!value.isLeaf()) {
      throw new IllegalArgumentException("[" + name() + "] parameter \"" + name + "\" must be a leaf, got the result of " + value.gradFn()
          + "; detach it first");
    }
    parameters.put(name, MemoryScope.escape(value).requiresGrad_(true));
    return value;
  }

  /// Declares a tensor that is not learnt but belongs to the module's state, such as a running mean.
  ///
  /// @return `value`
  protected final Tensor buffer(String name, Tensor value) {
    return buffer(name, value, true);
  }

  /// Declares a tensor that is not learnt.
  ///
  /// @param persistent whether it is a part of the state dict
  /// @return `value`
  protected final Tensor buffer(String name, Tensor value, boolean persistent) {
    requireFree(name);
    buffers.put(name, new Buffer(MemoryScope.escape(value), persistent));
    return value;
  }

  private void requireFree(String name) {
    if (name.isEmpty() || name.contains(".")) {
      throw new IllegalArgumentException(
          "[" + name() + "] the name of a child, parameter or buffer is not empty and has no dot, got \"" + name + "\"");
    }
    if (children.containsKey(name) || parameters.containsKey(name) || buffers.containsKey(name)) {
      throw new IllegalArgumentException("[" + name() + "] \"" + name + "\" is declared already");
    }
  }

  /// What it is called where it is printed: the name of its class.
  protected String name() {
    String name = getClass().getSimpleName();
    return name.isEmpty() ? "Module" : name;
  }

  /// What stands in its parentheses where it is printed.
  protected String extraRepr() {
    return "";
  }

  /// How the layout of its own part of the state dict is numbered: files say it for each module.
  protected long version() {
    return 1;
  }

  /// Changes a state dict that is about to be loaded where it was written by an older layout of this module.
  ///
  /// @param state a copy, for this purpose; its tensors belong to the caller
  /// @param prefix what this module's names begin with
  /// @param version what [#version()] the writer had, or 0 where the file does not say
  protected void upgrade(Map<String, Tensor> state, String prefix, long version) {}

  // ---- calling ----

  /// Runs the module: pre-hooks, `forward`, hooks.
  public final Tensor call(Tensor... inputs) {
    return calls.call(this, hooks, inputs);
  }

  /// Whether a call, from where the thread is now, would be one of `forward` and nothing else: no hooks, no checkpoint, and no other module
  /// in its place.
  final boolean isCalledPlainly() {
    return hooks.isEmpty() && !isCheckpointed() && !ModuleCalls.isReplaced(this);
  }

  /// From now on, a call that records nothing for gradients is a program: what `forward` does, without the Java code that says so. See
  /// [#compile(boolean)].
  public final Module compile() {
    return compile(true);
  }

  /// Compiles calls that record nothing for gradients (under `GradMode.noGrad()`), or no
  /// longer does.
  ///
  /// ```java
  /// Module model = ResNet.resnet18(TorchvisionWeights.DEFAULT).to(Device.best()).eval().compile();
  /// try (var _ = GradMode.noGrad()) {
  ///   Tensor logits = model.call(images);                         // the first call compiles, the next ones repeat
  /// }
  /// ```
  /// The first call with operands of some dtypes, sizes, strides and device is done as ever, and written down kernel by kernel. What depends on
  /// parameters alone is computed then; norms are folded into convolutions; ReLU and residuals are done by the kernels before them; element-wise
  /// operations that follow each other become one; temporaries share one block of memory. The next calls run that, on a GPU as a CUDA
  /// graph. Results are those of an eager call, or differ by rounding where a convolution took in a norm or a residual.
  ///
  /// A program takes parameters, buffers, and all else that it reads, for constant, and the way that `forward` takes through its Java code. A
  /// change of a parameter or buffer, of the mode, of the modules, of the autocast region or of [org.flambeau.MatmulPrecision] makes a new
  /// program. What else `forward` depends on (a field of its own, say) must not change, what it does besides computing its result (counting calls,
  /// keeping an intermediate) is not done again, and it may not compute on other threads. At most eight kinds of operands are compiled for.
  ///
  /// What cannot be repeated runs eagerly, and the log says so once: a `forward` that looks at values on the host, changes in place what it did not make
  /// (as batch norm in training mode does), computes gradients or on several devices, or whose module has hooks.
  public final Module compile(boolean on) {
    compiled = on ? new CompiledForward() : null;
    return this;
  }

  final @Nullable CompiledForward compiled() {
    return compiled;
  }

  // ---- what it is made of ----

  /// Its children, in order of declaration.
  public final Map<String, Module> namedChildren() {
    return Collections.unmodifiableMap(children);
  }

  /// Itself, under the empty name, and all modules below it, parents first; a module that stands in several places is listed once.
  public final Map<String, Module> namedModules() {
    Map<String, Module> all = new LinkedHashMap<>();
    Set<Module> seen = identitySet();
    visit("", (prefix, module) -> {
      if (seen.add(module)) {
        all.put(prefix.isEmpty() ? "" : prefix.substring(0, prefix.length() - 1), module);
      }
    });
    return all;
  }

  /// Itself and all modules below it, parents first.
  public final List<Module> modules() {
    return List.copyOf(namedModules().values());
  }

  /// Calls `visitor` with its own parameters and buffers, not its children's.
  final void ownTensors(Consumer<Tensor> visitor) {
    parameters.values().forEach(visitor);
    buffers.values().forEach(buffer -> visitor.accept(buffer.value));
  }

  /// All parameters, its own first, then its children's; one that stands in several places is listed once.
  public final Map<String, Tensor> namedParameters() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    Set<Tensor> seen = identitySet();
    visit("", (prefix, module) -> module.parameters.forEach((name, parameter) -> {
      if (seen.add(parameter)) {
        all.put(prefix + name, parameter);
      }
    }));
    return all;
  }

  /// All parameters, as [#namedParameters()] orders them.
  public final List<Tensor> parameters() {
    return List.copyOf(namedParameters().values());
  }

  /// All buffers, its own first, then its children's.
  public final Map<String, Tensor> namedBuffers() {
    Map<String, Tensor> all = new LinkedHashMap<>();
    Set<Tensor> seen = identitySet();
    visit("", (prefix, module) -> module.buffers.forEach((name, buffer) -> {
      if (seen.add(buffer.value)) {
        all.put(prefix + name, buffer.value);
      }
    }));
    return all;
  }

  /// All buffers, as [#namedBuffers()] orders them.
  public final List<Tensor> buffers() {
    return List.copyOf(namedBuffers().values());
  }

  /// The module at `path`, such as `layer1.0.conv1`; the empty path is this one.
  ///
  /// @throws IllegalArgumentException if there is none
  public final Module submodule(String path) {
    Module module = this;
    for (String name : path.isEmpty() ? new String[0] : path.split("\\.", -1)) {
      Module child = module.children.get(name);
      if (child == null) {
        throw new IllegalArgumentException("[" + name() + "] has no module \"" + path + "\": " + module.name() + " has the children "
            + module.children.keySet() + ", not \"" + name + "\"");
      }
      module = child;
    }
    return module;
  }

  /// Puts `module` in the place of the child at `path`. From then on the parent calls it, also where its `forward` names the old one by a field.
  ///
  /// ```java
  /// model.replace("fc", new Linear(512, 10));
  /// ```
  ///
  /// @return `module`
  /// @throws IllegalArgumentException if there is no such child
  public final <M extends Module> M replace(String path, M module) {
    int dot = path.lastIndexOf('.');
    Module parent = submodule(dot < 0 ? "" : path.substring(0, dot));
    Module old = parent.submodule(path.substring(dot + 1));
    if (old == parent) {
      throw new IllegalArgumentException("[" + name() + "] a module cannot replace itself: expected the path of a child");
    }
    parent.adopt(path.substring(dot + 1), module);
    parent.calls.redirect(old, module);
    return module;
  }

  /// Calls `visitor` with each module and what the names of its tensors begin with, parents first, a module as often as it stands somewhere.
  final void visit(String prefix, BiConsumer<String, Module> visitor) {
    visitor.accept(prefix, this);
    children.forEach((name, child) -> child.visit(prefix + name + ".", visitor));
  }

  /// Calls `action` with every module below this one and with this one, children first.
  public final Module apply(Consumer<Module> action) {
    children.values().forEach(child -> child.apply(action));
    action.accept(this);
    return this;
  }

  private static <T> Set<T> identitySet() {
    return Collections.newSetFromMap(new IdentityHashMap<>());
  }

  // ---- its mode, its device, its gradients ----

  /// Whether it behaves as in training: dropout drops, batch norm looks at the batch.
  public final boolean isTraining() {
    return training;
  }

  /// Behaves as in training, and so do all below.
  public final Module train() {
    return train(true);
  }

  /// Behaves as in training or as in evaluation, and so do all below.
  public final Module train(boolean mode) {
    visit("", (_, module) -> module.training = mode);
    return this;
  }

  /// Behaves as in evaluation, and so do all below.
  public final Module eval() {
    return train(false);
  }

  /// Trades time for memory: a call that is recorded keeps its inputs alone, and the backward pass runs the module again, hooks and all, under
  /// the same autocast region and with the same random numbers. Gradients are the same, and running statistics move once; what counts
  /// calls itself asks [org.flambeau.autograd.Checkpoint#isRunningAgain()]. Tensors that are neither inputs nor parameters get no gradient.
  /// An input must not be changed in place, and a CUDA graph cannot capture such a call: both are refused. Of use on the blocks of a model, one
  /// by one: on the whole it saves nothing. A model that knows its blocks does so by itself when it is asked.
  ///
  /// Reference: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost", 2016.
  public Module activationCheckpointing(boolean on) {
    checkpointed = on;
    return this;
  }

  final boolean isCheckpointed() {
    return checkpointed;
  }

  /// Moves parameters, buffers and gradients to `device`. The tensors stay the same objects, so an optimizer that has them keeps them.
  public final Module to(Device device) {
    return convert(tensor -> tensor.to(device));
  }

  /// Casts parameters and buffers of float dtypes to `dtype`; the tensors stay the same objects.
  public final Module to(DType dtype) {
    if (!dtype.isFloating()) {
      throw new IllegalArgumentException("[" + name() + "] to expects a float dtype, got " + dtype.label());
    }
    return convert(tensor -> tensor.dtype().isFloating() ? tensor.to(dtype) : tensor);
  }

  /// Lays parameters and buffers of four dimensions out in `format`; the tensors stay the same objects. The results of convolutions whose weights
  /// are channels-last are so as well.
  public final Module to(MemoryFormat format) {
    return convert(tensor -> tensor.dim() == 4 ? tensor.to(format) : tensor);
  }

  private Module convert(UnaryOperator<Tensor> conversion) {
    try (var _ = GradMode.noGrad()) {
      for (Tensor parameter : parameters()) {
        Tensor grad = parameter.grad();
        parameter.setData(conversion.apply(parameter));
        if (grad != null) {
          parameter.setGrad(null);
          parameter.setGrad(MemoryScope.escape(conversion.apply(grad)));
        }
      }
      for (Tensor buffer : buffers()) {
        buffer.setData(conversion.apply(buffer));
      }
    }
    return this;
  }

  /// Sets for all parameters whether operations on them are recorded: `false` freezes them.
  public final Module requiresGrad_(boolean required) {
    parameters().forEach(parameter -> parameter.requiresGrad_(required));
    return this;
  }

  /// Sets the gradients of all parameters to null.
  public final void zeroGrad() {
    parameters().forEach(parameter -> parameter.setGrad(null));
  }

  // ---- state ----

  /// All parameters and persistent buffers by name, detached: they share the module's memory.
  public final StateDict stateDict() {
    StateDict state = new StateDict();
    save(state, "");
    return state;
  }

  private void save(StateDict state, String prefix) {
    stateHooks.beforeSaving(this, prefix);
    state.setVersion(prefix, version());
    ownState((name, tensor) -> state.put(prefix + name, tensor));
    children.forEach((name, child) -> child.save(state, prefix + name + "."));
    stateHooks.afterSaving(this, state, prefix);
  }

  /// Calls `visitor` with its own parameters and persistent buffers, detached, not its children's.
  final void ownState(BiConsumer<String, Tensor> visitor) {
    parameters.forEach((name, parameter) -> visitor.accept(name, parameter.detach()));
    buffers.forEach((name, buffer) -> {
      if (buffer.persistent) {
        visitor.accept(name, buffer.value.detach());
      }
    });
  }

  final StateHooks stateHooks() {
    return stateHooks;
  }

  /// [#loadStateDict(Map, boolean)], strictly.
  public final void loadStateDict(Map<?, ?> state) {
    loadStateDict(state, true);
  }

  /// [#loadStateDict(StateDict, boolean)] from tensors by name, such as a part of a checkpoint that [org.flambeau.io.TorchFile] has read.
  public final IncompatibleKeys loadStateDict(Map<?, ?> state, boolean strict) {
    return loadStateDict(StateDict.of(state), strict);
  }

  /// Copies the values of `state` into the parameters and buffers of the same names, cast to their dtype and device.
  ///
  /// @param strict whether it is an error if a name is missing or unexpected
  /// @return which names were
  /// @throws IllegalArgumentException if sizes differ or, where strict, names do; then nothing is changed, but where hooks are to see the names
  public final IncompatibleKeys loadStateDict(StateDict state, boolean strict) {
    return StateLoading.load(this, state, strict);
  }

  // ---- hooks ----

  /// What may change the inputs before `forward`.
  @FunctionalInterface
  public interface ForwardPreHook {
    /// @return what takes the inputs' place, or null
    Tensor @Nullable [] before(Module module, Tensor[] inputs);
  }

  /// What may change the result of `forward`.
  @FunctionalInterface
  public interface ForwardHook {
    /// @return what takes the result's place, or null
    @Nullable Tensor after(Module module, Tensor[] inputs, Tensor output);
  }

  /// What sees gradients on their way back through a module.
  @FunctionalInterface
  public interface BackwardHook {
    /// @param gradInput of the module's inputs, null for those that need none
    /// @param gradOutput of the module's result
    /// @return what takes gradInput's place, or null
    @Nullable Tensor @Nullable [] backward(Module module, @Nullable Tensor[] gradInput, @Nullable Tensor[] gradOutput);
  }

  /// Calls `hook` before each `forward`.
  public final Registration registerForwardPreHook(ForwardPreHook hook) {
    return hooks.add(hook);
  }

  /// Calls `hook` after each `forward`.
  public final Registration registerForwardHook(ForwardHook hook) {
    return hooks.add(hook);
  }

  /// Calls `hook` each time the gradients of the module's inputs have been computed; where no input needs one, when that of its result has.
  public final Registration registerFullBackwardHook(BackwardHook hook) {
    return hooks.add(hook);
  }

  /// What comes before a module's part of a state dict is made, and may bring its tensors up to date.
  @FunctionalInterface
  public interface StateDictPreHook {
    /// @param prefix what the module's names begin with
    void before(Module module, String prefix);
  }

  /// What may change a state dict when a module, whose names begin with `prefix`, and all below it are part of it.
  @FunctionalInterface
  public interface StateDictPostHook {
    void after(Module module, StateDict state, String prefix);
  }

  /// What may change a state dict that is about to be loaded, as by other names for its tensors.
  @FunctionalInterface
  public interface LoadStateDictPreHook {
    /// @param state all of it; a copy, for this purpose
    /// @param prefix what the module's names begin with
    /// @param version what [#version()] the writer of the module's part had, or 0 where the file does not say
    void before(Module module, Map<String, Tensor> state, String prefix, long version);
  }

  /// What comes after a state dict has been loaded into a module and all below it.
  @FunctionalInterface
  public interface LoadStateDictPostHook {
    /// @param keys which names of the whole state dict did not match; names that are taken out are no error
    void after(Module module, IncompatibleKeys keys);
  }

  /// Calls `hook` before [#stateDict()], of this module or one above it, looks at this one.
  public final Registration registerStateDictPreHook(StateDictPreHook hook) {
    return ModuleHooks.added(stateHooks.beforeSaving, hook);
  }

  /// Calls `hook` after [#stateDict()], of this module or one above it, has looked at this one.
  public final Registration registerStateDictPostHook(StateDictPostHook hook) {
    return ModuleHooks.added(stateHooks.afterSaving, hook);
  }

  /// Calls `hook` before [#loadStateDict], of this module or one above it, compares anything; after [#upgrade].
  public final Registration registerLoadStateDictPreHook(LoadStateDictPreHook hook) {
    return ModuleHooks.added(stateHooks.beforeLoading, hook);
  }

  /// Calls `hook` after [#loadStateDict], of this module or one above it, has copied all, and before names that did not match are refused.
  public final Registration registerLoadStateDictPostHook(LoadStateDictPostHook hook) {
    return ModuleHooks.added(stateHooks.afterLoading, hook);
  }

  /// Whether there are hooks to run around its `forward`.
  final boolean isHooked() {
    return !hooks.isEmpty();
  }

  // ---- text ----

  /// The tree of modules as PyTorch prints it.
  @Override
  public final String toString() {
    String extra = extraRepr();
    if (children.isEmpty() && !extra.contains("\n")) {
      return name() + "(" + extra + ")";
    }
    List<String> lines = new ArrayList<>();
    if (!extra.isEmpty()) {
      lines.addAll(extra.lines().toList());
    }
    childLines(children).forEach(line -> lines.add(line.replace("\n", "\n  ")));
    return name() + "(\n  " + String.join("\n  ", lines) + "\n)";
  }

  /// How the children are printed, one after the other.
  List<String> childLines(Map<String, Module> children) {
    return children.entrySet().stream().map(child -> "(" + child.getKey() + "): " + child.getValue()).toList();
  }
}
