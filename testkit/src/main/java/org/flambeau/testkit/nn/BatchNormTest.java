package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.ClosedTensorException;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.Tensor;
import org.flambeau.nn.BatchNorm1d;
import org.flambeau.nn.Functional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

final class BatchNormTest {
  private static Tensor eval(Tensor x, Tensor weight) {
    return Functional.batchNorm(x, Tensor.zeros(3), Tensor.ones(3), weight, Tensor.zeros(3), false, 0.1, 1e-5);
  }

  @Test
  void running_statistics_follow_the_batches() {
    Tensor mean = Tensor.zeros(3);
    Tensor var = Tensor.ones(3);
    for (int step = 0; step < 3; step++) {
      Functional.batchNorm(NnGoldens.get("running/x" + step), mean, var, null, null, true, 0.3, 1e-5);
      NnGoldens.assertClose(NnGoldens.get("running/mean" + step), mean, 1e-6, "mean after step " + step);
      NnGoldens.assertClose(NnGoldens.get("running/var" + step), var, 1e-6, "variance after step " + step);
    }
  }

  @Test
  void moving_the_running_statistics_is_a_change_in_place() {
    Tensor mean = Tensor.zeros(3);
    Tensor var = Tensor.ones(3);
    int before = mean.version();
    Functional.batchNorm(Tensor.randn(4, 3), mean, var, null, null, true, 0.1, 1e-5);
    assertTrue(mean.version() > before && var.version() > before);
  }

  /// In the statistics' kernel where that can, and else beside it: of another dtype, without elements.
  @Test
  void a_call_in_training_is_counted_once_and_others_are_not() {
    for (Double momentum : new @Nullable Double[] {0.1, null}) {
      for (boolean fused : new boolean[] {true, false}) {
        var norm = new BatchNorm1d(3, 1e-5, momentum, true, true);
        Tensor batches = Objects.requireNonNull(norm.namedBuffers().get("num_batches_tracked"));
        if (!fused) {
          batches.setData(batches.to(DType.INT32));
        }
        int before = batches.version();
        norm.call(Tensor.randn(4, 3));
        norm.call(Tensor.randn(4, 3, 2));
        norm.call(Tensor.empty(0, 3));
        assertEquals(3, batches.toLong());
        assertTrue(batches.version() > before);
        norm.eval().call(Tensor.randn(4, 3));
        assertEquals(3, batches.toLong());
      }
    }
  }

  /// As in PyTorch, whose training mode does not count its own changes of the running statistics.
  @Test
  void running_statistics_may_not_change_before_the_backward_pass_but_by_training() {
    Tensor x = Tensor.randn(4, 3).requiresGrad_(true);
    Tensor bias = Tensor.zeros(3).requiresGrad_(true);
    for (boolean training : new boolean[] {true, false}) {
      Tensor mean = Tensor.zeros(3);
      Tensor var = Tensor.ones(3);
      for (Tensor changed : List.of(mean, var)) {
        for (Tensor wanted : List.of(x, bias)) {
          Tensor y = Functional.batchNorm(wanted == x ? x : x.detach(), mean, var, null, wanted == x ? null : bias, training, 0.1, 1e-5);
          Tensor _ = Functional.batchNorm(x, mean, var, null, null, true, 0.1, 1e-5);
          y.sum().backward(BackwardOption.RETAIN_GRAPH);
          changed.add_(1);
          AutogradException e = assertThrows(AutogradException.class, () -> y.sum().backward());
          assertTrue(e.getMessage().contains("modified by an inplace operation: [torch.FloatTensor [3]] is at version"), e.getMessage());
        }
      }
    }
  }

  /// PyTorch allows it, too, but with the mean that training has left.
  @Test
  void the_weight_of_an_evaluation_learns_from_the_statistics_of_then_though_training_has_moved_them() {
    Tensor x = Tensor.randn(4, 3);
    for (boolean fused : new boolean[] {true, false}) {
      Tensor weight = (fused ? Tensor.ones(3) : Tensor.ones(3, 2).select(1, 0)).requiresGrad_(true);
      var norms = List.of(Tensor.randn(3), Tensor.rand(3).add(1));
      Tensor[] gradients = new Tensor[2];
      for (int i = 0; i < 2; i++) {
        Tensor mean = norms.get(0).clone();
        Tensor var = norms.get(1).clone();
        Tensor y = Functional.batchNorm(x, mean, var, weight, null, false, 0.1, 1e-5);
        if (i == 1) {
          Tensor _ = Functional.batchNorm(x, mean, var, null, null, true, 0.9, 1e-5);
        }
        weight.setGrad(null);
        y.square().sum().backward();
        gradients[i] = weight.grad();
      }
      assertTrue(gradients[0].equal(gradients[1]), () -> Arrays.toString(gradients));
    }
  }

  @Test
  void with_frozen_parameters_evaluation_keeps_no_input() {
    Tensor x = Tensor.randn(4, 3, 2, 2).requiresGrad_(true);
    Tensor inner;
    Tensor y;
    try (var scope = MemoryScope.open()) {
      inner = x.mul(2);
      y = scope.keep(eval(inner, Tensor.ones(3)));
    }
    assertThrows(ClosedTensorException.class, inner::toDoubleArray);
    y.sum().backward();
    assertEquals(2 * 48 / Math.sqrt(1 + 1e-5), x.grad().sum().toDouble(), 1e-3);
  }

  @Test
  void with_a_weight_to_learn_evaluation_keeps_its_input() {
    Tensor x = Tensor.randn(4, 3, 2, 2);
    Tensor y = eval(x, Tensor.ones(3).requiresGrad_(true));
    x.zero_();
    AutogradException e = assertThrows(AutogradException.class, () -> y.sum().backward());
    assertTrue(e.getMessage().contains("modified by an inplace operation"), e.getMessage());
  }

  @Test
  void nothing_is_recorded_without_grad() {
    Tensor x = Tensor.randn(4, 3).requiresGrad_(true);
    try (var _ = GradMode.noGrad()) {
      assertNull(eval(x, Tensor.ones(3)).gradFn());
    }
    assertEquals("NativeBatchNormBackward0", eval(x, Tensor.ones(3)).gradFn().name());
  }

  /// Where the statistics are not the images' own, their gradient does not look at them.
  @Test
  void gradients_through_given_statistics_are_finite_beside_infinite_images() {
    for (long[] sizes : new long[][] {{2, 3}, {1, 3, 2, 2}, {1, 3, 2, 2, 40}}) {
      for (DType dtype : new DType[] {DType.FLOAT32, DType.FLOAT64}) {
        Tensor x = Tensor.full(dtype, Double.POSITIVE_INFINITY, sizes).requiresGrad_(true);
        Tensor ones = Tensor.ones(dtype, 3);
        Functional.batchNorm(x, Tensor.zeros(dtype, 3), ones, null, null, false, 0.1, 0).backward(Tensor.onesLike(x));
        assertTrue(Objects.requireNonNull(x.grad()).equal(Tensor.onesLike(x)), () -> x.grad().toString());
      }
    }
  }

  /// In PyTorch it counts.
  @Test
  void a_batch_that_is_refused_does_not_count() {
    for (Double momentum : new Double[] {0.1, null}) {
      var norm = new BatchNorm1d(3, 1e-5, momentum, true, true);
      assertThrows(IllegalArgumentException.class, () -> norm.call(Tensor.ones(1, 3, 1)));
      assertThrows(IllegalArgumentException.class, () -> norm.call(Tensor.ones(2, 4, 1)));
      assertEquals(0, Objects.requireNonNull(norm.namedBuffers().get("num_batches_tracked")).toLong());
    }
  }

  @Test
  void one_value_per_channel_has_no_variance() {
    var e = assertThrows(IllegalArgumentException.class,
        () -> Functional.batchNorm(Tensor.ones(1, 3, 1, 1), null, null, null, null, true, 0.1, 1e-5));
    assertEquals("[batch_norm] Expected more than 1 value per channel when training, got input size torch.Size([1, 3, 1, 1])",
        e.getMessage());
  }

  @Test
  void parameters_are_of_the_dtype_of_the_images_or_of_their_statistics() {
    for (DType images : new DType[] {DType.FLOAT64, DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16}) {
      for (DType other : new DType[] {DType.FLOAT64, DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16}) {
        boolean right = other == images || other == DType.FLOAT32 && images.size() == 2;
        Tensor given = Tensor.ones(3).to(other);
        Tensor own = Tensor.ones(3).to(images);
        assertTaken(right, images, given, given, own, own);
        assertTaken(right, images, own, own, given, given);
        assertTaken(right, images, own, own, given, own);
        assertTaken(right, images, own, own, own, given);
      }
    }
  }

  private static void assertTaken(boolean right, DType images, Tensor mean, Tensor var, Tensor weight, Tensor bias) {
    Tensor x = Tensor.ones(2, 3, 4, 4).to(images);
    for (boolean training : new boolean[] {true, false}) {
      Executable call = () -> Functional.batchNorm(x, mean, var, weight, bias, training, 0.1, 1e-5);
      if (right) {
        assertDoesNotThrow(call);
      } else {
        var e = assertThrows(IllegalArgumentException.class, call);
        assertTrue(e.getMessage().startsWith("[batch_norm] mixed dtype (CPU)"), e.getMessage());
      }
    }
  }

  @Test
  void the_gradient_of_an_evaluation_is_rounded_once() {
    Tensor x = Tensor.randn(2, 64, 5, 5).to(DType.BFLOAT16).requiresGrad_(true);
    Tensor var = Tensor.rand(64).add(0.5);
    Tensor weight = Tensor.randn(64).mul(3);
    Tensor y = Functional.batchNorm(x, Tensor.zeros(64), var, weight, Tensor.zeros(64), false, 0.1, 1e-5);
    Tensor grad = Tensor.randn(2, 64, 5, 5).to(DType.BFLOAT16);
    y.backward(grad);
    Tensor exact = grad.to(DType.FLOAT32).mul(var.add(1e-5).rsqrt().mul(weight).view(1, 64, 1, 1));
    assertTrue(exact.to(DType.BFLOAT16).equal(Objects.requireNonNull(x.grad())));
  }

  @Test
  void threads_that_train_with_one_norm_do_not_refuse_each_others_gradients() {
    var norm = new BatchNorm1d(3);
    IntStream.range(0, 400).parallel().forEach(_ -> {
      Tensor x = Tensor.randn(4, 3).requiresGrad_(true);
      norm.call(x).sin().sum().backward();
      assertTrue(x.grad() != null);
    });
  }

  @Test
  void running_statistics_that_require_grad_are_refused_in_evaluation_too() {
    Tensor mean = Tensor.zeros(3).requiresGrad_(true);
    assertEquals("[batch_norm] running statistics have no gradient and cannot require grad", assertThrows(IllegalArgumentException.class,
        () -> Functional.batchNorm(Tensor.ones(2, 3), mean, Tensor.ones(3), null, null, false, 0.1, 1e-5)).getMessage());
  }
}
