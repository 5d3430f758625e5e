package org.flambeau.testkit.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/// Changes in place, of views and of what they view. The numbers and names are PyTorch's for the same program.
final class ViewInPlaceTest {
  /// [[1, 2, 3], [4, 5, 6]].
  private final Tensor x = Tensor.of(new float[][] {{1, 2, 3}, {4, 5, 6}}).requiresGrad_(true);

  private static void assertGrad(Tensor tensor, double... expected) {
    assertArrayEquals(expected, tensor.grad().toDoubleArray(), 1e-6);
  }

  @Test
  void a_change_of_a_view_is_one_of_its_base() {
    Tensor base = x.clone();
    Tensor view = base.select(0, 0);
    view.mul_(2);
    assertEquals("CopySlices", base.gradFn().name());
    assertEquals("AsStridedBackward0", view.gradFn().name());
    assertEquals(1, view.version());
    assertEquals(1, base.version());
    base.sum().backward();
    assertGrad(x, 2, 2, 2, 1, 1, 1);
  }

  @Test
  void a_base_may_begin_within_its_storage() {
    Tensor base = Tensor.of(1f, 2f, 3f, 4f, 5f).narrow(0, 2, 3).detach();
    Tensor factor = Tensor.of(10f, 100f).requiresGrad_(true);
    base.narrow(0, 1, 2).mul_(factor);
    base.mul(Tensor.of(1f, 2f, 3f)).sum().backward();
    assertGrad(factor, 8, 15);
  }

  @Test
  void a_base_may_be_the_second_result_of_its_node() {
    Tensor means = x.varMean(new int[] {0}, 1, false).mean();
    means.narrow(0, 0, 1).mul_(6);
    means.sum().backward();
    assertGrad(x, 3, 0.5, 0.5, 3, 0.5, 0.5);
  }

  @Test
  void a_change_of_the_base_is_one_of_its_views() {
    Tensor base = x.mul(1);
    Tensor view = base.view(-1).slice(0, 1, 4);
    base.mul_(3);
    assertEquals("AsStridedBackward0", view.gradFn().name());
    assertArrayEquals(new float[] {6, 9, 12}, view.toFloatArray());
    view.mul(view).sum().backward();
    assertGrad(x, 0, 36, 54, 72, 0, 0);
  }

  @Test
  void views_of_views_lead_to_the_one_base() {
    Tensor base = x.mul(1);
    Tensor column = base.t().select(0, 1);
    Tensor first = column.slice(0, 0, 1);
    first.mul_(10);
    base.mul(base).sum().backward();
    assertGrad(x, 2, 400, 6, 8, 10, 12);
    assertEquals("CopySlices", base.gradFn().name());
    assertEquals("AsStridedBackward0", column.gradFn().name());
  }

  @Test
  void a_chain_of_changes_is_differentiated_in_turn() {
    Tensor base = x.mul(1);
    base.select(0, 0).mul_(2);
    base.select(1, 1).add_(base.select(1, 0)); // base is [[2, 4 + 2, 6], [4, 5 + 4, 6]] now
    base.mul_(base.detach().clone());
    base.sum().backward();
    assertGrad(x, 2 * (2 + 6), 2 * 6, 2 * 6, 4 + 9, 9, 6);
  }

  @Test
  void what_is_copied_into_a_part_gets_that_parts_gradient() {
    Tensor y = Tensor.ones(2).requiresGrad_(true);
    Tensor base = x.mul(1);
    base.select(1, 1).copy_(y);
    base.mul(base).sum().backward();
    assertGrad(x, 2, 0, 6, 8, 0, 12);
    assertGrad(y, 2, 2);
  }

  @Test
  void a_base_without_gradient_gets_one_from_what_is_copied_in() {
    Tensor y = Tensor.ones(2).requiresGrad_(true);
    Tensor base = Tensor.zeros(2, 3);
    Tensor view = base.select(1, 1);
    view.copy_(y.mul(3));
    assertTrue(base.requiresGrad());
    assertTrue(view.requiresGrad());
    assertEquals("CopySlices", base.gradFn().name());
    base.sum().backward();
    assertGrad(y, 3, 3);
  }

  @Test
  void zeros_and_fills_cut_the_gradient_of_their_part() {
    Tensor base = x.mul(1);
    base.select(0, 0).zero_();
    base.select(1, 2).fill_(7.0);
    assertArrayEquals(new float[] {0, 0, 7, 4, 5, 7}, base.toFloatArray());
    base.mul(base).sum().backward();
    assertGrad(x, 0, 0, 0, 8, 10, 0);
  }

  /// What lies densely and overlaps in part, or in another order, is refused; the same elements are not, nor is what PyTorch cannot tell.
  @Test
  void operands_that_overlap_what_is_written_are_refused() {
    String refused = "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
        + "Please clone() the tensor before performing the operation.";
    Tensor base = Tensor.arange(6).to(DType.FLOAT32).reshape(2, 3);
    Tensor square = Tensor.arange(4).to(DType.FLOAT32).reshape(2, 2);
    Tensor late = base.flatten().slice(0, 1, 6);
    Tensor early = base.flatten().slice(0, 0, 5);
    Tensor first = Tensor.of(0L, 1L);
    Map<String, Executable> calls = new LinkedHashMap<>();
    calls.put("add_", () -> late.add_(early));
    calls.put("copy_", () -> late.copy_(early));
    calls.put("mul_", () -> square.mul_(square.t()));
    calls.put("sub_", () -> square.sub_(square.select(0, 0)));
    calls.put("div_", () -> late.div_(late.select(0, 2)));
    calls.put("add_", () -> late.add_(early, 2));
    calls.put("eq_", () -> late.eq_(early));
    calls.put("lerp_", () -> late.lerp_(early, 0.5));
    calls.put("addcmul_", () -> late.addcmul_(Tensor.ones(5), early, 1));
    calls.put("addcdiv_", () -> late.addcdiv_(early, Tensor.ones(5), 1));
    calls.put("scatter_", () -> late.scatter_(0, first, early));
    calls.put("scatter_add_", () -> late.scatterAdd_(0, first, late));
    calls.put("index_add_", () -> late.indexAdd_(0, first, early.slice(0, 0, 2)));
    calls.put("index_copy_", () -> late.indexCopy_(0, first, early.slice(0, 0, 2)));
    calls.forEach((name, call) -> assertEquals("[" + name + "] " + refused,
        assertThrows(IllegalArgumentException.class, call, name).getMessage()));
    assertEquals(0, base.version());
    assertArrayEquals(new float[] {0, 2, 4, 6}, square.clone().add_(square).flatten().toFloatArray());
    assertArrayEquals(new float[] {0, 2, 4, 6}, square.add_(square.view(2, 2)).flatten().toFloatArray());
    late.slice(0, 0, 5, 2).add_(early.slice(0, 0, 5, 2)); // 1, 3 and 5 among 0, 2 and 4
    assertArrayEquals(new float[] {0, 1, 2, 5, 4, 9}, base.flatten().toFloatArray());
  }

  @Test
  void elements_that_share_a_place_are_filled_but_not_changed() {
    Tensor row = Tensor.zeros(1).expand(3);
    assertThrows(IllegalArgumentException.class, () -> row.mul_(2));
    assertThrows(IllegalArgumentException.class, () -> row.copy_(Tensor.ones(3)));
    assertThrows(IllegalArgumentException.class, () -> row.uniform_(0, 1));
    assertArrayEquals(new float[] {5, 5, 5}, row.fill_(5).toFloatArray());
  }

  @Test
  void one_of_several_views_refuses_to_be_changed() {
    Tensor base = x.mul(1);
    Tensor row = base.unbind(0).getFirst();
    assertThrows(AutogradException.class, () -> row.mul_(2));
    try (var _ = GradMode.noGrad()) {
      row.mul_(2);
    }
    assertArrayEquals(new float[] {2, 4, 6, 4, 5, 6}, base.toFloatArray());
  }

  @Test
  void results_that_are_composed_of_other_operations_are_no_views() {
    Tensor y = x.logsumexp(0);
    y.mul_(2);
    assertEquals("MulBackward0", y.gradFn().name());
  }

  @Test
  void parts_of_a_view_taken_without_recording_lead_nowhere() {
    Tensor hidden;
    try (var _ = GradMode.noGrad()) {
      hidden = x.view(3, 2);
    }
    hidden.split(1, 0).getFirst().sum().add(hidden.unbind(1).getLast().sum()).add(x.sum()).backward();
    assertGrad(x, 1, 1, 1, 1, 1, 1);
  }

  @Test
  void views_without_gradient_remember_how_they_were_made() {
    String several = "A view was created in no_grad mode and is being modified inplace with grad mode enabled. This view is the output of a "
        + "function that returns multiple views.";
    String unrecorded = "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that";
    Tensor weight = Tensor.ones(3).requiresGrad_(true);
    Tensor plain = Tensor.ones(2, 3);
    Tensor one = plain.unbind(0).getFirst();
    for (Tensor view : List.of(one, plain.chunk(2, 0).get(1), plain.split(1, 0).get(1), one.slice(0, 0, 3))) {
      assertTrue(assertThrows(AutogradException.class, () -> view.mul_(weight)).getMessage().startsWith(several));
      view.mul_(2); // nothing to be recorded
    }
    Tensor hidden;
    try (var _ = GradMode.noGrad()) {
      hidden = plain.unbind(0).getFirst();
    }
    assertTrue(assertThrows(AutogradException.class, () -> hidden.mul_(weight)).getMessage().startsWith(unrecorded));
    assertTrue(assertThrows(AutogradException.class, () -> hidden.slice(0, 0, 3).mul_(weight)).getMessage().startsWith(unrecorded));
    String ofView = assertThrows(AutogradException.class, () -> x.mul(1).unbind(0).getFirst().slice(0, 0, 3).mul_(2)).getMessage();
    assertTrue(ofView.startsWith("Output 0 of Slice is a view and is being modified inplace. This view is the output"), ofView);
  }

  @Test
  void several_views_cannot_be_used_after_their_base_changed() {
    Tensor base = x.mul(1);
    Tensor row = base.unbind(0).getFirst();
    base.mul_(2);
    String message = assertThrows(AutogradException.class, () -> row.mul(2)).getMessage();
    assertTrue(message.startsWith("Output 0 of Unbind is a view and its base or another view of its base has been modified inplace."),
        message);
  }

  @Test
  void a_view_taken_without_recording_must_not_be_changed_while_recording() {
    Tensor base = x.mul(1);
    Tensor view;
    try (var _ = GradMode.noGrad()) {
      view = base.select(0, 0);
    }
    assertTrue(view.requiresGrad());
    assertThrows(AutogradException.class, () -> view.mul_(2));
  }

  @Test
  void a_view_taken_and_changed_without_recording_is_no_part_of_the_graph() {
    Tensor base = x.mul(1);
    try (var _ = GradMode.noGrad()) {
      base.select(0, 0).mul_(2);
    }
    assertEquals("MulBackward0", base.gradFn().name());
    assertArrayEquals(new float[] {2, 4, 6, 4, 5, 6}, base.toFloatArray());
    base.sum().backward();
    assertGrad(x, 1, 1, 1, 1, 1, 1);
  }

  @Test
  void leaves_are_changed_without_recording_only() {
    assertThrows(AutogradException.class, () -> x.mul_(2));
    assertThrows(AutogradException.class, () -> x.select(0, 0).mul_(2));
    assertThrows(AutogradException.class, x::zero_);
    try (var _ = GradMode.noGrad()) {
      x.mul_(2);
      x.select(0, 0).zero_();
    }
    assertEquals(2, x.version());
    assertTrue(x.isLeaf() && x.requiresGrad());
    assertArrayEquals(new float[] {0, 0, 0, 8, 10, 12}, x.toFloatArray());
  }

  private static void assertRefused(String start, Executable call) {
    String message = assertThrows(AutogradException.class, call).getMessage();
    assertTrue(message.startsWith(start), message);
  }

  @Test
  void views_follow_what_becomes_of_their_leaf() {
    String leaf = "a leaf Variable that requires grad is being used";
    String viewOfLeaf = "a view of a leaf Variable that requires grad is being used";
    Tensor late = Tensor.zeros(3);
    Tensor before = late.view(3);
    Tensor other = late.view(3);
    late.requiresGrad_(true);
    assertTrue(before.requiresGrad() && before.isLeaf());
    assertRefused(viewOfLeaf, () -> before.mul_(2));
    late.requiresGrad_(false);
    assertArrayEquals(new float[] {1, 1, 1}, before.add_(1).toFloatArray());

    Tensor own = Tensor.zeros(3).view(3).requiresGrad_(true);
    assertRefused(viewOfLeaf, () -> own.mul_(2));
    assertRefused(viewOfLeaf, () -> own.slice(0, 0, 2).zero_());

    other.add_(Tensor.ones(3).requiresGrad_(true)); // late is computed now, but before has not been asked since
    assertRefused(leaf, () -> before.mul_(2));
    assertEquals("AsStridedBackward0", before.gradFn().name());
    assertArrayEquals(new float[] {4, 4, 4}, before.mul_(2).toFloatArray());

    Tensor freed = Tensor.ones(3).requiresGrad_(true);
    Tensor recorded = freed.slice(0, 0, 2);
    freed.requiresGrad_(false);
    assertRefused(viewOfLeaf, () -> recorded.mul_(2));
    freed.mul_(2);
    assertEquals("AsStridedBackward0", recorded.gradFn().name());
    recorded.sum().backward();
    assertNull(freed.grad());
  }

  @Test
  void one_of_several_views_of_a_leaf_is_refused_once_the_leaf_has_changed() {
    Tensor leaf = Tensor.ones(3).requiresGrad_(true);
    Tensor one = leaf.unbind(0).getFirst();
    leaf.requiresGrad_(false);
    leaf.mul_(2);
    assertRefused("Output 0 of Unbind is a view and its base or another view of its base has been modified inplace.", one::isLeaf);
    one.requiresGrad_(true); // as it does already
  }

  @Test
  void parts_of_a_view_taken_without_recording_are_refused_by_their_name() {
    Tensor hidden;
    try (var _ = GradMode.noGrad()) {
      hidden = x.mul(1).requiresGrad_(true).view(3, 2);
    }
    assertRefused(
        "Output 0 of Slice is a view of a view which was created in no_grad mode and is being modified inplace with grad mode enabled."
            + " Given that",
        () -> hidden.slice(0, 0, 1).mul_(2));
  }

  @Test
  void gradients_of_what_leads_nowhere_are_absent() {
    Tensor hidden;
    try (var _ = GradMode.noGrad()) {
      hidden = x.view(3, 2);
    }
    assertTrue(hidden.requiresGrad());
    assertNull(Autograd.gradAllowUnused(List.of(x.sum()), List.of(hidden), Arrays.asList((Tensor) null))[0]);
  }

  @Test
  void a_leaf_that_needs_no_gradient_any_more_gets_none() {
    Tensor leaf = Tensor.ones(3).requiresGrad_(true);
    Tensor sum = leaf.mul(2).sum();
    leaf.requiresGrad_(false);
    sum.backward();
    assertNull(leaf.grad());

    Tensor moved = Tensor.ones(3).requiresGrad_(true);
    Tensor early = moved.mul(2).sum();
    moved.requiresGrad_(false);
    moved.mul_(x.slice(0, 0, 1).view(3));
    assertRefused("leaf variable has been moved into the graph interior", early::backward);
  }

  @Test
  void a_tensor_is_copied_onto_itself_although_its_elements_share_a_place() {
    Tensor row = Tensor.of(1f, 2).expand(3, 2);
    assertArrayEquals(new float[] {1, 2, 1, 2, 1, 2}, row.copy_(row).copy_(row.view(3, 2)).toFloatArray());
    assertEquals(2, row.version());
    assertThrows(IllegalArgumentException.class, () -> row.copy_(row.slice(0, 0, 1)));
    Tensor y = x.mul(1);
    assertEquals("CopyBackwards", y.copy_(y).gradFn().name());
    y.sum().backward();
    assertGrad(x, 1, 1, 1, 1, 1, 1);
  }

  @Test
  void a_refused_change_changes_nothing() {
    assertThrows(AutogradException.class, () -> x.mul_(2));
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, x.toFloatArray());
    assertEquals(0, x.version());
  }

  @Test
  void a_view_keeps_its_history_when_its_base_is_detached() {
    Tensor base = x.mul(1);
    Tensor view = base.select(0, 0);
    base.detach_();
    assertFalse(base.requiresGrad());
    assertEquals("SelectBackward0", view.gradFn().name());
    view.sum().backward();
    assertGrad(x, 1, 1, 1, 0, 0, 0);
  }

  @Test
  void a_retained_gradient_is_that_of_the_changed_tensor() {
    Tensor y = x.mul(2).retainGrad();
    y.mul_(3);
    y.sum().backward();
    assertGrad(y, 1, 1, 1, 1, 1, 1);
    assertGrad(x, 6, 6, 6, 6, 6, 6);
  }

  @Test
  void changes_of_transposed_and_stepped_views_are_differentiated() {
    Tensor base = x.mul(1);
    base.t().slice(0, 0, 3, 2).mul_(Tensor.of(new float[][] {{2, 3}, {4, 5}}));
    base.sum().backward();
    assertGrad(x, 2, 1, 4, 3, 1, 5);
  }
}
