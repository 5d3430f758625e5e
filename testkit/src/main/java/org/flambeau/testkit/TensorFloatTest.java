package org.flambeau.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/// What is made of products, and its gradients, is as near to float64's as the rounding of factors to TF32 explains where [MatmulPrecision] allows it.
/// GPUs do round; on the CPU, which does not, the precision changes nothing.
public class TensorFloatTest {
  private static final Set<String> PRODUCTS = Set.of("matmul", "bmm", "mm", "mv", "dot", "addmm", "baddbmm", "tensordot", "tensordot_count",
      "einsum", "linear");
  /// Where factors are computed from products, so that a rounding comes to more than its share of a sum.
  private static final Set<String> COMPOSED = Set.of("linear_gelu", "attention", "attention_mask");
  /// What multiplies, as the table says what an operation records.
  private static final Set<String> MULTIPLYING = Set.of("mm", "bmm", "mv", "dot", "addmm", "baddbmm", "linear",
      "scaled_dot_product_attention");
  /// What a product is wrong by, relatively, whose two factors are rounded to a mantissa of 10 bits.
  private static final double ROUNDING = 0x1p-10;
  /// More than the samples come to, 1.6 at most, and less than by bfloat16, where a rounding is 8 times as large.
  private static final double COMPOSED_ROUNDINGS = 4;
  private static final String DEVICES = "flambeau.testkit.devices";

  @AfterEach
  void restorePrecision() {
    MatmulPrecision.setCurrent(MatmulPrecision.HIGHEST);
  }

  /// Results, then the gradients of operands that have one.
  private record Outcome(List<double[]> numbers) {
    static Outcome of(OpInfo op, Sample sample, Attributes attributes, List<Tensor> operands, DType dtype, boolean absolute) {
      Device device = operands.getFirst().device();
      List<Tensor> inputs = Runs.leaves(sample, new ArrayList<>(operands.stream().map(x -> converted(x, dtype, absolute)).toList()), -1);
      List<Tensor> results = op.call(inputs, attributes);
      @Nullable Tensor[] cotangents = sample.cotangents(results.size(), device);
      for (int i = 0; i < cotangents.length; i++) {
        Tensor cotangent = cotangents[i];
        cotangents[i] = cotangent == null ? null : converted(cotangent, dtype, absolute);
      }
      List<double[]> numbers = new ArrayList<>();
      results.forEach(result -> numbers.add(result.detach().toDoubleArray()));
      if (sample.hasGradients()) {
        for (Tensor gradient : Runs.gradients(results, inputs, cotangents)) {
          if (gradient != null) {
            numbers.add(gradient.toDoubleArray());
          }
        }
      }
      return new Outcome(numbers);
    }

    /// What float32 makes of the numbers, or their absolute values, in a dtype.
    private static Tensor converted(Tensor x, DType dtype, boolean absolute) {
      Tensor float32 = x.dtype().isFloating() ? x.detach().to(DType.FLOAT32) : x;
      return x.dtype().isFloating() ? (absolute ? float32.abs() : float32).to(dtype) : x;
    }

    boolean isSame(Outcome other) {
      return Arrays.deepEquals(numbers.toArray(), other.numbers.toArray());
    }
  }

  private static List<Device> devices() {
    String named = System.getProperty(DEVICES, "");
    return named.isEmpty() ? Stream.of(Device.CPU, Device.best()).distinct().toList()
        : Stream.of(named.split(",")).map(Device::parse).toList();
  }

  @TestFactory
  Stream<DynamicTest> results_and_gradients_are_as_near_as_tensor_floats() {
    List<OpInfo> ops = OpTable.all().stream().filter(op -> PRODUCTS.contains(op.name()) || COMPOSED.contains(op.name())).toList();
    assertEquals(PRODUCTS.size() + COMPOSED.size(), ops.size());
    assertEquals(List.of(), OpTable.all().stream().filter(op -> !ops.contains(op) && !Collections.disjoint(op.records(), MULTIPLYING))
        .map(OpInfo::name).toList(), "made of products, but neither among those nor composed of them");
    return devices().stream()
        .flatMap(device -> ops.stream().map(op -> dynamicTest(op.name() + " on " + device, () -> examine(op, device))));
  }

  private static void examine(OpInfo op, Device device) {
    boolean rounds = false;
    int examined = 0;
    for (Sample sample : op.samples()) {
      boolean real = sample.dtype() == DType.FLOAT64 || sample.dtype() == DType.FLOAT32;
      if (!real || sample.isLarge()) {
        continue;
      }
      Attributes attributes = sample.attributes();
      MatmulPrecision.setCurrent(MatmulPrecision.HIGHEST);
      Outcome exact = Outcome.of(op, sample, attributes, sample.inputs(device), DType.FLOAT32, false);
      MatmulPrecision.setCurrent(MatmulPrecision.HIGH);
      Outcome actual = Outcome.of(op, sample, attributes, sample.inputs(device), DType.FLOAT32, false);
      Outcome expected = Outcome.of(op, sample, attributes, sample.inputs(Device.CPU), DType.FLOAT64, false);
      Outcome scale = Outcome.of(op, sample, positive(attributes), sample.inputs(Device.CPU), DType.FLOAT64, true);
      for (int i = 0; i < expected.numbers.size(); i++) {
        compare(op, sample, i, actual.numbers.get(i), expected.numbers.get(i), scale.numbers.get(i));
      }
      rounds |= !actual.isSame(exact);
      examined++;
    }
    assertTrue(examined > 0, "there is no sample");
    assertEquals(device.type() != Device.Type.CPU, rounds, "whether factors are rounded");
  }

  /// With the factors of sums as absolute values.
  private static Attributes positive(Attributes attributes) {
    Attributes result = attributes;
    for (String name : List.of("alpha", "beta")) {
      if (attributes.has(name)) {
        result = result.with(name, String.valueOf(Math.abs(attributes.number(name))));
      }
    }
    return result;
  }

  /// Of products, a sum is wrong by at most the rounding of the sum of its terms' absolute values, once for each product that is behind it; what is
  /// composed by [#COMPOSED_ROUNDINGS] that of the largest number.
  private static void compare(OpInfo op, Sample sample, int index, double[] actual, double[] expected, double[] scale) {
    boolean sums = PRODUCTS.contains(op.name());
    int products = op.name().equals("einsum") ? Math.max(1, sample.inputs(Device.CPU).size() - 1) : 1;
    double factor = ROUNDING * (sums ? products : COMPOSED_ROUNDINGS);
    double largest = Arrays.stream(expected).map(Math::abs).filter(Double::isFinite).max().orElse(0);
    var float32 = Closeness.of(DType.FLOAT32, op.tolerance());
    for (int i = 0; i < expected.length; i++) {
      double bound = factor * (sums ? scale[i] : largest) + float32.atol() + float32.rtol() * Math.abs(expected[i]);
      double wrong = Math.abs(actual[i] - expected[i]);
      if (!(wrong <= bound) && Double.compare(actual[i], expected[i]) != 0) {
        throw new AssertionError(
            String.format(Locale.ROOT, "%s %s: number %d, element %d: expected %s, got %s, which is wrong by %.2g and not at most %.2g",
                sample, sample.attributes(), index, i, expected[i], actual[i], wrong, bound));
      }
    }
  }
}
