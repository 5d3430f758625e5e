package org.flambeau.testkit.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.flambeau.AutogradException;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Node;
import org.junit.jupiter.api.Test;

/// Who sees gradients on their way, in which order, and what may be done to them. Order and numbers are PyTorch's.
final class HooksTest {
  private final Tensor x = Tensor.of(1f, 2f).requiresGrad_(true);

  private static void assertGrad(Tensor tensor, double... expected) {
    assertArrayEquals(expected, tensor.grad().toDoubleArray());
  }

  @Test
  void hooks_run_in_their_order() {
    List<String> order = new ArrayList<>();
    Tensor y = x.mul(2);
    y.registerHook(_ -> note(order, "tensor"));
    y.retainGrad();
    y.gradFn().registerPreHook(_ -> {
      order.add("before node");
      return null;
    });
    y.gradFn().registerHook((_, _) -> {
      order.add("after node");
      return null;
    });
    x.registerPostAccumulateGradHook(_ -> order.add("accumulated"));
    x.registerHook(_ -> note(order, "leaf"));
    y.sum().backward();
    assertEquals(List.of("tensor", "before node", "after node", "leaf", "accumulated"), order);
  }

  private static Tensor note(List<String> order, String what) {
    order.add(what);
    return null;
  }

  @Test
  void hooks_of_a_tensor_replace_its_gradient_one_after_the_other() {
    x.registerHook(g -> g.mul(2));
    x.registerHook(g -> g.add(1));
    x.sum().backward();
    assertGrad(x, 3, 3);
  }

  @Test
  void a_retained_gradient_is_what_the_hooks_made_of_it() {
    Tensor y = x.mul(2).retainGrad();
    y.registerHook(g -> g.mul(5));
    y.sum().backward();
    assertGrad(y, 5, 5);
    assertGrad(x, 10, 10);
  }

  @Test
  void hooks_of_a_node_replace_what_goes_in_and_what_comes_out() {
    Tensor y = x.mul(2);
    y.gradFn().registerPreHook(grads -> new Tensor[] {grads[0].mul(10)});
    y.gradFn().registerHook((gradInputs, gradOutputs) -> new Tensor[] {gradInputs[0].add(gradOutputs[0]), null});
    y.sum().backward();
    assertGrad(x, 30, 30);
  }

  @Test
  void a_removed_hook_is_not_called() {
    Node.Registration registration = x.registerHook(g -> g.mul(2));
    x.sum().backward();
    registration.close();
    x.sum().backward();
    assertGrad(x, 3, 3);
  }

  @Test
  void a_hook_may_drop_the_gradient_once_it_was_used() {
    x.registerPostAccumulateGradHook(parameter -> parameter.setGrad(null));
    x.sum().backward();
    assertNull(x.grad());
  }

  @Test
  void a_hook_stays_with_the_value_it_was_registered_for() {
    Tensor y = x.mul(2);
    List<Double> seen = new ArrayList<>();
    y.registerHook(g -> {
      seen.add(g.select(0, 0).toDouble());
      return null;
    });
    y.mul_(3); // the hook sees the gradient of y before the change
    y.sum().backward();
    assertEquals(List.of(3.0), seen);
    assertGrad(x, 6, 6);
  }

  /// What it views requires grad, and so it does itself, but no gradient comes its way.
  @Test
  void a_view_made_without_recording_takes_hooks_that_never_run() {
    List<String> seen = new ArrayList<>();
    Tensor view;
    try (var _ = GradMode.noGrad()) {
      view = x.view(2, 1);
    }
    view.registerHook(_ -> note(seen, "hook"));
    view.registerPostAccumulateGradHook(_ -> seen.add("accumulated"));
    view.mul(2).add(x.view(2, 1)).sum().backward();
    assertEquals(List.of(), seen);
    assertNull(view.grad());
    assertGrad(x, 1, 1);
    Tensor other = Tensor.ones(2);
    assertThrows(AutogradException.class, () -> other.registerHook(g -> g));
    assertThrows(AutogradException.class, () -> other.registerPostAccumulateGradHook(_ -> {}));
  }

  @Test
  void a_hook_sees_the_sum_of_all_ways_once() {
    Tensor y = x.mul(2);
    List<Tensor> seen = new ArrayList<>();
    y.registerHook(g -> {
      seen.add(g);
      return null;
    });
    y.mul(3).add(y.mul(4)).sum().backward();
    assertEquals(1, seen.size());
    assertArrayEquals(new float[] {7, 7}, seen.getFirst().toFloatArray());
  }

  @Test
  void what_a_hook_has_seen_stays_as_it_was() {
    List<Tensor> seen = new ArrayList<>();
    x.registerHook(g -> {
      seen.add(g);
      return null;
    });
    x.mul(2).sum().backward();
    x.mul(3).sum().backward();
    assertGrad(x, 5, 5);
    assertArrayEquals(new float[] {2, 2}, seen.getFirst().toFloatArray());
  }

  @Test
  void a_gradient_of_other_sizes_is_refused() {
    x.registerHook(_ -> Tensor.ones(3));
    assertThrows(AutogradException.class, () -> x.sum().backward());
  }

  @Test
  void what_a_hook_throws_reaches_the_caller_and_leaves_the_graph_usable() {
    Tensor y = x.mul(x);
    Node.Registration failing = y.registerHook(_ -> {
      throw new IllegalStateException("no");
    });
    assertThrows(IllegalStateException.class, () -> y.sum().backward());
    failing.close();
    y.sum().backward();
    assertGrad(x, 2, 4);
  }
}
