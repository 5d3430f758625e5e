package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Supplier;
import org.flambeau.Autocast;
import org.flambeau.AutogradException;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.MemoryScope;
import org.flambeau.MemoryStats;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.Checkpoint;
import org.flambeau.nn.BatchNorm1d;
import org.flambeau.nn.Dropout;
import org.flambeau.nn.GELU;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.junit.jupiter.api.Test;

/// A module whose activations are computed again learns what it learns without.
public class ActivationCheckpointingTest {
  private static final int WIDTH = 16;

  /// Blocks of two linear layers with dropout between.
  private static Sequential model(int blocks) {
    Random.manualSeed(3);
    var model = new Sequential();
    for (int i = 0; i < blocks; i++) {
      model.append(new Sequential(new Linear(WIDTH, 4 * WIDTH), new GELU(), new Dropout(0.5), new Linear(4 * WIDTH, WIDTH)));
    }
    return model;
  }

  private static Sequential checkpointed(Sequential model) {
    model.namedChildren().values().forEach(block -> block.activationCheckpointing(true));
    return model;
  }

  /// The result, the gradients of input and parameters, and a number that is drawn afterwards.
  private static List<double[]> step(Module model, boolean inputLearns) {
    Random.manualSeed(5);
    Tensor x = Tensor.randn(8, WIDTH).requiresGrad_(inputLearns);
    Tensor y = model.call(x);
    y.square().sum().backward();
    List<double[]> all = new ArrayList<>(List.of(y.detach().toDoubleArray()));
    if (inputLearns) {
      all.add(gradient(x));
    }
    model.parameters().forEach(parameter -> all.add(gradient(parameter)));
    all.add(Tensor.rand(1).toDoubleArray());
    return all;
  }

  private static double[] gradient(Tensor leaf) {
    return Objects.requireNonNull(leaf.grad()).toDoubleArray();
  }

  private static void assertSame(Supplier<List<double[]>> plain, Supplier<List<double[]>> checkpointed) {
    List<double[]> expected = plain.get();
    List<double[]> actual = checkpointed.get();
    assertEquals(expected.size(), actual.size());
    for (int i = 0; i < expected.size(); i++) {
      assertArrayEquals(expected.get(i), actual.get(i));
    }
  }

  @Test
  void results_gradients_and_random_numbers_are_the_same_to_the_bit() {
    assertSame(() -> step(model(3), true), () -> step(checkpointed(model(3)), true));
  }

  @Test
  void parameters_learn_where_the_input_does_not() {
    assertSame(() -> step(model(2), false), () -> step(checkpointed(model(2)), false));
  }

  @Test
  void the_region_of_autocast_is_opened_again() {
    assertSame(() -> underAutocast(model(2)), () -> underAutocast(checkpointed(model(2))));
  }

  private static List<double[]> underAutocast(Module model) {
    Random.manualSeed(5);
    Tensor x = Tensor.randn(8, WIDTH);
    Tensor y;
    try (var _ = Autocast.open(DType.BFLOAT16)) {
      y = model.call(x);
    }
    y.to(DType.FLOAT32).square().sum().backward();
    return model.parameters().stream().map(ActivationCheckpointingTest::gradient).toList();
  }

  @Test
  void second_derivatives_go_through_the_computation_that_was_run_again() {
    // Their terms are added up in another order.
    assertArrayEquals(secondDerivative(model(2)), secondDerivative(checkpointed(model(2))), 1e-8);
  }

  private static double[] secondDerivative(Module model) {
    Random.manualSeed(5);
    Tensor x = Tensor.randn(4, WIDTH).requiresGrad_(true);
    Tensor y = model.eval().call(x).square().sum();
    Tensor first = Autograd.grad(y, List.of(x), BackwardOption.CREATE_GRAPH).getFirst();
    return Autograd.grad(first.square().sum(), List.of(x)).getFirst().toDoubleArray();
  }

  @Test
  void hooks_of_parameters_run_once() {
    Linear layer = new Linear(WIDTH, WIDTH);
    int[] calls = new int[1];
    layer.weight().registerHook(gradient -> {
      calls[0]++;
      return gradient;
    });
    layer.activationCheckpointing(true).call(Tensor.randn(2, WIDTH)).sum().backward();
    assertEquals(1, calls[0]);
  }

  /// A part that uses its first operand and, a second time, what that was made from.
  private static final class Product extends Module {
    @Override
    protected Tensor forward(Tensor... xs) {
      return xs[0].mul(xs[1]).sin();
    }
  }

  @Test
  void operands_that_depend_on_each_other_count_once_each() {
    assertArrayEquals(derivatives(new Product()), derivatives(new Product().activationCheckpointing(true)), 1e-12);
  }

  private static double[] derivatives(Module product) {
    Tensor x = Tensor.of(0.3, 0.7).requiresGrad_(true);
    Tensor y = product.call(x.mul(x), x).add(product.call(x, x)).sum();
    Tensor first = Autograd.grad(y, List.of(x), BackwardOption.CREATE_GRAPH).getFirst();
    Tensor second = Autograd.grad(first.sum(), List.of(x)).getFirst();
    return Tensor.cat(List.of(first.detach(), second), 0).toDoubleArray();
  }

  @Test
  void what_depends_on_nothing_that_learns_has_no_gradient() {
    Tensor x = Tensor.ones(3).requiresGrad_(true);
    Tensor y = Checkpoint.call(inputs -> inputs[0].detach().mul(2), List.of(), x.mul(3));
    y.add(x).sum().backward();
    assertEquals("tensor([1., 1., 1.])", String.valueOf(x.grad()));
  }

  @Test
  void a_change_of_an_input_in_place_is_refused() {
    Module inPlace = new ReLU(true).activationCheckpointing(true);
    Tensor x = Tensor.randn(3).requiresGrad_(true);
    var refusal = assertThrows(AutogradException.class, () -> inPlace.call(x.mul(2)));
    assertTrue(String.valueOf(refusal.getMessage()).startsWith("[activation_checkpointing] input 0 was changed in place"),
        refusal.getMessage());
  }

  @Test
  void running_statistics_move_once() {
    var plain = new Sequential(new BatchNorm1d(WIDTH));
    var checkpointed = checkpointed(new Sequential(new BatchNorm1d(WIDTH)));
    assertSame(() -> step(plain, true), () -> step(checkpointed, true));
    assertEquals(plain.buffers().size(), checkpointed.buffers().size());
    for (int i = 0; i < plain.buffers().size(); i++) {
      assertArrayEquals(plain.buffers().get(i).toDoubleArray(), checkpointed.buffers().get(i).toDoubleArray());
    }
  }

  @Test
  void a_call_keeps_its_input_alone() {
    Sequential model = model(4);
    Tensor x = Tensor.randn(4096, WIDTH).requiresGrad_(true);
    long plain = kept(model, x);
    long less = kept(checkpointed(model), x);
    long input = x.numel() * Float.BYTES;
    assertEquals(4 * input, less, "the result of each block, where " + plain + " bytes were kept without");
    assertTrue(plain > 10 * less, plain + " bytes without, " + less + " with");
  }

  /// Bytes that a graph of `model` holds, its result among them: the most of some measurements, since what others have left is freed meanwhile.
  private static long kept(Module model, Tensor x) {
    long most = 0;
    for (int i = 0; i < 5; i++) {
      try (var _ = MemoryScope.open()) {
        long before = MemoryStats.of(Device.CPU).current();
        Tensor y = model.call(x);
        most = Math.max(most, MemoryStats.of(Device.CPU).current() - before);
        assertTrue(y.requiresGrad());
      }
    }
    return most;
  }

  @Test
  void what_is_not_recorded_is_not_run_again() {
    Sequential model = checkpointed(model(1));
    int[] calls = new int[1];
    model.submodule("0.0").registerForwardHook((_, _, _) -> {
      calls[0]++;
      return null;
    });
    try (var _ = GradMode.noGrad()) {
      assertFalse(model.call(Tensor.randn(2, WIDTH)).requiresGrad());
    }
    assertEquals(1, calls[0]);
    model.call(Tensor.randn(2, WIDTH)).sum().backward();
    assertEquals(3, calls[0]);
  }
}
