package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Changes parameters by their gradients.
///
/// ```java
/// optimizer.zeroGrad();
/// lossOf(batch).backward();
/// optimizer.step();
/// ```
/// Parameters stand in groups, each with options of its own. What an optimizer remembers of a parameter from step to step
/// is the parameter's state, and outlives memory scopes.
///
/// @param <O> the options of its groups
public abstract class Optimizer<O extends OptimizerOptions<O>> {
  private static final Logger LOG = LoggerFactory.getLogger(Optimizer.class);

  private final List<ParameterGroup<O>> groups = new ArrayList<>();
  private final Map<Tensor, Map<String, Tensor>> states = new IdentityHashMap<>();

  /// An optimizer of one group of parameters; more can be added.
  ///
  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  protected Optimizer(Iterable<Tensor> parameters, O options) {
    options.validate();
    List<Tensor> list = listOf(parameters);
    if (list.isEmpty()) {
      throw new IllegalArgumentException("[" + name() + "] optimizer got an empty parameter list");
    }
    addParameterGroup(list, options);
  }

  private static List<Tensor> listOf(Iterable<Tensor> parameters) {
    List<Tensor> list = new ArrayList<>();
    parameters.forEach(list::add);
    return list;
  }

  private String name() {
    return getClass().getSimpleName();
  }

  /// Adds parameters with options of their own, as for layers that thaw or learn more slowly.
  ///
  /// @throws IllegalArgumentException if one is not a leaf, or in another group already
  public final void addParameterGroup(Iterable<Tensor> parameters, O options) {
    options.validate();
    List<Tensor> list = listOf(parameters);
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Tensor parameter : list) {
      if (!parameter.isLeaf()) {
        throw new IllegalArgumentException("[" + name() + "] can't optimize a non-leaf Tensor");
      }
      if (!seen.add(parameter)) {
        LOG.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause an error");
      }
    }
    for (ParameterGroup<O> group : groups) {
      for (Tensor parameter : group.parameters()) {
        if (seen.contains(parameter)) {
          throw new IllegalArgumentException("[" + name() + "] some parameters appear in more than one parameter group");
        }
      }
    }
    groups.add(new ParameterGroup<>(list, options));
  }

  /// The groups, in the order of adding.
  public final List<ParameterGroup<O>> parameterGroups() {
    return Collections.unmodifiableList(groups);
  }

  /// Sets the gradients of all parameters to null.
  public final void zeroGrad() {
    zeroGrad(true);
  }

  /// Sets the gradients of all parameters to null or, where `setToNull` is false, to zeros in place.
  public final void zeroGrad(boolean setToNull) {
    for (ParameterGroup<O> group : groups) {
      for (Tensor parameter : group.parameters()) {
        Tensor grad = parameter.grad();
        if (grad == null) {
          continue;
        }
        if (setToNull) {
          parameter.setGrad(null);
        } else {
          (grad.gradFn() == null ? grad.requiresGrad_(false) : grad.detach_()).zero_();
        }
      }
    }
  }

  /// Changes every parameter that has a gradient.
  public final void step() {
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      for (ParameterGroup<O> group : groups) {
        update(group, group.parameters().stream().filter(parameter -> parameter.grad() != null).toList());
      }
    }
  }

  /// Computes the gradients with `closure`, which returns the loss, and takes a step.
  ///
  /// @return the loss
  public final Tensor step(Supplier<Tensor> closure) {
    Tensor loss;
    try (var _ = GradMode.enableGrad()) {
      loss = closure.get();
    }
    step();
    return loss;
  }

  /// Changes those parameters of a group that have a gradient. Nothing is recorded, and what it makes is freed when it
  /// returns, but for states.
  protected abstract void update(ParameterGroup<O> group, List<Tensor> parameters);

  /// What it remembers of `parameter`, by PyTorch's names; empty before the first step.
  public final Map<String, Tensor> state(Tensor parameter) {
    return Collections.unmodifiableMap(states.getOrDefault(parameter, Map.of()));
  }

  /// What it remembers of `parameter` under `name`, or null.
  protected final @Nullable Tensor state(Tensor parameter, String name) {
    Map<String, Tensor> state = states.get(parameter);
    return state == null ? null : state.get(name);
  }

  /// Remembers `value`, beyond the memory scope in which it was made.
  protected final Tensor remember(Tensor parameter, String name, Tensor value) {
    states.computeIfAbsent(parameter, _ -> new LinkedHashMap<>()).put(name, MemoryScope.escape(value));
    return value;
  }

  @Override
  public final String toString() {
    StringBuilder text = new StringBuilder(name()).append(" (\n");
    for (int i = 0; i < groups.size(); i++) {
      text.append("Parameter Group ").append(i).append('\n');
      groups.get(i).options().describe().forEach((key, value) -> text.append("    ").append(key).append(": ").append(value).append('\n'));
    }
    return text.append(')').toString();
  }
}
