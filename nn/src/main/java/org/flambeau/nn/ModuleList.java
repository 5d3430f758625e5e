package org.flambeau.nn;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/// Modules in a list, named `0`, `1`, …, which the parent's `forward` calls as it likes.
public final class ModuleList extends Module implements Iterable<Module> {
  /// A list of `modules`.
  public ModuleList(Module... modules) {
    this(List.of(modules));
  }

  /// A list of `modules`.
  public ModuleList(Iterable<? extends Module> modules) {
    modules.forEach(this::append);
  }

  /// Adds a module at the end.
  public ModuleList append(Module module) {
    child(Integer.toString(size()), module);
    return this;
  }

  /// How many modules it has.
  public int size() {
    return namedChildren().size();
  }

  /// The module `index`; a negative index counts from the end.
  public Module get(int index) {
    return get(this, index);
  }

  static Module get(Module list, int index) {
    int size = list.namedChildren().size();
    if (index < -size || index >= size) {
      throw new IndexOutOfBoundsException("[" + list.name() + "] index " + index + " is out of range for " + size + " modules");
    }
    return List.copyOf(list.namedChildren().values()).get(index < 0 ? index + size : index);
  }

  @Override
  public Iterator<Module> iterator() {
    return namedChildren().values().iterator();
  }

  /// Neighbours that print alike share a line: `(0-2): 3 x ReLU()`.
  @Override
  List<String> childLines(Map<String, Module> children) {
    List<String> modules = children.values().stream().map(Module::toString).toList();
    List<String> lines = new ArrayList<>();
    for (int first = 0, next; first < modules.size(); first = next) {
      next = first + 1;
      while (next < modules.size() && modules.get(next).equals(modules.get(first))) {
        next++;
      }
      int count = next - first;
      lines.add(count == 1
          ? "(" + first + "): " + modules.get(first)
          : "(" + first + "-" + (next - 1) + "): " + count + " x " + modules.get(first));
    }
    return lines;
  }
}
