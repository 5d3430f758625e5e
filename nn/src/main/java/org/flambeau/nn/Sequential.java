package org.flambeau.nn;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Op;

/// Modules one after the other, each called with the result of the one before it, by the rules of [#chain].
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
    List<UnaryOperator<Tensor>> steps = new ArrayList<>();
    List<Module> modules = List.copyOf(namedChildren().values());
    for (int i = 0; i < modules.size(); i++) {
      Module module = modules.get(i);
      if (module instanceof Conv2d conv && i + 1 < modules.size() && modules.get(i + 1) instanceof BatchNorm2d norm) {
        steps.add(result -> ConvNorm.call(conv, norm, result));
        i++;
      } else {
        steps.add(module::call);
      }
    }
    return Op.chain(x, steps);
  }

  /// What `steps` make of `x` one after the other, for the `forward` of modules that are no [Sequential] and yet a chain.
  ///
  /// ```java
  /// return Sequential.chain(x, conv::call, y -> y.flatten(1, -1), fc::call);
  /// ```
  /// It is what calling them is, and takes less memory: a call inside a memory scope frees its temporaries when it ends, but what a step of a
  /// chain gave as soon as the next has used it, unless that saved it for the backward pass, or a hook has seen it. So no step may keep what
  /// it got or gave for a later one.
  @SafeVarargs
  public static Tensor chain(Tensor x, UnaryOperator<Tensor>... steps) {
    return Op.chain(x, Arrays.stream(steps).toList());
  }
}
