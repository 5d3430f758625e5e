package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Index;
import org.flambeau.Tensor;
import org.flambeau.testkit.OpInfo.Check;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Every operation keeps to the device of its operands, and refuses operands of two.
public class TwoDevicesTest {
  private static SecondDevice second;

  @BeforeAll
  static void open() {
    second = SecondDevice.open();
  }

  @AfterAll
  static void close() {
    second.close();
  }

  /// Each operand that is not a number is moved to the other device, the others stay.
  @TestFactory
  Stream<DynamicTest> operands_on_two_devices_are_refused_by_both_names() {
    return each(op -> op.exception(Check.TWO_DEVICES) == null, TwoDevicesTest::hasTwoTensors, (op, samples) -> {
      List<String> wrong = new ArrayList<>();
      samples.forEach(sample -> refuse(op, sample, wrong));
      assertEquals(List.of(), wrong);
    });
  }

  /// A test for each operation, with small samples of any dtype.
  private static Stream<DynamicTest> each(Predicate<OpInfo> ops, Predicate<Sample> samples, BiConsumer<OpInfo, Collection<Sample>> check) {
    return OpTable.all().stream().filter(ops).<DynamicTest>mapMulti((op, tests) -> {
      Map<String, Sample> chosen = new LinkedHashMap<>();
      op.samples().stream().filter(sample -> !sample.isLarge() && op.skips(Check.FORWARD, sample) == null).filter(samples)
          .forEach(sample -> chosen.putIfAbsent(sample.name(), sample));
      if (!chosen.isEmpty()) {
        tests.accept(dynamicTest(op.name(), () -> check.accept(op, chosen.values())));
      }
    });
  }

  /// Whether there are two operands of one dimension or more: a number of the CPU may stand beside any tensor.
  private static boolean hasTwoTensors(Sample sample) {
    return sample.inputs(Device.CPU).stream().filter(x -> x.dim() > 0).count() > 1;
  }

  private static void refuse(OpInfo op, Sample sample, List<String> wrong) {
    int operands = sample.inputs(Device.CPU).size();
    for (int i = 0; i < operands; i++) {
      List<Tensor> inputs = sample.inputs(Device.CPU);
      if (inputs.get(i).dim() == 0) {
        continue;
      }
      inputs.set(i, inputs.get(i).to(second.device()));
      try {
        op.call(inputs, sample.attributes());
        wrong.add(sample + ": operand " + i + " was taken from another device");
      } catch (IllegalArgumentException e) {
        String message = String.valueOf(e.getMessage());
        if (!op.isNamedBy(message) || !message.contains("Expected all tensors to be on the same device")
            || !message.contains("cpu") || !message.contains(second.device().toString())) {
          wrong.add(sample + ": with operand " + i + " on another device: " + message);
        }
      }
    }
  }

  @Test
  void positions_on_the_cpu_index_a_tensor_of_another_device() {
    Tensor x = Tensor.arange(6).reshape(2, 3);
    for (Tensor positions : List.of(Tensor.of(1L, 0L), Tensor.of(false, true))) {
      Tensor picked = x.to(second.device()).index(Index.of(positions));
      assertEquals(second.device(), picked.device());
      assertArrayEquals(x.index(Index.of(positions)).toLongArray(), picked.toLongArray());
    }
    var refusal = assertThrows(IllegalArgumentException.class, () -> x.index(Index.of(Tensor.of(1L, 0L).to(second.device()))));
    String message = String.valueOf(refusal.getMessage());
    assertTrue(message.startsWith("[index] Expected all tensors to be on the same device"), message);
  }

  @Test
  void copies_go_from_one_device_to_the_other() {
    Tensor x = Tensor.arange(6).reshape(2, 3).t();
    Tensor there = Tensor.zeros(second.device(), DType.FLOAT32, 3, 2).copy_(x);
    assertEquals(second.device(), there.device());
    assertArrayEquals(x.toLongArray(), there.cpu().toLongArray());
    Tensor leaf = Tensor.ones(3).requiresGrad_(true);
    leaf.to(second.device()).mul(2).sum().backward();
    assertEquals(Device.CPU, Objects.requireNonNull(leaf.grad()).device());
    assertArrayEquals(new float[] {2, 2, 2}, Objects.requireNonNull(leaf.grad()).toFloatArray());
  }

  /// Results and gradients are where the operands are, and what they are on the CPU.
  @TestFactory
  Stream<DynamicTest> operations_stay_on_the_device_of_their_operands() {
    return each(_ -> true, sample -> !sample.inputs(Device.CPU).isEmpty(),
        (op, samples) -> samples.forEach(sample -> compare(op, sample)));
  }

  private static void compare(OpInfo op, Sample sample) {
    List<Tensor> inputs = Runs.leaves(sample, sample.inputs(second.device()), -1);
    List<Tensor> results = op.call(inputs, sample.attributes());
    @Nullable Tensor[] gradients = Runs.gradients(results, inputs, sample.cotangents(results.size(), second.device()));
    for (int i = 0; i < results.size(); i++) {
      check(sample + ", result " + i, op, sample, results.get(i), sample.output(i), 1);
    }
    for (int i = 0; i < gradients.length; i++) {
      if (sample.wantsGradient(i)) {
        check(sample + ", gradient " + i, op, sample, Objects.requireNonNull(gradients[i]), sample.gradient(i), 2);
      }
    }
  }

  private static void check(String what, OpInfo op, Sample sample, Tensor actual, Tensor expected, double factor) {
    assertEquals(second.device(), actual.device(), what);
    String wrong = Runs.compare(op, sample, actual, expected, factor);
    assertTrue(wrong == null, () -> what + ": " + wrong);
  }

  /// A leaf that has had a gradient may move.
  @Test
  void gradients_follow_a_leaf_to_another_device() {
    Tensor leaf = Tensor.ones(2).requiresGrad_(true);
    leaf.mul(2).sum().backward();
    leaf.setGrad(null);
    leaf.setData(leaf.detach().to(second.device()));
    leaf.mul(3).sum().backward();
    Tensor grad = Objects.requireNonNull(leaf.grad());
    assertEquals(second.device(), grad.device());
    assertArrayEquals(new double[] {3, 3}, grad.toDoubleArray());
  }
}
