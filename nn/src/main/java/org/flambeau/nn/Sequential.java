package org.flambeau.nn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Op;

/// Modules one after the other, each called with the result of the one before it, by the rules of [#chain]: none of them may keep what it was given
/// for a later one. The modules of a sequence inside are a part of the chain.
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

  /// Modules named `0`, `1`, ….
  public Sequential(Iterable<? extends Module> modules) {
    modules.forEach(this::append);
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
    addModules(steps);
    return Op.chain(x, steps);
  }

  private void addModules(List<UnaryOperator<Tensor>> steps) {
    List<Module> modules = List.copyOf(namedChildren().values());
    for (int i = 0; i < modules.size(); i++) {
      Module module = modules.get(i);
      Module next = i + 1 < modules.size() ? modules.get(i + 1) : null;
      if (module instanceof Conv2d conv && next instanceof BatchNorm2d norm) {
        ReLU relu = i + 2 < modules.size() && modules.get(i + 2) instanceof ReLU activation ? activation : null;
        steps.add(result -> ConvNorm.call(conv, norm, null, relu, result));
        i += relu == null ? 1 : 2;
      } else if (module instanceof Linear linear && next instanceof GELU gelu && gelu.isExact()) {
        steps.add(result -> linear.callAndActivate(gelu, result));
        i++;
      } else if (module instanceof Sequential inner) {
        addStep(steps, step(inner));
      } else {
        steps.add(module::call);
      }
    }
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
    List<UnaryOperator<Tensor>> all = new ArrayList<>();
    for (UnaryOperator<Tensor> step : steps) {
      addStep(all, step);
    }
    return Op.chain(x, all);
  }

  /// `sequence` as a step of [#chain]. Where a call of it would be those of its modules and nothing else, each of them is a step: what the step before
  /// `sequence` gave is not held until all of them are done.
  public static UnaryOperator<Tensor> step(Sequential sequence) {
    return new Whole(sequence);
  }

  private record Whole(Sequential sequence) implements UnaryOperator<Tensor> {
    @Override
    public Tensor apply(Tensor x) {
      return sequence.call(x);
    }

    /// Not where the module that runs calls others in the place of some of them, which the sequence does not.
    boolean isItsModules() {
      return sequence.getClass() == Sequential.class && sequence.isCalledPlainly() && sequence.compiled() == null
          && sequence.namedChildren().values().stream().noneMatch(ModuleCalls::isReplaced);
    }
  }

  private static void addStep(List<UnaryOperator<Tensor>> steps, UnaryOperator<Tensor> step) {
    if (step instanceof Whole whole && whole.isItsModules()) {
      whole.sequence.addModules(steps);
    } else {
      steps.add(step);
    }
  }
}
