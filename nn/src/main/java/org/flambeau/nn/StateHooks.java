package org.flambeau.nn;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.flambeau.Tensor;

/// The hooks around the state dicts of a module.
final class StateHooks {
  final List<Module.StateDictPreHook> beforeSaving = new CopyOnWriteArrayList<>();
  final List<Module.StateDictPostHook> afterSaving = new CopyOnWriteArrayList<>();
  final List<Module.LoadStateDictPreHook> beforeLoading = new CopyOnWriteArrayList<>();
  final List<Module.LoadStateDictPostHook> afterLoading = new CopyOnWriteArrayList<>();

  void beforeSaving(Module module, String prefix) {
    beforeSaving.forEach(hook -> hook.before(module, prefix));
  }

  void afterSaving(Module module, StateDict state, String prefix) {
    afterSaving.forEach(hook -> hook.after(module, state, prefix));
  }

  void beforeLoading(Module module, Map<String, Tensor> state, String prefix, long version) {
    beforeLoading.forEach(hook -> hook.before(module, state, prefix, version));
  }

  void afterLoading(Module module, IncompatibleKeys keys) {
    afterLoading.forEach(hook -> hook.after(module, keys));
  }
}
