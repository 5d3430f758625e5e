package org.flambeau.testkit.autograd;

import static org.flambeau.BackwardOption.CREATE_GRAPH;
import static org.flambeau.BackwardOption.RETAIN_GRAPH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.MemoryFormat;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.Node;
import org.flambeau.nn.Functional;
import org.junit.jupiter.api.Test;

/// What a backward pass leaves where. The numbers are PyTorch's, or follow from the formula beside them.
final class AutogradTest {
  private static Tensor leaf(float... values) {
    return Tensor.of(values).requiresGrad_(true);
  }

  private static void assertGrad(Tensor tensor, double... expected) {
    assertArrayEquals(expected, tensor.grad().toDoubleArray(), 1e-6);
  }

  @Test
  void gradients_reach_leaves_and_no_others() {
    Tensor x = leaf(1, 2);
    Tensor constant = Tensor.of(3f, 4f);
    Tensor y = x.mul(constant);
    y.sum().backward();
    assertGrad(x, 3, 4);
    assertNull(constant.grad());
    assertNull(y.grad());
    assertTrue(x.isLeaf());
    assertFalse(y.isLeaf());
    assertTrue(constant.isLeaf());
  }

  @Test
  void gradients_of_several_passes_add_up() {
    Tensor x = leaf(1, 2);
    x.mul(2).sum().backward();
    Tensor first = x.grad();
    x.mul(3).sum().backward();
    assertGrad(x, 5, 5);
    assertSame(first, x.grad());
  }

  @Test
  void gradients_that_are_kept_as_graphs_add_up_out_of_place() {
    Tensor x = leaf(2);
    x.pow(3).backward(CREATE_GRAPH);
    Tensor first = x.grad();
    x.pow(3).backward(CREATE_GRAPH);
    assertNotSame(first, x.grad());
    assertEquals(12, first.toDouble());
    assertEquals(24, x.grad().toDouble());
  }

  @Test
  void several_ways_from_a_leaf_add_up() {
    Tensor x = leaf(3);
    Tensor y = x.mul(x);
    y.add(y).mul(x).backward(); // 2x³
    assertGrad(x, 54);
  }

  @Test
  void a_tensor_that_retains_its_gradient_has_it() {
    Tensor x = leaf(1, 2);
    Tensor y = x.mul(2).retainGrad();
    y.mul(y).sum().backward();
    assertGrad(y, 4, 8);
    assertGrad(x, 8, 16);
  }

  @Test
  void what_retains_its_gradient_may_do_so_twice_and_leaves_may_too() {
    Tensor x = leaf(1, 2).retainGrad();
    Tensor y = x.mul(2).retainGrad().retainGrad();
    y.sum().backward();
    assertGrad(y, 1, 1);
    assertGrad(x, 2, 2);
  }

  @Test
  void a_retained_graph_can_be_walked_again() {
    Tensor x = leaf(3);
    Tensor y = x.mul(x);
    y.backward(RETAIN_GRAPH);
    y.backward();
    assertGrad(x, 12);
    assertThrows(AutogradException.class, y::backward);
  }

  @Test
  void a_graph_that_saved_nothing_can_be_walked_twice() {
    Tensor x = leaf(3);
    Tensor y = x.add(1).neg();
    y.backward();
    y.backward();
    assertGrad(x, -2);
  }

  @Test
  void what_two_graphs_share_is_freed_with_the_first() {
    Tensor x = leaf(3);
    Tensor shared = x.exp();
    shared.mul(2).backward();
    Tensor second = shared.mul(3);
    assertThrows(AutogradException.class, second::backward);
  }

  @Test
  void an_external_gradient_weighs_the_results() {
    Tensor x = leaf(1, 2, 3);
    x.mul(x).backward(Tensor.of(1f, 10f, 100f));
    assertGrad(x, 2, 40, 600);
  }

  @Test
  void several_roots_are_walked_at_once() {
    Tensor x = leaf(2);
    Tensor y = x.mul(x);
    Autograd.backward(List.of(y, y.mul(3)), Arrays.asList(null, null));
    assertGrad(x, 16);
  }

  @Test
  void gradients_of_broadcast_operands_are_summed_to_size() {
    Tensor row = leaf(1, 2, 3);
    Tensor column = Tensor.ones(2, 1).requiresGrad_(true);
    Tensor number = Tensor.scalar(5f).requiresGrad_(true);
    row.mul(column).mul(number).sum().backward();
    assertGrad(row, 10, 10, 10);
    assertArrayEquals(new long[] {2, 1}, column.grad().sizes());
    assertGrad(column, 30, 30);
    assertGrad(number, 12);
  }

  @Test
  void a_pass_for_some_inputs_leaves_the_others_alone() {
    Tensor x = leaf(2);
    Tensor w = leaf(3);
    Tensor y = x.mul(w);
    Autograd.backward(List.of(y), Arrays.asList((Tensor) null), List.of(w), RETAIN_GRAPH);
    assertNull(x.grad());
    assertGrad(w, 2);
    Autograd.backward(List.of(y.mul(2)), Arrays.asList((Tensor) null), List.of(y));
    assertGrad(y, 2);
    assertNull(x.grad());
  }

  @Test
  void grad_returns_gradients_and_changes_none() {
    Tensor x = leaf(2);
    Tensor y = x.mul(3);
    Tensor z = y.mul(y);
    List<Tensor> grads = Autograd.grad(z, List.of(x, y));
    assertEquals(36, grads.get(0).toDouble());
    assertEquals(12, grads.get(1).toDouble());
    assertNull(x.grad());
    assertFalse(grads.get(0).requiresGrad());
  }

  @Test
  void an_input_that_was_not_used_has_no_gradient() {
    Tensor x = leaf(2);
    Tensor other = leaf(3);
    assertNull(Autograd.gradAllowUnused(List.of(x.mul(2)), List.of(other), Arrays.asList((Tensor) null))[0]);
    assertThrows(AutogradException.class, () -> Autograd.grad(x.mul(2), List.of(other)));
  }

  @Test
  void gradients_can_be_differentiated_again_and_again() {
    Tensor x = Tensor.scalar(2.0).requiresGrad_(true);
    Tensor derivative = x.pow(4);
    for (double expected : new double[] {32, 48, 48, 24}) { // 4x³, 12x², 24x, 24
      derivative = Autograd.grad(derivative, List.of(x), CREATE_GRAPH).getFirst();
      assertEquals(expected, derivative.toDouble());
    }
  }

  @Test
  void a_penalty_on_the_gradient_trains_through_it() {
    Tensor w = leaf(3);
    Tensor x = leaf(2);
    Tensor slope = Autograd.grad(w.mul(x).square(), List.of(x), CREATE_GRAPH).getFirst(); // 2w²x
    slope.backward();
    assertGrad(w, 24); // 4wx
    assertGrad(x, 18); // 2w²
  }

  @Test
  void detached_tensors_share_memory_but_no_history() {
    Tensor x = leaf(1, 2);
    Tensor y = x.mul(2);
    Tensor cut = y.detach();
    assertFalse(cut.requiresGrad());
    assertNull(cut.gradFn());
    cut.add_(1);
    assertArrayEquals(new float[] {3, 5}, y.toFloatArray());
    y.mul(cut).sum().backward();
    assertGrad(x, 6, 10);
  }

  @Test
  void a_result_detached_in_place_becomes_a_leaf() {
    Tensor y = leaf(1, 2).mul(2);
    y.detach_();
    assertFalse(y.requiresGrad());
    assertTrue(y.isLeaf());
    assertNull(y.gradFn());
  }

  @Test
  void a_second_result_detached_in_place_becomes_a_leaf_with_a_gradient() {
    Tensor mean = leaf(1, 3).varMean(new int[0], 1, false).mean();
    assertEquals(1, mean.outputNr());
    mean.detach_().requiresGrad_(true);
    mean.mul(5).backward();
    assertGrad(mean, 5);
  }

  @Test
  void integral_operands_take_part_without_gradient() {
    Tensor x = leaf(1, 2);
    x.mul(Tensor.of(3L, 4L)).sum().backward();
    assertGrad(x, 3, 4);
    assertFalse(x.gt(1).requiresGrad());
    assertFalse(x.argmax().requiresGrad());
  }

  @Test
  void gradients_have_the_dtype_of_what_they_are_for() {
    Tensor x = leaf(1, 2);
    Tensor wide = Tensor.of(3.0, 4.0).requiresGrad_(true);
    x.mul(wide).sum().backward();
    assertEquals(x.dtype(), x.grad().dtype());
    assertEquals(wide.dtype(), wide.grad().dtype());
  }

  /// PyTorch's contract: a dense leaf's gradient has its strides, any other's is row-major, whatever the graph made of it.
  @Test
  void gradients_lie_like_what_they_are_for() {
    Tensor turned = Tensor.ones(3, 2).t();
    for (Tensor leaf : List.of(Tensor.ones(2, 3), Tensor.ones(3, 2).t(), Tensor.ones(2, 6).slice(1, 0, 6, 2),
        Tensor.ones(2, 1).expand(2, 3))) {
      Tensor x = leaf.detach().requiresGrad_(true);
      long[] strides = Arrays.equals(x.strides(), turned.strides()) ? new long[] {1, 2} : new long[] {3, 1};
      x.mul(turned).sum().backward();
      assertArrayEquals(strides, x.grad().strides());
      x.sum().backward();
      assertArrayEquals(strides, x.grad().strides());
      x.setGrad(null);
      x.t().matmul(Tensor.ones(2, 4)).sum().backward();
      assertArrayEquals(strides, x.grad().strides());
      x.setGrad(null);
      x.mul(turned).square().sum().backward(CREATE_GRAPH);
      assertArrayEquals(strides, x.grad().strides());
      assertTrue(x.grad().requiresGrad());
    }
    Tensor result = Tensor.ones(2, 3).requiresGrad_(true).mul(1).retainGrad();
    result.mul(turned).sum().backward();
    assertArrayEquals(new long[] {3, 1}, result.grad().strides());
  }

  @Test
  void a_gradient_that_is_kept_is_nobody_elses_memory() {
    Tensor x = leaf(1, 2);
    Tensor seed = Tensor.of(1f, 1f);
    x.add(0).backward(seed);
    x.grad().mul_(7);
    assertArrayEquals(new float[] {1, 1}, seed.toFloatArray());
    Tensor a = leaf(1, 2);
    Tensor b = leaf(3, 4);
    a.add(b).sum().backward();
    a.grad().zero_();
    assertGrad(b, 1, 1);
  }

  /// Sums are formed in place only where nobody else reads: here what is added to is also the gradient of another operand, has all its
  /// elements in one place, or is the caller's.
  @Test
  void gradients_add_up_in_no_memory_that_has_other_readers() {
    Tensor x = leaf(1);
    Tensor y = leaf(1);
    Tensor a = x.mul(2);
    Tensor b = y.mul(3);
    Tensor later = a.mul(5);
    a.add(b).mul(4).add(later).backward();
    assertGrad(x, 18);
    assertGrad(y, 12);

    Tensor z = leaf(1, 2);
    Tensor sum = z.mul(5).sum();
    z.sum().mul(4).add(sum).backward();
    assertGrad(z, 9, 9);

    Tensor w = leaf(1, 2);
    Tensor result = w.mul(2);
    Tensor seed = Tensor.of(1f, 10f);
    Autograd.backward(List.of(result, result), List.of(seed, Tensor.of(1f, 1f)));
    assertGrad(w, 4, 22);
    assertArrayEquals(new float[] {1, 10}, seed.toFloatArray());
  }

  @Test
  void results_of_one_node_that_are_roots_run_it_once() {
    Tensor x = leaf(1, 2);
    Tensor y = x.mul(2);
    Tensor other = y.mul(3);
    List<Tensor> roots = new ArrayList<>(y.unbind(0));
    roots.add(other);
    Autograd.backward(roots, Arrays.asList(null, Tensor.scalar(5f), Tensor.of(1f, 1f)));
    assertGrad(x, 8, 16);
  }

  @Test
  void unbroken_chains_of_a_hundred_thousand_nodes_do_not_overflow_the_stack() {
    Tensor x = leaf(1);
    Tensor y = x;
    for (int i = 0; i < 100_000; i++) {
      y = y.add(1);
    }
    y.backward();
    assertGrad(x, 1);
  }

  @Test
  void wide_graphs_run_each_node_once() {
    Tensor x = leaf(1);
    Tensor y = x;
    for (int i = 0; i < 64; i++) { // 2⁶⁴ ways, 128 nodes
      y = y.add(y).mul(0.5);
    }
    y.backward();
    assertGrad(x, 1);
  }

  @Test
  void nodes_show_the_graph() {
    Tensor x = leaf(1, 2);
    Node node = x.mul(2).exp().sum().gradFn();
    assertEquals("SumBackward0", node.name());
    assertEquals("<ExpBackward0>", node.nextFunctions().getFirst().toString());
    assertEquals("AccumulateGrad", node.next(0).next(0).next(0).name());
  }

  @Test
  void warnings_aside_the_gradient_of_a_result_is_null() {
    assertNull(leaf(1, 2).mul(2).grad());
  }

  @Test
  void compositions_have_pytorchs_nodes() {
    Tensor x = Tensor.randn(2, 4, 3, 3).requiresGrad_(true);
    assertEquals("ToCopyBackward0", x.to(MemoryFormat.CHANNELS_LAST).gradFn().name());
    assertEquals("CloneBackward0", x.contiguous(MemoryFormat.CHANNELS_LAST).gradFn().name());
    assertEquals("ViewBackward0", x.repeatInterleave(2, 1).gradFn().name());
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64)) {
      Tensor weight = Tensor.ones(4).to(dtype).requiresGrad_(true);
      assertEquals("NativeGroupNormBackward0", Functional.groupNorm(x.to(dtype), 2, weight, weight, 1e-5).gradFn().name());
    }
  }

  @Test
  void the_gradient_of_a_group_norms_weight_alone_can_be_differentiated() {
    Tensor x = Tensor.arange(8).to(DType.FLOAT32).view(1, 2, 4);
    Tensor weight = Tensor.ones(2).requiresGrad_(true);
    Tensor loss = Functional.groupNorm(x, 2, weight, null, 1e-5).square().sum();
    Tensor gradient = Autograd.grad(loss, List.of(weight), CREATE_GRAPH).getFirst();
    assertArrayEquals(new double[] {8, 8}, Autograd.grad(gradient.sum(), List.of(weight)).getFirst().toDoubleArray(), 1e-3);
  }
}
