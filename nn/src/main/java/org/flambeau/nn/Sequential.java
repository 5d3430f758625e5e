package org.flambeau.nn;

import java.util.List;
import java.util.Map;
import org.flambeau.Tensor;

/// Modules one after the other, each called with the result of the one before it.
///
/// ```java
/// new Sequential(new Linear(784, 128), new ReLU(), new Linear(128, 10));
/// ```
public class Sequential extends Module {
  /// Modules named `0`, `1`, ….
  public Sequential(Module... modules) {
    for (Module module : modules) {
      append(module);
    }
  }

  /// Modules with names; a [java.util.LinkedHashMap] keeps their order.
  public Sequential(Map<String, ? extends Module> modules) {
    modules.forEach(this::child);
  }

  /// Adds a module at the end, named by its number.
  public final Sequential append(Module module) {
    child(Integer.toString(size()), module);
    return this;
  }

  /// How many modules it has.
  public final int size() {
    return namedChildren().size();
  }

  /// The module `index`; a negative index counts from the end.
  public final Module get(int index) {
    return ModuleList.get(this, index);
  }

  @Override
  protected Tensor forward(Tensor x) {
    Tensor result = x;
    List<Module> modules = List.copyOf(namedChildren().values());
    for (int i = 0; i < modules.size(); i++) {
      boolean folds = i + 1 < modules.size() && modules.get(i) instanceof Conv2d && modules.get(i + 1) instanceof BatchNorm2d;
      result = folds
          ? ConvNorm.call((Conv2d) modules.get(i), (BatchNorm2d) modules.get(++i), result)
          : modules.get(i).call(result);
    }
    return result;
  }
}
