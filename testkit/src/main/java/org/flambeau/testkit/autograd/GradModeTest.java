package org.flambeau.testkit.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import org.flambeau.AutogradException;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;

/// Modes hold until they are closed, nest, and belong to one thread.
final class GradModeTest {
  private final Tensor x = Tensor.of(1f, 2f).requiresGrad_(true);

  @Test
  void modes_nest_and_come_back() {
    assertTrue(GradMode.isEnabled());
    try (var _ = GradMode.noGrad()) {
      assertFalse(x.mul(2).requiresGrad());
      try (var _ = GradMode.enableGrad()) {
        assertTrue(x.mul(2).requiresGrad());
        try (var _ = GradMode.set(false)) {
          assertFalse(x.mul(2).requiresGrad());
        }
        assertTrue(GradMode.isEnabled());
      }
      assertFalse(GradMode.isEnabled());
    }
    assertTrue(x.mul(2).requiresGrad());
  }

  @Test
  void an_exception_ends_a_mode() {
    assertThrows(IllegalArgumentException.class, () -> {
      try (var _ = GradMode.inferenceMode(); var _ = GradMode.detectAnomaly()) {
        x.add(Tensor.ones(3));
      }
    });
    assertTrue(GradMode.isEnabled());
    assertFalse(GradMode.isInferenceMode());
  }

  @Test
  void other_threads_do_not_notice() throws InterruptedException {
    AtomicBoolean enabled = new AtomicBoolean();
    try (var _ = GradMode.noGrad()) {
      Thread thread = new Thread(() -> enabled.set(x.mul(2).requiresGrad()));
      thread.start();
      thread.join();
    }
    assertTrue(enabled.get());
  }

  @Test
  void leaves_made_without_recording_may_still_require_grad() {
    Tensor w;
    try (var _ = GradMode.noGrad()) {
      w = Tensor.ones(2).requiresGrad_(true);
    }
    w.mul(3).sum().backward();
    assertArrayEquals(new float[] {3, 3}, w.grad().toFloatArray());
  }

  @Test
  void a_backward_within_no_grad_still_works() {
    Tensor y = x.mul(x).sum();
    try (var _ = GradMode.noGrad()) {
      y.backward();
    }
    assertArrayEquals(new float[] {2, 4}, x.grad().toFloatArray());
  }

  @Test
  void inference_tensors_stay_out_of_graphs() {
    Tensor made;
    try (var _ = GradMode.inferenceMode()) {
      made = x.mul(2);
      assertTrue(GradMode.isInferenceMode());
      made.add_(1);
    }
    assertTrue(made.isInference());
    assertFalse(made.requiresGrad());
    assertThrows(AutogradException.class, () -> made.mul(x));
    assertThrows(AutogradException.class, () -> made.add_(1));
    assertArrayEquals(new float[] {9, 25}, made.clone().mul(made).toFloatArray());
    Tensor usable = made.clone().requiresGrad_(true);
    usable.mul(x).sum().backward();
    assertArrayEquals(new float[] {3, 5}, x.grad().toFloatArray());
    x.add(made).sum().backward(); // saves nothing of it
    assertArrayEquals(new float[] {4, 6}, x.grad().toFloatArray());
  }

  @Test
  void anomaly_mode_names_the_function_and_shows_where_it_was_called() {
    Tensor y;
    Tensor negative = Tensor.of(-1f).requiresGrad_(true);
    try (var _ = GradMode.detectAnomaly()) {
      y = forwardOfTheTest(negative);
      AutogradException failure = assertThrows(AutogradException.class, () -> y.sum().backward());
      assertEquals("Function 'SqrtBackward0' returned nan values in its 0th output.", failure.getMessage());
      assertTrue(Arrays.stream(failure.getSuppressed()).flatMap(each -> Arrays.stream(each.getStackTrace()))
          .anyMatch(frame -> frame.getMethodName().equals("forwardOfTheTest")));
    }
    forwardOfTheTest(negative).sum().backward();
    assertTrue(Double.isNaN(negative.grad().toDouble()));
  }

  private static Tensor forwardOfTheTest(Tensor x) {
    return x.sqrt();
  }
}
