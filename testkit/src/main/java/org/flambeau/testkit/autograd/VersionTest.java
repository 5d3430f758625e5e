package org.flambeau.testkit.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.flambeau.AutogradException;
import org.flambeau.Tensor;
import org.junit.jupiter.api.Test;

/// Every change in place counts, and what a backward needs must not have been changed.
final class VersionTest {
  @Test
  void views_and_detached_tensors_share_a_count_and_copies_begin_anew() {
    Tensor x = Tensor.zeros(3);
    assertEquals(0, x.version());
    x.add_(1);
    assertEquals(1, x.version());
    x.select(0, 0).fill_(5.0);
    assertEquals(2, x.version());
    Tensor view = x.view(3, 1);
    view.zero_();
    assertEquals(3, x.version());
    assertEquals(3, view.version());
    x.detach().fill_(2.0);
    assertEquals(4, x.version());
    Tensor copy = x.clone();
    assertEquals(0, copy.version());
    x.copy_(copy);
    assertEquals(5, x.version());
  }

  @Test
  void an_operand_changed_since_it_was_saved_is_found() {
    Tensor x = Tensor.ones(2, 3).requiresGrad_(true);
    Tensor y = x.mul(2);
    Tensor z = y.mul(y);
    y.add_(1);
    String message = assertThrows(AutogradException.class, () -> z.sum().backward()).getMessage();
    assertTrue(message.contains("[torch.FloatTensor [2, 3]], which is output 0 of Add, is at version 1; expected version 0 instead"),
        message);
  }

  @Test
  void a_result_changed_since_it_was_saved_is_found() {
    Tensor y = Tensor.ones(2).requiresGrad_(true).exp();
    y.mul_(2);
    assertTrue(assertThrows(AutogradException.class, () -> y.sum().backward()).getMessage().contains("which is output 0 of Exp"));
  }

  @Test
  void a_change_through_a_view_or_a_detached_tensor_is_found_too() {
    Tensor x = Tensor.ones(2).requiresGrad_(true);
    Tensor y = x.exp();
    Tensor loss = y.sum();
    y.detach().select(0, 0).zero_();
    assertThrows(AutogradException.class, loss::backward);
  }

  @Test
  void what_was_not_saved_may_change() {
    Tensor x = Tensor.of(1f, 2f).requiresGrad_(true);
    Tensor y = x.add(1); // saves nothing
    Tensor z = y.mul(3); // saves no tensor that changes
    y.zero_();
    z.sum().backward();
    assertArrayEquals(new float[] {3, 3}, x.grad().toFloatArray());
  }

  @Test
  void an_operand_of_which_only_the_others_gradient_needs_the_value_may_change() {
    Tensor x = Tensor.of(1f, 2f).requiresGrad_(true);
    Tensor data = Tensor.of(3f, 4f);
    Tensor y = x.mul(2);
    Tensor z = y.mul(data); // saves data, not y
    y.zero_();
    z.sum().backward();
    assertArrayEquals(new float[] {6, 8}, x.grad().toFloatArray());
  }

  @Test
  void relu_in_place_saves_its_result_and_works() {
    Tensor x = Tensor.of(-1f, 2f).requiresGrad_(true);
    Tensor y = x.mul(3).relu_();
    y.sum().backward();
    assertArrayEquals(new float[] {0, 3}, x.grad().toFloatArray());
  }

  @Test
  void in_place_forms_that_need_the_old_value_keep_a_copy() {
    Tensor x = Tensor.of(0.5f, 2f).requiresGrad_(true);
    Tensor y = x.mul(1);
    y.mul_(y.detach().add(1)).sin_();
    y.sum().backward(); // sin(x·(x₀ + 1)): cos(x₀² + x₀)·(x₀ + 1)
    assertArrayEquals(new double[] {Math.cos(0.75) * 1.5, Math.cos(6) * 3}, x.grad().toDoubleArray(), 1e-6);
  }
}
