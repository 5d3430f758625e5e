package org.flambeau.nn.optim;

import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import org.flambeau.Device;
import org.flambeau.Tensor;

/// Counts one step of the parameters of a group, in their states `step`, which are float32 as in PyTorch.
///
/// On the host each parameter has a count of its own. In a capturable group counts lie on the parameters' device, where a replayed graph counts on,
/// and parameters that have taken the same steps share one: so many parameters take one kernel to count and one to update.
final class StepCounts {
  /// A count that is not yet on the device where it belongs.
  private record Missing(Device device, double steps) {}

  private final Optimizer<?> optimizer;
  private final boolean capturable;
  /// Counts of parameters that take no step now.
  private final Set<Tensor> resting = Collections.newSetFromMap(new IdentityHashMap<>());
  private final IdentityHashMap<Tensor, Tensor> counted = new IdentityHashMap<>();
  private final Map<Missing, Tensor> made = new HashMap<>();
  private final Map<Double, Tensor> numbers = new HashMap<>();

  StepCounts(Optimizer<?> optimizer, ParameterGroup<?> group) {
    this.optimizer = optimizer;
    this.capturable = group.options().capturable();
    if (capturable) {
      for (Tensor parameter : group.parameters()) {
        Tensor steps = optimizer.state(parameter, Optimizer.STEP);
        if (steps != null && parameter.grad() == null) {
          resting.add(steps);
        }
      }
    }
  }

  /// The steps of `parameter`, this one included: of rank 0, the same tensor for all that have taken as many.
  Tensor count(Tensor parameter) {
    Device device = parameter.device();
    if (!capturable || device.equals(Device.CPU)) {
      return numbers.computeIfAbsent(optimizer.countStep(parameter), Tensor::scalar);
    }
    Tensor before = optimizer.state(parameter, Optimizer.STEP);
    Tensor steps;
    if (before != null && before.device().equals(device)) {
      steps = counted.computeIfAbsent(before, this::next);
    } else {
      optimizer.refuseNewInCapture(Optimizer.STEP);
      steps = made.computeIfAbsent(new Missing(device, before == null ? 0 : before.toDouble()), StepCounts::first);
    }
    return steps == before ? steps : optimizer.remember(parameter, Optimizer.STEP, steps);
  }

  private static Tensor first(Missing missing) {
    return Tensor.scalar((float) missing.steps + 1).to(missing.device);
  }

  private Tensor next(Tensor steps) {
    return resting.contains(steps) ? steps.add(1) : steps.add_(1);
  }
}
