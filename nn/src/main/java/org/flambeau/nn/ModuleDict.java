package org.flambeau.nn;

import java.util.Map;

/// Modules by name, in the order in which they were put, which the parent's `forward` calls as it likes.
///
/// ```java
/// final ModuleDict heads = child("heads", new ModuleDict().put("class", new Linear(64, 10)).put("box", new Linear(64, 4)));
/// ```
public final class ModuleDict extends Module {
  /// Without modules.
  public ModuleDict() {}

  /// With `modules`, in the map's order.
  public ModuleDict(Map<String, ? extends Module> modules) {
    modules.forEach(this::put);
  }

  /// Adds a module at the end, or in the place of the one that has this name.
  ///
  /// @return this
  public ModuleDict put(String name, Module module) {
    if (contains(name)) {
      replace(name, module);
    } else {
      child(name, module);
    }
    return this;
  }

  /// The module of this name.
  ///
  /// @throws IllegalArgumentException if there is none
  public Module get(String name) {
    Module module = namedChildren().get(name);
    if (module == null) {
      throw new IllegalArgumentException("[ModuleDict] has no module \"" + name + "\", but " + namedChildren().keySet());
    }
    return module;
  }

  /// Whether it has a module of this name.
  public boolean contains(String name) {
    return namedChildren().containsKey(name);
  }

  /// How many modules it has.
  public int size() {
    return namedChildren().size();
  }
}
