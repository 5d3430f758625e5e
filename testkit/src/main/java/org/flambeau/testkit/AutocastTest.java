package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.IntSupplier;
import org.flambeau.Autocast;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.DifferentiableFunction;
import org.flambeau.autograd.Node;
import org.flambeau.nn.Functional;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Regions of autocast nest, end and keep casts as PyTorch's do.
public class AutocastTest {
  /// Too large for a Java array, so that it is counted.
  private static final int WIDE = 64;

  private static Tensor weight() {
    return Tensor.randn(WIDE, WIDE).requiresGrad_(true);
  }

  private static Tensor input() {
    return Tensor.randn(4, WIDE);
  }

  /// The node of the cast of the right operand of a product.
  private static Node castOf(Tensor product) {
    return Objects.requireNonNull(Objects.requireNonNull(product.gradFn()).next(1));
  }

  @ParameterizedTest
  @EnumSource(names = {"BFLOAT16", "FLOAT16"})
  void products_are_computed_in_the_lower_precision_and_losses_in_float32(DType dtype) {
    try (var _ = Autocast.open(dtype)) {
      Tensor y = input().matmul(weight());
      assertEquals(dtype, y.dtype());
      assertEquals(DType.FLOAT32, Functional.mseLoss(y, y.zerosLike()).dtype());
      assertEquals(dtype, y.relu().dtype());
    }
    assertEquals(DType.FLOAT32, input().matmul(weight()).dtype());
  }

  @Test
  void regions_nest_and_are_over_when_closed() {
    assertFalse(Autocast.isEnabled());
    assertNull(Autocast.dtype());
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      try (var _ = Autocast.open(DType.FLOAT16)) {
        assertEquals(DType.FLOAT16, input().matmul(weight()).dtype());
      }
      assertEquals(DType.BFLOAT16, Autocast.dtype());
      try (var _ = Autocast.disabled()) {
        assertFalse(Autocast.isEnabled());
        assertEquals(DType.FLOAT32, input().matmul(weight()).dtype());
        try (var _ = Autocast.open(DType.BFLOAT16, false)) {
          assertEquals(DType.FLOAT32, input().matmul(weight()).dtype());
        }
        try (var _ = Autocast.open(DType.BFLOAT16)) {
          assertEquals(DType.BFLOAT16, input().matmul(weight()).dtype());
        }
      }
      assertTrue(Autocast.isEnabled());
      assertEquals(DType.BFLOAT16, input().matmul(weight()).dtype());
    }
    assertFalse(Autocast.isEnabled());
    assertNull(Autocast.dtype());
  }

  @Test
  void a_region_ends_with_an_exception_and_other_modes_outlive_it() {
    try (var _ = GradMode.noGrad()) {
      assertThrows(IllegalArgumentException.class, () -> {
        try (var _ = Autocast.open(DType.BFLOAT16)) {
          input().matmul(Tensor.ones(3, 3));
        }
      });
      assertFalse(Autocast.isEnabled());
      assertFalse(GradMode.isEnabled());
    }
  }

  @Test
  void other_threads_do_not_notice() {
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      assertEquals(DType.FLOAT32, CompletableFuture.supplyAsync(() -> input().matmul(weight()).dtype()).join());
    }
  }

  @Test
  void other_dtypes_and_threads_are_refused() {
    var refusal = assertThrows(IllegalArgumentException.class, () -> Autocast.open(DType.FLOAT64));
    assertTrue(String.valueOf(refusal.getMessage()).startsWith("[Autocast] expected bfloat16 or float16, got float64"));
    Autocast region = Autocast.open(DType.BFLOAT16);
    CompletableFuture<Void> elsewhere = CompletableFuture.runAsync(region::close);
    assertThrows(java.util.concurrent.CompletionException.class, elsewhere::join);
    assertTrue(Autocast.isEnabled());
    region.close();
    region.close();
    assertFalse(Autocast.isEnabled());
  }

  @Test
  void float64_and_integers_are_left_alone() {
    Tensor x = Tensor.ones(DType.FLOAT64, 2, 2);
    Tensor n = Tensor.ones(DType.INT64, 2, 2);
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      assertEquals(DType.FLOAT64, x.matmul(x).dtype());
      assertEquals(DType.INT64, n.matmul(n).dtype());
      assertEquals(DType.INT64, n.prod().dtype());
    }
  }

  @Test
  void gradients_of_float32_leaves_are_float32_and_those_in_between_of_the_precision_of_the_forward_pass() {
    Tensor w = weight();
    Tensor hidden;
    Tensor loss;
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      hidden = input().matmul(w).retainGrad();
      loss = Functional.mseLoss(hidden, hidden.zerosLike());
    }
    loss.backward();
    assertEquals(DType.FLOAT32, Objects.requireNonNull(w.grad()).dtype());
    assertEquals(DType.BFLOAT16, Objects.requireNonNull(hidden.grad()).dtype());
  }

  /// e⁵ − 148, of which the lower precision has nothing left where it rounds both before they are subtracted.
  @Test
  void a_gradient_of_a_higher_precision_is_added_up_in_it() {
    Tensor x = Tensor.of(5f).to(DType.BFLOAT16).requiresGrad_(true);
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      Functional.poissonNllLoss(x, Tensor.of(148f), true, false, 0, Reduction.SUM).backward();
    }
    Tensor grad = Objects.requireNonNull(x.grad());
    assertEquals(DType.BFLOAT16, grad.dtype());
    assertEquals(Math.exp(5) - 148, grad.to(DType.FLOAT32).toFloatArray()[0], 2e-3);
  }

  @Test
  void a_backward_pass_inside_a_region_computes_what_it_does_outside() {
    Tensor x = input();
    Tensor w = weight();
    Tensor exact = weight();
    float[][] gradients = new float[2][];
    for (int inside = 0; inside < 2; inside++) {
      w.setGrad(null);
      exact.setGrad(null);
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        Tensor y = x.matmul(w);
        try (var _ = Autocast.disabled()) {
          y = y.to(DType.FLOAT32).matmul(exact);
        }
        Tensor loss = Functional.mseLoss(y, y.zerosLike());
        if (inside == 1) {
          loss.backward();
        } else {
          try (var _ = Autocast.disabled()) {
            loss.backward();
          }
        }
      }
      gradients[inside] = Objects.requireNonNull(exact.grad()).toFloatArray();
    }
    assertArrayEquals(gradients[0], gradients[1]);
  }

  @Test
  void a_parameter_is_cast_once_and_again_when_it_has_changed() {
    Tensor w = weight();
    Tensor x = input();
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      Node first = castOf(x.matmul(w));
      assertSame(first, castOf(x.matmul(w)));
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        assertSame(first, castOf(x.matmul(w)));
      }
      assertSame(first, castOf(x.matmul(w)));
      try (var _ = GradMode.noGrad()) {
        w.mul_(0);
      }
      Tensor product = x.matmul(w);
      assertNotSame(first, castOf(product));
      assertEquals(0, product.abs().sum().toDouble());
      w.setData(Tensor.ones(WIDE, WIDE));
      assertEquals(WIDE, Tensor.ones(1, WIDE).matmul(w).select(1, 0).toDouble());
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void a_parameter_costs_one_kernel_until_it_has_changed_or_the_region_is_over(boolean recording) {
    try (Lens lens = Lens.open(); var _ = recording ? GradMode.enableGrad() : GradMode.noGrad()) {
      Tensor w = weight();
      Tensor x = input().to(DType.BFLOAT16);
      List<Integer> casts = new ArrayList<>();
      IntSupplier use = () -> {
        int before = lens.count("copy");
        Tensor _ = x.matmul(w);
        return lens.count("copy") - before;
      };
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        casts.addAll(List.of(use.getAsInt(), use.getAsInt(), use.getAsInt()));
        w.detach().mul_(2);
        casts.addAll(List.of(use.getAsInt(), use.getAsInt()));
        try (var _ = Autocast.open(DType.BFLOAT16)) {
          casts.add(use.getAsInt());
        }
        casts.add(use.getAsInt());
      }
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        casts.addAll(List.of(use.getAsInt(), use.getAsInt()));
      }
      assertEquals(List.of(1, 0, 0, 1, 0, 0, 0, 1, 0), casts);
    }
  }

  @Test
  void a_cast_made_without_recording_does_not_lose_the_gradient_of_a_later_one() {
    Tensor w = weight();
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      try (var _ = GradMode.noGrad()) {
        assertFalse(input().matmul(w).requiresGrad());
      }
      input().matmul(w).to(DType.FLOAT32).sum().backward();
    }
    assertNotNull(w.grad());
  }

  @Test
  void two_backward_passes_share_a_cast() {
    Tensor w = weight();
    Tensor x = input();
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      Tensor first = Functional.mseLoss(x.matmul(w), Tensor.zeros(4, WIDE));
      Tensor second = Functional.mseLoss(x.matmul(w), Tensor.zeros(4, WIDE));
      first.backward();
      float[] once = Objects.requireNonNull(w.grad()).mul(2).toFloatArray();
      second.backward();
      assertArrayEquals(once, Objects.requireNonNull(w.grad()).toFloatArray());
    }
  }

  @Test
  void casts_outlive_memory_scopes_inside_the_region_and_end_with_it() {
    Tensor w = weight();
    Tensor x = input();
    long before = MemoryStats.of(Device.CPU).current();
    try (var _ = MemoryScope.open()) {
      Tensor loss;
      try (var _ = Autocast.open(DType.BFLOAT16)) {
        List<Node> casts = new ArrayList<>();
        for (int step = 0; step < 2; step++) {
          try (var _ = MemoryScope.open()) {
            casts.add(castOf(x.matmul(w)));
          }
        }
        assertSame(casts.get(0), casts.get(1));
        loss = Functional.mseLoss(x.requiresGrad_(true).matmul(w), Tensor.zeros(4, WIDE));
      }
      loss.backward(); // what the graph saved of the cast is still there
    }
    x.setGrad(null);
    w.setGrad(null);
    assertTrue(MemoryStats.of(Device.CPU).current() <= before);
  }

  @Test
  void a_result_that_shows_its_operand_does_not_show_a_kept_cast() {
    Tensor w = weight();
    try (SecondDevice second = SecondDevice.open()) {
      Tensor there = w.detach().to(second.device()).requiresGrad_(true);
      try (var _ = MemoryScope.open()) {
        Tensor turned;
        try (var _ = Autocast.open(DType.BFLOAT16)) {
          turned = Tensor.einsum("ij->ji", there);
        }
        assertArrayEquals(w.to(DType.BFLOAT16).t().contiguous().toFloatArray(), turned.cpu().contiguous().toFloatArray());
      }
    }
  }

  @Test
  void losses_that_cannot_be_right_are_refused_on_a_gpu() {
    try (SecondDevice second = SecondDevice.open(); var _ = Autocast.open(DType.BFLOAT16)) {
      Tensor p = Tensor.full(0.5, 3).to(second.device());
      var refusal = assertThrows(IllegalStateException.class, () -> Functional.binaryCrossEntropy(p, p));
      assertTrue(String.valueOf(refusal.getMessage()).startsWith("[binary_cross_entropy] is unsafe to autocast"));
    }
  }

  /// Remembers in which dtype its passes multiplied.
  private static final class Doubled extends DifferentiableFunction {
    private final List<DType> dtypes = new ArrayList<>();

    @Override
    protected List<Tensor> forward(Context context, List<Tensor> inputs) {
      dtypes.add(inputs.get(0).matmul(inputs.get(0)).dtype());
      return List.of(inputs.get(0).mul(2));
    }

    @Override
    protected List<@Nullable Tensor> backward(Context context, List<Tensor> grads) {
      dtypes.add(grads.get(0).matmul(grads.get(0)).dtype());
      return List.of(grads.get(0).mul(2));
    }
  }

  @Test
  void the_forward_pass_of_a_users_function_is_inside_the_region_and_its_backward_pass_is_not() {
    Doubled function = new Doubled();
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      function.apply(weight()).sum().backward();
    }
    assertEquals(List.of(DType.BFLOAT16, DType.FLOAT32), function.dtypes);
  }
}
