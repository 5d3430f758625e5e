package org.flambeau.testkit.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicReference;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.ClosedTensorException;
import org.flambeau.Device;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;
import org.flambeau.spi.Reclaimable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What scopes own, when they free it, and what outlives them.
final class MemoryScopeTest {
  private static final long SIZE = 1 << 16; // large enough for native memory: 256 KiB of float32

  /// What earlier tests left behind goes now, not while one counts.
  @BeforeEach
  void collect() {
    Reclaimable.collect(Long.MAX_VALUE);
  }

  private static long inUse() {
    return MemoryStats.of(Device.CPU).current();
  }

  @Test
  void closing_a_scope_frees_what_was_made_in_it() {
    long before = inUse();
    try (var _ = MemoryScope.open()) {
      Tensor x = Tensor.ones(SIZE);
      x.mul(2).add(1);
      assertTrue(inUse() >= before + 3 * SIZE * 4);
    }
    assertEquals(before, inUse());
  }

  @Test
  void a_tensor_used_after_its_scope_closed_says_so() {
    Tensor x;
    Tensor small;
    try (var _ = MemoryScope.open()) {
      x = Tensor.ones(SIZE);
      small = Tensor.ones(3);
    }
    assertTrue(assertThrows(ClosedTensorException.class, () -> x.add(1)).getMessage().contains("MemoryScope"));
    assertThrows(ClosedTensorException.class, x::sum);
    assertThrows(ClosedTensorException.class, x::toString);
    assertThrows(ClosedTensorException.class, () -> Tensor.ones(SIZE).add_(x));
    assertThrows(ClosedTensorException.class, () -> small.add(1));
    assertThrows(ClosedTensorException.class, small::toFloatArray);
  }

  @Test
  void a_view_of_a_tensor_shares_its_fate() {
    Tensor x = Tensor.ones(SIZE);
    Tensor view;
    try (var _ = MemoryScope.open()) {
      view = x.narrow(0, 10, 3);
    }
    assertArrayEquals(new float[] {1, 1, 1}, view.toFloatArray());
  }

  @Test
  void keep_moves_a_tensor_to_the_enclosing_scope_and_out_of_the_outermost() {
    long before = inUse();
    Tensor kept;
    try (var outer = MemoryScope.open()) {
      Tensor result;
      try (var inner = MemoryScope.open()) {
        result = inner.keep(Tensor.ones(SIZE).mul(3));
      }
      assertEquals(before + SIZE * 4, inUse());
      assertEquals(3f, result.get(0).toFloat());
      kept = outer.keep(result.add(1));
    }
    assertEquals(before + SIZE * 4, inUse());
    assertEquals(4f, kept.get(5).toFloat());
  }

  @Test
  void keep_takes_a_tensor_out_of_the_scopes_inside_too() {
    long before = inUse();
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    Tensor value;
    Tensor loss;
    try (var outer = MemoryScope.open()) {
      Tensor own;
      try (var _ = MemoryScope.open()) {
        try (var _ = MemoryScope.open()) {
          value = outer.keep(Tensor.ones(SIZE).mul(3));
          loss = outer.keep(w.mul(2).square().sum());
          own = Tensor.ones(SIZE);
        }
      }
      assertEquals(3f, value.get(0).toFloat());
      Tensor gone = own;
      assertThrows(ClosedTensorException.class, () -> gone.add(1));
    }
    assertEquals(3f, value.get(5).toFloat());
    loss.backward();
    assertEquals(8f, w.grad().get(7).toFloat());
    assertTrue(inUse() > before);
  }

  @Test
  void keep_leaves_what_an_enclosing_scope_owns_and_refuses_what_one_apart_does() {
    try (var _ = MemoryScope.open()) {
      Tensor outside = Tensor.ones(SIZE);
      Tensor batch = Tensor.ones(SIZE);
      try (var apart = MemoryScope.holding(batch); var inner = MemoryScope.open()) {
        inner.keep(outside);
        assertThrows(IllegalArgumentException.class, () -> inner.keep(batch));
        assertEquals(1f, apart.keep(batch).get(0).toFloat());
      }
      assertEquals(1f, outside.get(0).toFloat());
      assertEquals(1f, batch.get(0).toFloat());
    }
  }

  @Test
  void keep_takes_the_graph_along() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    Tensor loss;
    try (var scope = MemoryScope.open()) {
      loss = scope.keep(w.mul(2).square().sum());
    }
    loss.backward();
    assertEquals(8f, w.grad().get(7).toFloat());
  }

  @Test
  void keep_of_a_detached_tensor_takes_the_value_alone() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    long before = inUse();
    Tensor value;
    try (var scope = MemoryScope.open()) {
      value = scope.keep(w.mul(2).square().detach());
    }
    assertEquals(before + SIZE * 4, inUse());
    assertFalse(value.requiresGrad());
  }

  @Test
  void a_backward_after_its_scope_closed_says_so() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    Tensor square;
    try (var _ = MemoryScope.open()) {
      square = w.mul(2).square().sum();
    }
    Tensor loss = square;
    assertTrue(assertThrows(AutogradException.class, loss::backward).getMessage().contains("MemoryScope")
        || assertThrows(ClosedTensorException.class, loss::backward) != null);
  }

  @Test
  void gradients_outlive_the_scope_and_are_freed_with_zero_grad() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    long before = inUse();
    try (var _ = MemoryScope.open()) {
      w.square().sum().backward();
    }
    assertEquals(before + SIZE * 4, inUse());
    assertEquals(2f, w.grad().get(3).toFloat());
    w.setGrad(null);
    assertEquals(before, inUse());
  }

  @Test
  void a_gradient_seen_without_a_scope_stays_valid_after_it_was_cleared() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    w.square().sum().backward();
    Tensor seen = w.grad();
    w.setGrad(null);
    assertEquals(2f, seen.get(3).toFloat());
  }

  @Test
  void backward_in_a_scope_holds_few_gradients_at_a_time() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    try (var _ = MemoryScope.open()) {
      Tensor x = w;
      for (int i = 0; i < 50; i++) {
        x = x.mul(1.0001);
      }
      Tensor loss = x.sum();
      long before = inUse();
      MemoryStats.resetPeak(Device.CPU);
      loss.backward();
      assertTrue(MemoryStats.of(Device.CPU).peak() - before <= 4 * SIZE * 4, "a chain's backward needs two gradients at a time");
    }
  }

  @Test
  void a_backward_frees_saved_tensors_as_it_goes() {
    Tensor w = Tensor.ones(SIZE).requiresGrad_(true);
    try (var _ = MemoryScope.open()) {
      w.exp().sum().backward();
      w.setGrad(null);
    }
    Tensor x = w.exp().sum();
    x.backward();
    assertThrows(AutogradException.class, x::backward);
  }

  @Test
  void create_graph_works_within_and_without_scopes() {
    Tensor x = Tensor.full(2, SIZE).requiresGrad_(true);
    for (int round = 0; round < 2; round++) {
      MemoryScope scope = round == 0 ? null : MemoryScope.open();
      x.pow(3).sum().backward(BackwardOption.CREATE_GRAPH);
      Tensor first = x.grad();
      x.setGrad(null);
      first.sum().backward();
      assertEquals(12f, x.grad().get(0).toFloat(), 1e-5f);
      x.setGrad(null);
      if (scope != null) {
        scope.close();
      }
    }
  }

  @Test
  void scopes_close_last_in_first_out_by_their_own_thread() throws InterruptedException {
    MemoryScope outer = MemoryScope.open();
    MemoryScope inner = MemoryScope.open();
    assertThrows(IllegalStateException.class, outer::close);
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread other = Thread.ofPlatform().start(() -> {
      try {
        inner.close();
      } catch (IllegalStateException e) {
        thrown.set(e);
      }
    });
    other.join();
    assertTrue(thrown.get() instanceof IllegalStateException);
    inner.close();
    outer.close();
    outer.close(); // closing twice does nothing
  }

  @Test
  void an_exception_within_a_scope_frees_its_memory() {
    long before = inUse();
    assertThrows(IllegalArgumentException.class, () -> {
      try (var _ = MemoryScope.open()) {
        Tensor.ones(SIZE).add(Tensor.ones(3));
      }
    });
    assertEquals(before, inUse());
  }
}
