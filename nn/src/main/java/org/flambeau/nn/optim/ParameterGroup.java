package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.CudaGraph;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Captures;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Parameters that an optimizer updates by the same options.
///
/// @param <O> the optimizer's options
public final class ParameterGroup<O extends OptimizerOptions<O>> {
  private static final Logger LOG = LoggerFactory.getLogger(ParameterGroup.class);

  private final List<Tensor> parameters;
  private final Map<String, Double> schedule = new LinkedHashMap<>();
  private final Map<Device, Tensor> rates = new HashMap<>();
  private O options;
  private boolean captured;

  /// Parameters for an optimizer to be made of several groups:
  /// ```java
  /// var options = Sgd.options().lr(0.01).momentum(0.9);
  /// new Sgd(List.of(new ParameterGroup<>(backbone, options), new ParameterGroup<>(head, options.lr(0.1))));
  /// ```
  /// The optimizer has groups of its own, made of these: [Optimizer#parameterGroups()].
  public ParameterGroup(Iterable<Tensor> parameters, O options) {
    List<Tensor> list = new ArrayList<>();
    parameters.forEach(list::add);
    this.parameters = List.copyOf(list);
    this.options = options;
  }

  public List<Tensor> parameters() {
    return parameters;
  }

  public O options() {
    return options;
  }

  /// Replaces the options from the next step on. The learning rate of a capturable group reaches graphs too, from the next replay on.
  ///
  /// @throws IllegalStateException while a graph is captured
  public void setOptions(O options) {
    Captures.refuse("set_options", "each replay would set the options of the recording; change them, and step schedulers, between replays");
    options.validateBesideLr();
    if (captured && !options.equals(this.options.lr(options.lr()))) {
      LOG.warn("Options of a parameter group changed whose step is part of a captured graph: only the learning rate reaches replays");
      captured = false;
    }
    this.options = options;
    rates.values().forEach(rate -> rate.fill_(options.lr()));
  }

  /// What schedulers note down of the group, by PyTorch's names; saved and loaded with it.
  Map<String, Double> schedule() {
    return schedule;
  }

  /// The learning rate.
  public double lr() {
    return options.lr();
  }

  /// The learning rate as an operand of rank 0: a number of the host or, where the group is capturable, a tensor on the GPU `device`, which
  /// changes of the learning rate are written to.
  ///
  /// @throws IllegalStateException while a graph is captured, if there is none on `device` yet
  public Tensor lr(Device device) {
    if (!options.capturable() || device.equals(Device.CPU)) {
      return Tensor.scalar(options.lr());
    }
    captured |= CudaGraph.isCapturing();
    return rates.computeIfAbsent(device, this::lrOn);
  }

  private Tensor lrOn(Device device) {
    Captures.refuse("step", "the learning rate is brought to the device by the optimizer's first step there; take one before the capture");
    return MemoryScope.escape(Tensor.scalar(options.lr()).to(device));
  }

  /// Changes the momentum from the next step on, where the optimizer has one.
  void setMomentum(double momentum) {
    if (options instanceof MomentumOptions<?> cycled) {
      @SuppressWarnings("unchecked") // a changed copy is of the options' own type
      O changed = (O) cycled.momentum(momentum);
      setOptions(changed);
    }
  }

  /// Changes the learning rate, to any, from the next step on.
  public void setLr(double lr) {
    setOptions(options.lr(lr));
  }
}
