package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Tensor;
import org.flambeau.nn.Identity;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.flambeau.nn.Tanh;
import org.junit.jupiter.api.Test;

/// What a chain of modules holds while it is called in a memory scope.
final class SequentialMemoryTest {
  private static final long SIZE = 1 << 16, BYTES = 4 * SIZE;

  private static Sequential chain(int length) {
    Sequential chain = new Sequential();
    for (int i = 0; i < length; i++) {
      chain.append(i % 2 == 0 ? new Tanh() : new ReLU());
    }
    return chain;
  }

  /// The most that a call holds beside its input. What the collector frees of other tests meanwhile makes it look less: so the most of several.
  private static long peak(Module model, Tensor x) {
    long most = 0;
    for (int i = 0; i < 10; i++) {
      try (var _ = MemoryScope.open()) {
        MemoryStats.resetPeak(Device.CPU);
        long before = MemoryStats.of(Device.CPU).current();
        model.call(x);
        most = Math.max(most, MemoryStats.of(Device.CPU).peak() - before);
      }
    }
    return most;
  }

  @Test
  void inference_holds_two_activations_at_a_time_however_long_the_chain_is() {
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      Tensor x = Tensor.randn(SIZE);
      assertEquals(2 * BYTES, peak(chain(2), x));
      assertEquals(2 * BYTES, peak(chain(20), x));
      assertEquals(2 * BYTES, peak(new Sequential(chain(3), new Identity(), chain(3), new Sequential(chain(3))), x),
          "chains of chains are chains");
      Sequential watched = chain(3);
      watched.registerForwardHook((_, _, output) -> output);
      assertEquals(3 * BYTES, peak(new Sequential(chain(3), watched), x), "a hook is given an inner chain's input");
      assertEquals(SIZE, x.isnan().logicalNot().sum().toLong(), "the input is the caller's");
    }
  }

  @Test
  void what_is_saved_for_the_backward_pass_stays() {
    Tensor x = Tensor.linspace(-1, 1, SIZE).requiresGrad_(true);
    Sequential chain = chain(6);
    chain.call(x).sum().backward();
    Tensor expected = Objects.requireNonNull(x.grad());
    x.setGrad(null);
    try (var _ = MemoryScope.open()) {
      chain.call(x).sum().backward();
      assertTrue(Objects.requireNonNull(x.grad()).equal(expected));
    }
  }

  @Test
  void what_a_hook_has_seen_stays_until_the_users_scope_closes() {
    Sequential chain = chain(4);
    List<Tensor> seen = new ArrayList<>();
    chain.namedChildren().values().forEach(module -> module.registerForwardHook((_, _, output) -> {
      seen.add(output);
      return null;
    }));
    try (var _ = MemoryScope.open(); var _ = GradMode.noGrad()) {
      Tensor y = chain.call(Tensor.ones(SIZE));
      assertEquals(4, seen.size());
      assertTrue(y.equal(seen.getLast()) && seen.getFirst().sum().toDouble() > seen.getLast().sum().toDouble());
    }
  }
}
