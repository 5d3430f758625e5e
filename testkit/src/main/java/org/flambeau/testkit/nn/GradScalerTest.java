package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.nn.Functional;
import org.flambeau.nn.optim.GradScaler;
import org.flambeau.nn.optim.Sgd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// The scaler goes where PyTorch's goes, and leaves out the steps that PyTorch's leaves out.
final class GradScalerTest {
  private final Tensor p = Tensor.of(1.5f, -0.25f).requiresGrad_(true);
  private final Sgd sgd = new Sgd(List.of(p), Sgd.options().lr(0.125).momentum(0.5));
  private final GradScaler scaler = new GradScaler(
      GradScaler.options().initScale(1024).growthFactor(4).backoffFactor(0.25).growthInterval(3));

  private void backward(double planted) {
    sgd.zeroGrad();
    Tensor loss = planted == 1e38 ? p.mul(planted).sum() : p.mul(p).mul(planted).sum();
    scaler.scale(loss).backward();
  }

  private static void assertFails(String message, Executable call) {
    RuntimeException e = assertThrows(RuntimeException.class, call);
    assertTrue(String.valueOf(e.getMessage()).startsWith("[GradScaler] " + message), e.getMessage());
  }

  @Test
  void ten_steps_with_planted_infinities_go_as_pytorchs() {
    List<String> lines = NnGoldens.lines("scaler.tsv");
    assertEquals(10, lines.size());
    for (int step = 0; step < lines.size(); step++) {
      String[] line = lines.get(step).split("\t", -1);
      backward(switch (line[0]) {
        case "inf" -> Double.POSITIVE_INFINITY;
        case "nan" -> Double.NaN;
        default -> Double.parseDouble(line[0]);
      });
      if (Boolean.parseBoolean(line[1])) {
        scaler.unscale_(sgd);
      }
      float[] before = p.toFloatArray();
      boolean taken = scaler.step(sgd);
      scaler.update();
      assertEquals(Double.parseDouble(line[2]), scaler.getScale(), "scale after step " + step);
      assertEquals(Long.parseLong(line[3]), scaler.stateDict().get("_growth_tracker"), "steps since a change, after step " + step);
      float[] expected = {Float.parseFloat(line[4]), Float.parseFloat(line[5])};
      assertArrayEquals(expected, p.toFloatArray(), "parameters after step " + step);
      assertEquals(!java.util.Arrays.equals(before, expected), taken);
    }
  }

  @Test
  void gradients_are_divided_once_before_they_are_looked_at() {
    backward(1);
    assertArrayEquals(new float[] {3072, -512}, Objects.requireNonNull(p.grad()).toFloatArray());
    scaler.unscale_(sgd);
    assertArrayEquals(new float[] {3, -0.5f}, Objects.requireNonNull(p.grad()).toFloatArray());
    assertFails("unscale_() has already been called on this optimizer since the last update().", () -> scaler.unscale_(sgd));
    assertTrue(scaler.step(sgd));
    assertFails("unscale_() is being called after step().", () -> scaler.unscale_(sgd));
    assertFails("step() has already been called since the last update().", () -> scaler.step(sgd));
    scaler.update();
    backward(1);
    assertTrue(scaler.step(sgd));
  }

  @Test
  void what_was_not_scaled_is_refused() {
    assertFails("Attempted unscale_ but nothing was scaled.", () -> scaler.unscale_(sgd));
    assertFails("Attempted step but nothing was scaled.", () -> scaler.step(sgd));
    assertFails("Attempted update but nothing was scaled.", scaler::update);
    Tensor _ = scaler.scale(p.sum());
    assertFails("No inf checks were recorded for this optimizer", () -> scaler.step(sgd));
    GradScaler idle = new GradScaler();
    Tensor _ = idle.scale(p.sum());
    assertFails("No inf checks were recorded prior to update.", idle::update);
  }

  @Test
  void gradients_in_float16_are_refused() {
    Tensor half = Tensor.ones(2).to(DType.FLOAT16).requiresGrad_(true);
    Sgd optimizer = new Sgd(List.of(half));
    scaler.scale(half.sum()).backward();
    assertFails("Attempting to unscale FP16 gradients", () -> scaler.step(optimizer));
  }

  @Test
  void factors_that_do_not_grow_or_shrink_are_refused() {
    assertFails("The growth factor must be > 1.0", () -> new GradScaler(GradScaler.options().growthFactor(1)));
    assertFails("The backoff factor must be < 1.0", () -> new GradScaler(GradScaler.options().backoffFactor(1)));
  }

  @Test
  void a_scaler_that_is_not_enabled_only_steps() {
    GradScaler off = new GradScaler(GradScaler.options().enabled(false));
    off.scale(p.mul(p).sum()).backward();
    off.unscale_(sgd);
    assertArrayEquals(new float[] {3, -0.5f}, Objects.requireNonNull(p.grad()).toFloatArray());
    assertTrue(off.step(sgd));
    off.update();
    assertEquals(1, off.getScale());
    assertEquals(Map.of(), off.stateDict());
    assertFalse(off.isEnabled());
  }

  @Test
  void its_state_has_pytorchs_names_and_continues() {
    backward(1);
    assertTrue(scaler.step(sgd));
    scaler.update();
    Map<String, Object> state = scaler.stateDict();
    assertEquals(Map.of("scale", 1024.0, "growth_factor", 4.0, "backoff_factor", 0.25, "growth_interval", 3L, "_growth_tracker", 1L),
        state);
    GradScaler other = new GradScaler();
    other.loadStateDict(state);
    assertEquals(state, other.stateDict());
    assertFails("The source state dict is empty", () -> other.loadStateDict(Map.of()));
    assertFails("expected a number \"growth_factor\"", () -> other.loadStateDict(Map.of("scale", 2.0)));
    assertEquals(state, other.stateDict());
  }

  @Test
  void a_gradient_that_float16_cannot_hold_survives() {
    Tensor w = Tensor.full(1, 4, 4).requiresGrad_(true);
    Sgd optimizer = new Sgd(List.of(w));
    float[][] gradients = new float[2][];
    for (int scaled = 0; scaled < 2; scaled++) {
      optimizer.zeroGrad();
      Tensor loss;
      try (var _ = Autocast.open(DType.FLOAT16)) {
        loss = Functional.mseLoss(Tensor.ones(1, 4).matmul(w), Tensor.zeros(1, 4)).mul(1e-9);
      }
      GradScaler each = new GradScaler(GradScaler.options().enabled(scaled == 1));
      each.scale(loss).backward();
      each.unscale_(optimizer);
      gradients[scaled] = Objects.requireNonNull(w.grad()).toFloatArray();
    }
    assertEquals(0, gradients[0][0]);
    assertEquals(2e-9, gradients[1][0], 1e-11);
  }
}
