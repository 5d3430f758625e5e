package org.flambeau.nn.optim;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.internal.ops.Captures;
import org.flambeau.internal.ops.MultiTensor;

/// Keeps the gradients of a loss in float16 from vanishing: the loss is multiplied before the backward pass, the gradients divided
/// before the step. The factor is as large as it can be without infinite gradients; a step with such gradients is left out.
///
/// ```java
/// try (var _ = Autocast.open(DType.FLOAT16)) {
///   loss = crossEntropy(model.call(images), labels);
/// }
/// scaler.scale(loss).backward();
/// scaler.unscale_(optimizer);      // only to look at gradients, or to clip them
/// scaler.step(optimizer);
/// scaler.update();
/// ```
/// Parameters, and so their gradients, are float32. BFLOAT16 has float32's range and needs no scaler. A scaler cannot be part of a
/// [org.flambeau.CudaGraph].
public final class GradScaler {
  /// How the factor begins and changes.
  ///
  /// @param initScale the factor at first
  /// @param growthFactor what it is multiplied by after `growthInterval` steps in a row with finite gradients
  /// @param backoffFactor what it is multiplied by when gradients were not finite
  /// @param enabled whether it does anything but call the optimizer
  public record Options(double initScale, double growthFactor, double backoffFactor, int growthInterval, boolean enabled) {
    public Options initScale(double initScale) {
      return new Options(initScale, growthFactor, backoffFactor, growthInterval, enabled);
    }

    public Options growthFactor(double growthFactor) {
      return new Options(initScale, growthFactor, backoffFactor, growthInterval, enabled);
    }

    public Options backoffFactor(double backoffFactor) {
      return new Options(initScale, growthFactor, backoffFactor, growthInterval, enabled);
    }

    public Options growthInterval(int growthInterval) {
      return new Options(initScale, growthFactor, backoffFactor, growthInterval, enabled);
    }

    public Options enabled(boolean enabled) {
      return new Options(initScale, growthFactor, backoffFactor, growthInterval, enabled);
    }

    private void validate() {
      if (enabled && !(growthFactor > 1)) {
        throw new IllegalArgumentException("[GradScaler] The growth factor must be > 1.0, got " + growthFactor);
      }
      if (enabled && !(backoffFactor < 1)) {
        throw new IllegalArgumentException("[GradScaler] The backoff factor must be < 1.0, got " + backoffFactor);
      }
    }
  }

  /// How far an optimizer has come since the last update.
  private static final class Progress {
    boolean stepped;
    /// Whether the gradients on each device are finite: of rank 0 there, so that nobody waits for it before the step.
    final Map<Device, Tensor> finite = new LinkedHashMap<>();

    boolean isFinite() {
      return finite.values().stream().allMatch(Tensor::toBoolean);
    }
  }

  private final IdentityHashMap<Optimizer<?>, Progress> optimizers = new IdentityHashMap<>();
  private Options options;
  private float scale;
  private long finiteSteps;
  private boolean scaled;

  /// PyTorch's: 2¹⁶, doubled after 2000 steps, halved when gradients are not finite.
  public static Options options() {
    return new Options(65536, 2, 0.5, 2000, true);
  }

  public GradScaler() {
    this(options());
  }

  public GradScaler(Options options) {
    options.validate();
    this.options = options;
    this.scale = (float) options.initScale;
  }

  public boolean isEnabled() {
    return options.enabled;
  }

  /// The factor now; 1 where it is not enabled.
  public double getScale() {
    return options.enabled ? scale : 1;
  }

  /// The loss, or another result that a backward pass starts from, times the factor.
  public Tensor scale(Tensor outputs) {
    if (!options.enabled) {
      return outputs;
    }
    refuseInCapture();
    scaled = true;
    return outputs.mul(Tensor.scalar(scale));
  }

  /// Divides the gradients of the optimizer's parameters by the factor, and notes whether they are finite. Once per step, when all
  /// gradients have been added up.
  ///
  /// @throws IllegalStateException if it has been called since the last update, or nothing was scaled
  /// @throws IllegalArgumentException if a gradient is float16: autocast leaves parameters float32
  public void unscale_(Optimizer<?> optimizer) {
    if (!options.enabled) {
      return;
    }
    requireScaled("unscale_");
    Progress progress = optimizers.get(optimizer);
    if (progress != null) {
      throw new IllegalStateException(progress.stepped
          ? "[GradScaler] unscale_() is being called after step()."
          : "[GradScaler] unscale_() has already been called on this optimizer since the last update().");
    }
    for (ParameterGroup<?> group : optimizer.parameterGroups()) {
      for (Tensor parameter : group.parameters()) {
        Tensor grad = parameter.grad();
        if (grad != null && grad.dtype() == DType.FLOAT16) {
          throw new IllegalArgumentException("[GradScaler] Attempting to unscale FP16 gradients: keep the parameters in float32");
        }
      }
    }
    optimizers.put(optimizer, unscaled(optimizer));
  }

  private Progress unscaled(Optimizer<?> optimizer) {
    Progress progress = new Progress();
    Map<Device, List<Tensor>> gradients = new LinkedHashMap<>();
    for (ParameterGroup<?> group : optimizer.parameterGroups()) {
      for (Tensor parameter : group.parameters()) {
        Tensor grad = parameter.grad();
        if (grad != null) {
          gradients.computeIfAbsent(grad.device(), _ -> new ArrayList<>()).add(grad);
        }
      }
    }
    Tensor inverse = Tensor.scalar((float) (1 / (double) scale));
    try (var _ = GradMode.noGrad(); var _ = MemoryScope.open()) {
      gradients.forEach((device, grads) -> {
        progress.finite.put(device, MemoryScope.escape(MultiTensor.norm(grads, Double.POSITIVE_INFINITY).isfinite()));
        MultiTensor.scale_(grads, inverse);
      });
    }
    return progress;
  }

  /// Takes a step of the optimizer if its gradients are finite, and divides them before that where [#unscale_] was not called.
  ///
  /// @return whether the step was taken
  /// @throws IllegalStateException if it has been called since the last update, or nothing was scaled
  public boolean step(Optimizer<?> optimizer) {
    if (!options.enabled) {
      optimizer.step();
      return true;
    }
    requireScaled("step");
    Progress progress = optimizers.get(optimizer);
    if (progress == null) {
      unscale_(optimizer);
      progress = optimizers.getOrDefault(optimizer, new Progress());
    }
    if (progress.stepped) {
      throw new IllegalStateException("[GradScaler] step() has already been called since the last update().");
    }
    if (progress.finite.isEmpty()) {
      throw new IllegalStateException("[GradScaler] No inf checks were recorded for this optimizer: none of its parameters has a gradient");
    }
    boolean finite = progress.isFinite();
    if (finite) {
      optimizer.step();
    }
    progress.stepped = true;
    return finite;
  }

  /// Makes the factor smaller where gradients were not finite, larger after enough steps where they were. Once per iteration, after
  /// the steps of all optimizers.
  ///
  /// @throws IllegalStateException if no gradients were looked at
  public void update() {
    if (!options.enabled) {
      return;
    }
    requireScaled("update");
    if (optimizers.values().stream().allMatch(progress -> progress.finite.isEmpty())) {
      throw new IllegalStateException("[GradScaler] No inf checks were recorded prior to update.");
    }
    if (!optimizers.values().stream().allMatch(Progress::isFinite)) {
      scale = (float) (scale * options.backoffFactor);
      finiteSteps = 0;
    } else if (++finiteSteps == options.growthInterval) {
      float grown = (float) (scale * options.growthFactor);
      scale = Float.isFinite(grown) ? grown : scale;
      finiteSteps = 0;
    }
    optimizers.clear();
  }

  /// Sets the factor.
  public void update(double newScale) {
    if (options.enabled) {
      requireScaled("update");
      scale = (float) newScale;
      optimizers.clear();
    }
  }

  private static void refuseInCapture() {
    Captures.refuse("GradScaler",
        "by the gradients, the host decides whether to step and what the factor is from then on. Train in BFLOAT16, "
            + "which needs no factor, or without a graph");
  }

  private void requireScaled(String method) {
    refuseInCapture();
    if (!scaled) {
      throw new IllegalStateException("[GradScaler] Attempted " + method + " but nothing was scaled. This may indicate your script did not "
          + "use scaler.scale(loss or outputs) earlier in the iteration.");
    }
  }

  /// The factor and how it changes, by the names of PyTorch's `state_dict()`; empty where it is not enabled. After [#update()].
  public Map<String, Object> stateDict() {
    Map<String, Object> state = new LinkedHashMap<>();
    if (options.enabled) {
      state.put("scale", (double) scale);
      state.put("growth_factor", options.growthFactor);
      state.put("backoff_factor", options.backoffFactor);
      state.put("growth_interval", (long) options.growthInterval);
      state.put("_growth_tracker", finiteSteps);
    }
    return state;
  }

  /// Continues from where [#stateDict()], or that of PyTorch's scaler, had come.
  ///
  /// @throws IllegalArgumentException if it is empty, or something is missing
  public void loadStateDict(Map<?, ?> stateDict) {
    if (!options.enabled) {
      return;
    }
    if (stateDict.isEmpty()) {
      throw new IllegalArgumentException(
          "[GradScaler] The source state dict is empty, possibly because it was saved from a disabled instance "
              + "of GradScaler.");
    }
    SavedSchedule saved = new SavedSchedule("GradScaler", stateDict);
    float loaded = (float) saved.number("scale");
    Options restored = options.growthFactor(saved.number("growth_factor")).backoffFactor(saved.number("backoff_factor"))
        .growthInterval((int) saved.number("growth_interval"));
    finiteSteps = (long) saved.number("_growth_tracker");
    scale = loaded;
    options = restored;
  }
}
