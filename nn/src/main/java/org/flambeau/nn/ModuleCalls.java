package org.flambeau.nn;

import java.util.IdentityHashMap;
import java.util.Map;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Checkpoint;
import org.flambeau.internal.ops.Op;
import org.jspecify.annotations.Nullable;

/// How a module's calls reach its `forward`, and its children's.
final class ModuleCalls {
  /// Which module's `forward` runs on a thread now.
  private static final class Caller {
    @Nullable ModuleCalls current;
  }

  private static final ThreadLocal<Caller> CALLER = ThreadLocal.withInitial(Caller::new);

  private @Nullable Map<Module, Module> successors;

  /// From now on, where this module's `forward` calls `old`, it calls `successor`.
  void redirect(Module old, Module successor) {
    Map<Module, Module> map = successors == null ? (successors = new IdentityHashMap<>()) : successors;
    map.replaceAll((_, module) -> module == old ? successor : module);
    map.put(old, successor);
    map.remove(successor);
  }

  /// What is called where the `forward` that runs on this thread now calls `module`.
  static Module called(Module module) {
    ModuleCalls caller = CALLER.get().current;
    return caller == null || caller.successors == null ? module : caller.successors.getOrDefault(module, module);
  }

  /// Whether the module whose `forward` runs now calls another in the place of `module`.
  static boolean isReplaced(Module module) {
    return called(module) != module;
  }

  Tensor call(Module module, ModuleHooks hooks, Tensor[] inputs) {
    ModuleCalls parent = CALLER.get().current;
    if (parent != null && parent.successors != null) {
      Module successor = parent.successors.get(module);
      if (successor != null) {
        return successor.call(inputs);
      }
    }
    CompiledForward compiled = module.compiled();
    return compiled == null ? eager(module, hooks, inputs) : compiled.call(module, inputs, () -> eager(module, hooks, inputs));
  }

  private Tensor eager(Module module, ModuleHooks hooks, Tensor[] inputs) {
    return module.isCheckpointed() && GradMode.isEnabled()
        ? Checkpoint.call(again -> run(module, hooks, again), module.parameters(), inputs)
        : run(module, hooks, inputs);
  }

  private Tensor run(Module module, ModuleHooks hooks, Tensor[] inputs) {
    Caller caller = CALLER.get();
    ModuleCalls parent = caller.current;
    caller.current = this;
    try {
      return Op.scoped(() -> hooks.isEmpty() ? module.forward(inputs) : hooks.run(module, inputs));
    } finally {
      caller.current = parent;
    }
  }
}
