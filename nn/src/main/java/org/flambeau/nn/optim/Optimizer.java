package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Supplier;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Captures;
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

  static final String STEP = "step";

  private final List<ParameterGroup<O>> groups = new ArrayList<>();
  /// Tensors by name for each parameter, but for [Lbfgs], which has lists and numbers, too.
  private final Map<Tensor, Map<String, Object>> states = new IdentityHashMap<>();
  private boolean stepped;

  /// An optimizer of one group of parameters; more can be added.
  ///
  /// @throws IllegalArgumentException if there are no parameters, or the options make no sense
  protected Optimizer(Iterable<Tensor> parameters, O options) {
    ParameterGroup<O> group = new ParameterGroup<>(parameters, options);
    options.validate();
    this(group.parameters().isEmpty() ? List.of() : List.of(group));
  }

  /// An optimizer of several groups, each with its options.
  ///
  /// @throws IllegalArgumentException if there are no groups, options make no sense, or a parameter is in two of them
  protected Optimizer(List<ParameterGroup<O>> groups) {
    if (groups.isEmpty()) {
      throw new IllegalArgumentException("[" + name() + "] optimizer got an empty parameter list: a module lists what it declares by "
          + "parameter(...), and that of modules it declares by child(...)");
    }
    groups.forEach(group -> addParameterGroup(group.parameters(), group.options()));
  }

  private String name() {
    return getClass().getSimpleName();
  }

  /// Adds parameters with options of their own, as for layers that thaw or learn more slowly.
  ///
  /// @throws IllegalArgumentException if one is not a leaf, or in another group already
  public final void addParameterGroup(Iterable<Tensor> parameters, O options) {
    options.validate();
    ParameterGroup<O> added = new ParameterGroup<>(parameters, options);
    Set<Tensor> seen = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Tensor parameter : added.parameters()) {
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
    added.parameters().forEach(parameter -> begin(parameter, options));
    groups.add(added);
  }

  /// Called with each parameter of a new group, for states that are there before the first step.
  void begin(Tensor parameter, O options) {}

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
  ///
  /// @throws IllegalStateException while a [org.flambeau.CudaGraph] is captured, if options are not capturable, or if a parameter takes its
  /// first step
  public final void step() {
    if (!groups.stream().allMatch(group -> group.options().capturable())) {
      Captures.refuse(name(), "the learning rate and the count of steps would stay those of the recording, since options of its groups are "
          + "not capturable. Set capturable(true), or step after the replay");
    }
    noteStep();
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      for (ParameterGroup<O> group : groups) {
        update(group, group.parameters().stream().filter(parameter -> parameter.grad() != null).toList());
      }
    }
  }

  /// Notes that it takes a step.
  final void noteStep() {
    stepped = true;
  }

  /// Whether it has taken a step, for schedulers that should come after it.
  boolean hasStepped() {
    return stepped;
  }

  /// Computes the gradients with `closure`, which returns the loss, and takes a step.
  ///
  /// @return the loss
  public Tensor step(Supplier<Tensor> closure) {
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

  /// What it remembers of `parameter`, by PyTorch's names; empty before the first step, but for [Adagrad].
  public final Map<String, Tensor> state(Tensor parameter) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    states.getOrDefault(parameter, Map.of()).forEach((name, value) -> {
      if (value instanceof Tensor tensor) {
        tensors.put(name, tensor);
      }
    });
    return Collections.unmodifiableMap(tensors);
  }

  /// All that it remembers of `parameter`, to be changed.
  final Map<String, Object> memory(Tensor parameter) {
    return states.computeIfAbsent(parameter, _ -> new LinkedHashMap<>());
  }

  /// What it remembers of `parameter` under `name`, or null.
  protected final @Nullable Tensor state(Tensor parameter, String name) {
    return states.getOrDefault(parameter, Map.of()).get(name) instanceof Tensor tensor ? tensor : null;
  }

  /// Remembers `value`, beyond the memory scope in which it was made.
  ///
  /// @throws IllegalStateException while a graph is captured
  protected final Tensor remember(Tensor parameter, String name, Tensor value) {
    refuseNewInCapture(name);
    memory(parameter).put(name, MemoryScope.escape(value));
    return value;
  }

  final void refuseNewInCapture(String state) {
    Captures.refuse(name(),
        "each replay would make the state \"" + state + "\" of a parameter anew; before the capture, take a step in which "
            + "the same parameters have gradients");
  }

  /// What it remembers of `parameter` under `name`: zeros at first, laid out like the parameter.
  protected final Tensor stateOrZeros(Tensor parameter, String name) {
    Tensor state = state(parameter, name);
    return state != null ? state : remember(parameter, name, parameter.zerosLike());
  }

  /// What the formulas call g: the gradient, negated where `maximize`, plus weightDecay·p.
  static Tensor direction(Tensor parameter, Tensor grad, boolean maximize, double weightDecay) {
    Tensor direction = maximize ? grad.neg() : grad;
    return weightDecay == 0 ? direction : direction.add(parameter, weightDecay);
  }

  /// p ← p − rate·direction, rounded once where the rate is a number of the host.
  static void descend(Tensor parameter, Tensor rate, Tensor direction) {
    if (rate.device().equals(Device.CPU)) {
      parameter.add_(direction, -rate.toDouble());
    } else {
      parameter.sub_(direction.mul(rate));
    }
  }

  /// p ← p − rate·direction/divisor, likewise.
  static void descend(Tensor parameter, Tensor rate, Tensor direction, Tensor divisor) {
    if (rate.device().equals(Device.CPU)) {
      parameter.addcdiv_(direction, divisor, -rate.toDouble());
    } else {
      parameter.sub_(direction.div(divisor).mul_(rate));
    }
  }

  /// Counts a step of `parameter` in its state `step`, on the host and in float32, as PyTorch does.
  ///
  /// @return the steps so far, this one included
  protected final double countStep(Tensor parameter) {
    Tensor step = state(parameter, STEP);
    if (step == null || !step.device().equals(Device.CPU)) {
      step = remember(parameter, STEP, step == null ? Tensor.scalar(0f) : step.to(Device.CPU));
    }
    return step.add_(1).toDouble();
  }

  // ---- saving and loading ----

  /// States and options in the structure of PyTorch's `state_dict()`, ready for a `.pth` file:
  /// ```
  /// {"state": {0: {"step": …, "exp_avg": …}, …}, "param_groups": [{"lr": …, "params": [0, 1]}, …]}
  /// ```
  /// Parameters are numbered in the order of the groups. The tensors are the states themselves, which the next step changes,
  /// but for counts of steps on a device, which are copied to the host.
  public final Map<String, Object> stateDict() {
    Map<Long, Map<String, Object>> saved = new LinkedHashMap<>();
    List<Map<String, Object>> savedGroups = new ArrayList<>();
    Map<Tensor, Long> numbers = new IdentityHashMap<>();
    long position = 0;
    for (ParameterGroup<O> group : groups) {
      List<Long> members = new ArrayList<>();
      for (Tensor parameter : group.parameters()) {
        long number = Objects.requireNonNullElse(numbers.putIfAbsent(parameter, position), position);
        position++;
        members.add(number);
        Map<String, Object> state = states.get(parameter);
        if (state != null) {
          Map<String, Object> copy = new LinkedHashMap<>(state);
          copy.computeIfPresent(STEP, (_, steps) -> ((Tensor) steps).to(Device.CPU)); // PyTorch counts each parameter's own
          saved.put(number, copy);
        }
      }
      Map<String, Object> savedGroup = new LinkedHashMap<>(group.options().describe());
      savedGroup.putAll(group.schedule());
      savedGroup.put("params", members);
      savedGroups.add(savedGroup);
    }
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("state", saved);
    all.put("param_groups", savedGroups);
    return all;
  }

  /// Continues from what [#stateDict()], or PyTorch's `state_dict()`, returned of an optimizer of as many parameters in as many groups.
  /// States are copied; where something does not fit, nothing changes.
  ///
  /// @throws IllegalArgumentException if groups, parameters, sizes or options do not match
  /// @throws IllegalStateException while a CUDA graph is being captured
  public final void loadStateDict(Map<?, ?> stateDict) {
    Captures.refuse("load_state_dict", "each replay would go back to what was loaded; load before the capture");
    List<?> savedGroups = entry(stateDict, "param_groups", List.class);
    Map<?, ?> saved = entry(stateDict, "state", Map.class);
    if (savedGroups.size() != groups.size()) {
      throw new IllegalArgumentException("[" + name() + "] loaded state dict has a different number of parameter groups: expected "
          + groups.size() + ", got " + savedGroups.size());
    }
    List<Map<?, ?>> loadedGroups = new ArrayList<>();
    List<O> loadedOptions = new ArrayList<>();
    Map<Long, Tensor> numbered = new HashMap<>();
    for (int i = 0; i < groups.size(); i++) {
      String where = "[" + name() + "] group " + i + " of the loaded state dict";
      if (!(savedGroups.get(i) instanceof Map<?, ?> savedGroup && savedGroup.get("params") instanceof List<?> members)) {
        throw new IllegalArgumentException(where + " has no list \"params\"");
      }
      List<Tensor> parameters = groups.get(i).parameters();
      if (members.size() != parameters.size()) {
        throw new IllegalArgumentException("[" + name() + "] loaded state dict contains a parameter group that doesn't match the size of "
            + "optimizer's group: group " + i + " has " + parameters.size() + " parameters, but " + members.size() + " were saved");
      }
      for (int j = 0; j < members.size(); j++) {
        if (members.get(j) instanceof Number number) {
          numbered.put(number.longValue(), parameters.get(j));
        }
      }
      loadedGroups.add(savedGroup);
      O options = groups.get(i).options().restore(new SavedOptions(savedGroup, where));
      options.validateBesideLr();
      loadedOptions.add(options);
    }
    Map<Tensor, Map<String, Object>> loaded = new IdentityHashMap<>();
    saved.forEach((number, state) -> {
      Tensor parameter = number instanceof Number n ? numbered.get(n.longValue()) : null;
      if (parameter != null && state instanceof Map<?, ?> values) {
        loaded.put(parameter, copyOf(values, parameter, number));
      }
    });
    states.clear();
    states.putAll(loaded);
    for (int i = 0; i < groups.size(); i++) {
      groups.get(i).setOptions(loadedOptions.get(i));
      loadSchedule(groups.get(i), loadedGroups.get(i));
    }
  }

  private <T> T entry(Map<?, ?> stateDict, String key, Class<T> type) {
    Object value = stateDict.get(key);
    if (!type.isInstance(value)) {
      throw new IllegalArgumentException(
          "[" + name() + "] expected the state dict of an optimizer, with \"state\" and \"param_groups\", but got "
              + stateDict.keySet());
    }
    return type.cast(value);
  }

  /// A copy of what was saved of `parameter`, which had this number.
  Map<String, Object> copyOf(Map<?, ?> values, Tensor parameter, Object number) {
    Map<String, Object> state = new LinkedHashMap<>();
    try (var _ = GradMode.noGrad()) {
      values.forEach((key, value) -> {
        String name = String.valueOf(key);
        if (value instanceof Number count) {
          state.put(name, MemoryScope.escape(Tensor.scalar(count.floatValue())));
        } else if (value instanceof Tensor tensor && name.equals(STEP)) {
          state.put(name, MemoryScope.escape(tensor.to(Device.CPU).clone()));
        } else if (value instanceof Tensor tensor) {
          if (!Arrays.equals(tensor.sizes(), parameter.sizes())) {
            throw new IllegalArgumentException("[" + name() + "] state \"" + name + "\" of parameter " + number + " has sizes "
                + Arrays.toString(tensor.sizes()) + ", but the parameter has " + Arrays.toString(parameter.sizes()));
          }
          state.put(name, MemoryScope.escape(parameter.zerosLike()).copy_(tensor));
        }
      });
    }
    return state;
  }

  private static void loadSchedule(ParameterGroup<?> group, Map<?, ?> saved) {
    Set<String> options = group.options().describe().keySet();
    group.schedule().clear();
    saved.forEach((key, value) -> {
      Double number = SavedOptions.numberIn(value);
      if (key instanceof String name && number != null && !options.contains(name)) {
        group.schedule().put(name, number);
      }
    });
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
