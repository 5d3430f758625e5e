package org.flambeau.nn;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.flambeau.Tensor;
import org.flambeau.spi.Strided;

/// What a module and all below it were at some time, as far as results depend on it and the library can know: which modules there are, in
/// which mode, with what parameters and buffers.
final class ModuleState {
  private record Value(Tensor tensor, WeakReference<Strided> data, int version) {
    boolean isStill(Tensor other) {
      return tensor == other && data.refersTo(other.strided()) && version == other.version();
    }
  }

  private record Part(Module module, boolean training, boolean hooked, List<Module> children, List<Value> values) {}

  private final List<Part> parts = new ArrayList<>();

  private ModuleState() {}

  static ModuleState of(Module module) {
    ModuleState state = new ModuleState();
    state.add(module);
    return state;
  }

  private void add(Module module) {
    List<Value> values = new ArrayList<>();
    module.ownTensors(tensor -> values.add(new Value(tensor, new WeakReference<>(tensor.strided()), tensor.version())));
    List<Module> children = List.copyOf(module.namedChildren().values());
    parts.add(new Part(module, module.isTraining(), module.isHooked(), children, values));
    children.forEach(this::add);
  }

  /// Whether any module had hooks.
  boolean isHooked() {
    return parts.stream().anyMatch(Part::hooked);
  }

  /// Whether a parameter or buffer lies in the memory of `tensor`.
  boolean sharesMemoryWith(Tensor tensor) {
    return parts.stream().flatMap(part -> part.values.stream())
        .anyMatch(value -> value.tensor.strided().storage() == tensor.strided().storage());
  }

  /// Whether nothing of it has changed.
  boolean isStill(Module module) {
    return parts.getFirst().module == module && parts.stream().allMatch(ModuleState::isStill);
  }

  private static boolean hasChildren(Module module, List<Module> children) {
    int at = 0;
    for (Module child : module.namedChildren().values()) {
      if (at == children.size() || children.get(at++) != child) {
        return false;
      }
    }
    return at == children.size();
  }

  private static boolean isStill(Part part) {
    Module module = part.module;
    if (module.isTraining() != part.training || module.isHooked() != part.hooked || !hasChildren(module, part.children)) {
      return false;
    }
    int[] at = {0};
    boolean[] same = {true};
    module.ownTensors(tensor -> same[0] &= at[0] < part.values.size() && part.values.get(at[0]++).isStill(tensor));
    return same[0] && at[0] == part.values.size();
  }
}
