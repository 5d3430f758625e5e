package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.MemoryFormat;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.autograd.GradCheck;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.InterpolationMode;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.nn.PoolOptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// Functions give PyTorch's values and gradients, and their gradients can be differentiated again.
final class FunctionalTest {
  private interface Function {
    Tensor of(Tensor... x);
  }

  private static final Map<String, Function> FUNCTIONS = new TreeMap<>();

  static {
    put("conv2d", x -> Functional.conv2d(x[0], x[1], x[2], ConvOptions.of().stride(2, 1).padding(1, 2).dilation(1, 2)));
    put("conv2d_groups", x -> Functional.conv2d(x[0], x[1], null, ConvOptions.of().groups(2).padding(1)));
    put("conv2d_depthwise", x -> Functional.conv2d(x[0], x[1], x[2], ConvOptions.of().groups(3)));
    put("conv2d_same_even", x -> Functional.conv2d(x[0], x[1], null, ConvOptions.of().samePadding(true)));
    put("conv2d_unbatched", x -> Functional.conv2d(x[0], x[1], x[2]));
    put("conv1d", x -> Functional.conv1d(x[0], x[1], x[2], ConvOptions.of().stride(2).padding(1).dilation(2)));
    put("conv_transpose2d",
        x -> Functional.convTranspose2d(x[0], x[1], x[2], ConvOptions.of().stride(2).padding(1).outputPadding(1).groups(2)));
    put("max_pool2d", x -> Functional.maxPool2d(x[0], PoolOptions.kernel(3).stride(2).padding(1)));
    put("max_pool2d_ceil_dilated",
        x -> Functional.maxPool2d(x[0], PoolOptions.kernel(2, 3).stride(2).padding(1).dilation(2, 1).ceilMode(true)));
    put("avg_pool2d", x -> Functional.avgPool2d(x[0], PoolOptions.kernel(3).stride(2).padding(1)));
    put("avg_pool2d_ceil",
        x -> Functional.avgPool2d(x[0], PoolOptions.kernel(3).stride(2).padding(1).ceilMode(true).countIncludePad(false)));
    put("avg_pool2d_divisor", x -> Functional.avgPool2d(x[0], PoolOptions.kernel(2).divisorOverride(3)));
    put("adaptive_avg_pool2d", x -> Functional.adaptiveAvgPool2d(x[0], 3, 5));
    put("adaptive_avg_pool2d_one", x -> Functional.adaptiveAvgPool2d(x[0], 1, 1));
    put("max_pool1d", x -> Functional.maxPool1d(x[0], PoolOptions.kernel(3).stride(2)));
    put("layer_norm", x -> Functional.layerNorm(x[0], new long[] {4, 5}, x[1], x[2]));
    put("layer_norm_plain", x -> Functional.layerNorm(x[0], new long[] {5}, null, null));
    put("layer_norm_frozen", x -> Functional.layerNorm(x[0], new long[] {5}, x[1], x[2]));
    put("group_norm", x -> Functional.groupNorm(x[0], 2, x[1], x[2], 1e-5));
    put("instance_norm", x -> Functional.instanceNorm(x[0], null, null, x[1], x[2], true, 0.1, 1e-5));
    put("batch_norm", x -> Functional.batchNorm(x[0], null, null, x[1], x[2], true, 0.1, 1e-5));
    put("batch_norm_eval", x -> Functional.batchNorm(x[0], x[1], x[2], x[3], x[4], false, 0.1, 1e-5));
    put("batch_norm_eval_frozen", x -> Functional.batchNorm(x[0], x[1], x[2], x[3], x[4], false, 0.1, 1e-5));
    put("attention", x -> Functional.scaledDotProductAttention(x[0], x[1], x[2]));
    put("attention_causal", x -> Functional.scaledDotProductAttention(x[0], x[1], x[2], null, 0, true, 0.3));
    put("attention_mask", x -> Functional.scaledDotProductAttention(x[0], x[1], x[2], x[3], 0, false));
    put("attention_bias", x -> Functional.scaledDotProductAttention(x[0], x[1], x[2], x[3], 0, false));
    put("linear", x -> Functional.linear(x[0], x[1], x[2]));
    put("linear_vector", x -> Functional.linear(x[0], x[1], x[2]));
    put("linear_no_bias", x -> Functional.linear(x[0], x[1]));
    for (Reduction reduction : new Reduction[] {Reduction.NONE, Reduction.MEAN, Reduction.SUM}) {
      String suffix = "_" + reduction.name().toLowerCase(java.util.Locale.ROOT);
      put("cross_entropy" + suffix, x -> Functional.crossEntropy(x[0], x[1], reduction));
      put("cross_entropy_weight" + suffix, x -> Functional.crossEntropy(x[0], x[1], x[2], reduction, -100, 0));
      put("cross_entropy_smooth" + suffix, x -> Functional.crossEntropy(x[0], x[1], x[2], reduction, -100, 0.2));
      put("cross_entropy_images" + suffix, x -> Functional.crossEntropy(x[0], x[1], null, reduction, 1, 0));
      put("cross_entropy_probabilities" + suffix, x -> Functional.crossEntropy(x[0], x[1], x[2], reduction, -100, 0.1));
    }
    put("cross_entropy_one", x -> Functional.crossEntropy(x[0], x[1]));
    put("nll_loss", x -> Functional.nllLoss(x[0], x[1]));
    put("mse_loss", x -> Functional.mseLoss(x[0], x[1]));
    put("mse_loss_none", x -> Functional.mseLoss(x[0], x[1], Reduction.NONE));
    put("l1_loss", x -> Functional.l1Loss(x[0], x[1]));
    put("smooth_l1_loss", x -> Functional.smoothL1Loss(x[0], x[1], Reduction.MEAN, 0.7));
    put("huber_loss", x -> Functional.huberLoss(x[0], x[1], Reduction.SUM, 0.7));
    put("binary_cross_entropy", x -> Functional.binaryCrossEntropy(x[0], x[1], x[2], Reduction.MEAN));
    put("bce_with_logits", x -> Functional.binaryCrossEntropyWithLogits(x[0], x[1]));
    put("bce_with_logits_weights", x -> Functional.binaryCrossEntropyWithLogits(x[0], x[1], x[2], Reduction.MEAN, x[3]));
    put("kl_div", x -> Functional.klDiv(x[0], x[1], Reduction.BATCH_MEAN, false));
    put("kl_div_log", x -> Functional.klDiv(x[0], x[1], Reduction.SUM, true));
    put("softplus", x -> Functional.softplus(x[0], 2, 3));
    put("hardswish", x -> Functional.hardswish(x[0]));
    put("hardsigmoid", x -> Functional.hardsigmoid(x[0]));
    put("relu6", x -> Functional.relu6(x[0]));
    put("mish", x -> Functional.mish(x[0]));
    put("logsigmoid", x -> Functional.logSigmoid(x[0]));
    put("glu", x -> Functional.glu(x[0], 1));
    put("normalize", x -> Functional.normalize(x[0]));
    put("cosine_similarity", x -> Functional.cosineSimilarity(x[0], x[1]));
    put("pad", x -> Functional.pad(x[0], 1.5, 1, -2, 3, 0));
    put("pad_reflect", x -> Functional.pad(x[0], PaddingMode.REFLECT, 2, 1, 1, 2));
    put("pad_replicate", x -> Functional.pad(x[0], PaddingMode.REPLICATE, 2, 1));
    put("interpolate_nearest", x -> Functional.interpolate(x[0], InterpolationMode.NEAREST, 5, 3));
    put("interpolate_nearest_scale", x -> Functional.interpolateBy(x[0], InterpolationMode.NEAREST, 2.4));
    put("interpolate_bilinear", x -> Functional.interpolate(x[0], InterpolationMode.BILINEAR, 5, 3));
    put("interpolate_bilinear_corners", x -> Functional.interpolate(x[0], InterpolationMode.BILINEAR, true, 5, 7));
    put("interpolate_linear_scale", x -> Functional.interpolateBy(x[0], InterpolationMode.LINEAR, 2.4));
    put("pad_circular", x -> Functional.pad(x[0], PaddingMode.CIRCULAR, 2, 1));
  }

  private static void put(String name, Function function) {
    FUNCTIONS.put(name, function);
  }

  /// The operands, of which those require grad whose gradient is known.
  private static Tensor[] operands(String name, DType dtype) {
    List<Tensor> operands = new ArrayList<>();
    for (int i = 0; NnGoldens.has(name + "/x" + i); i++) {
      operands.add(cast(name + "/x" + i, dtype).requiresGrad_(NnGoldens.has(name + "/d" + i)));
    }
    return operands.toArray(Tensor[]::new);
  }

  @Test
  void every_golden_has_its_function() {
    assertEquals(NnGoldens.cases(), new TreeSet<>(FUNCTIONS.keySet()));
  }

  @TestFactory
  Stream<DynamicTest> values_and_gradients_are_pytorchs_in_float64() {
    return FUNCTIONS.keySet().stream()
        .map(name -> dynamicTest(name, () -> check(name, DType.FLOAT64, name.equals("hardsigmoid") ? 1e-7 : 1e-10))); // PyTorch: 1f/6
  }

  /// The dtype of which backends have fused kernels.
  @TestFactory
  Stream<DynamicTest> values_and_gradients_are_pytorchs_in_float32() {
    return FUNCTIONS.keySet().stream().map(name -> dynamicTest(name, () -> check(name, DType.FLOAT32, 2e-5)));
  }

  private static void check(String name, DType dtype, double tolerance) {
    Tensor[] x = operands(name, dtype);
    Tensor y = FUNCTIONS.get(name).of(x);
    NnGoldens.assertClose(cast(name + "/y", dtype), y, tolerance, name);
    y.backward(cast(name + "/g", dtype));
    for (int i = 0; i < x.length; i++) {
      if (NnGoldens.has(name + "/d" + i)) {
        Tensor grad = x[i].grad();
        assertNotNull(grad, name);
        NnGoldens.assertClose(cast(name + "/d" + i, dtype), grad, tolerance, name + ", gradient " + i);
      }
    }
  }

  private static Tensor cast(String name, DType dtype) {
    Tensor x = NnGoldens.get(name);
    return x.dtype().isFloating() ? x.to(dtype) : x;
  }

  @TestFactory
  Stream<DynamicTest> gradients_can_be_differentiated_again() {
    return FUNCTIONS.entrySet().stream().map(each -> dynamicTest(each.getKey(), () -> {
      Tensor[] x = operands(each.getKey(), DType.FLOAT64);
      List<Tensor> inputs = Stream.of(x).filter(Tensor::requiresGrad).toList();
      GradCheck.checkSecond(list -> List.of(each.getValue().of(withInputs(x, list))), inputs);
    }));
  }

  private static Tensor[] withInputs(Tensor[] x, List<Tensor> inputs) {
    Tensor[] all = x.clone();
    for (int i = 0, next = 0; i < x.length; i++) {
      all[i] = x[i].requiresGrad() ? inputs.get(next++) : x[i];
    }
    return all;
  }

  @Test
  void nodes_are_pytorchs() {
    Tensor x = Tensor.ones(1, 4, 2, 2).requiresGrad_(true);
    Map<String, Tensor> results = Map.of("CeluBackward0", Functional.celu(x, 2), "EluBackward0", Functional.selu(x), "GluBackward0",
        Functional.glu(x, 1), "PreluKernelBackward0", Functional.prelu(x, Tensor.ones(4)), "ThresholdBackward0",
        Functional.threshold(x, 1, 2), "PixelShuffleBackward0", Functional.pixelShuffle(x, 2));
    results.forEach((name, y) -> assertEquals(name, Objects.requireNonNull(y.gradFn()).name()));
  }

  @Test
  void infinite_elements_that_a_weight_does_not_touch_leave_its_gradient_finite() {
    Tensor x = Tensor.of(Double.POSITIVE_INFINITY, -2);
    Tensor weight = Tensor.of(0.25).requiresGrad_(true);
    Functional.prelu(x, weight).backward(Tensor.of(1.0, 3));
    assertEquals(-6, Objects.requireNonNull(weight.grad()).toDouble());
  }

  /// Where it lies as the images did, its result still has memory of its own: a leaf behind it is not changed with it.
  @Test
  void pixel_shuffle_is_no_view() {
    for (Tensor x : List.of(Tensor.ones(1, 4, 1, 1), Tensor.ones(1, 4, 1, 1).to(MemoryFormat.CHANNELS_LAST),
        Tensor.ones(DType.INT64, 1, 4, 1, 1))) {
      for (int factor : new int[] {1, 2}) {
        Tensor leaf = x.clone().requiresGrad_(x.dtype().isFloating());
        Tensor y = Functional.pixelShuffle(leaf, factor).mul_(3);
        assertEquals(4, leaf.sum().toDouble());
        assertEquals(12, y.sum().toDouble());
        if (leaf.requiresGrad()) {
          y.sum().backward();
          assertArrayEquals(new double[] {3, 3, 3, 3}, leaf.grad().toDoubleArray());
        }
      }
    }
  }

  /// By PyTorch, whose second derivative at 0 is 0, as is that of what is not taken where the exponential overflows.
  @Test
  void second_derivatives_of_exponential_units_are_0_where_they_are_straight() {
    double selu = 1.0507009873554805 * 1.6732632423543772;
    assertSecond(Functional::elu, Math.exp(-2));
    assertSecond(Functional::selu, selu * Math.exp(-2));
    assertSecond(x -> Functional.celu(x, 1), Math.exp(-2));
    assertSecond(x -> Functional.celu(x, 2), Math.exp(-1) / 2);
    assertSecond(x -> Functional.celu(x, -0.5), -2 * Math.exp(4));
  }

  private static void assertSecond(UnaryOperator<Tensor> function, double below) {
    Tensor x = Tensor.of(-2, 0, 1, 100, 1000, Double.POSITIVE_INFINITY, Double.NaN).requiresGrad_(true);
    Tensor first = Autograd.grad(function.apply(x).sum(), List.of(x), BackwardOption.CREATE_GRAPH).getFirst();
    double[] second = Autograd.grad(first.sum(), List.of(x)).getFirst().toDoubleArray();
    assertEquals(below, second[0], 1e-12 * Math.abs(below));
    assertArrayEquals(new double[6], Arrays.copyOfRange(second, 1, second.length));
  }

  @Test
  void prelu_beside_an_infinite_element_can_be_differentiated_again() {
    Tensor x = Tensor.of(Double.POSITIVE_INFINITY, -2).requiresGrad_(true);
    Tensor weight = Tensor.of(0.25).requiresGrad_(true);
    Tensor upstream = Tensor.ones(DType.FLOAT64, 2).requiresGrad_(true);
    List<Tensor> first = Autograd.grad(List.of(Functional.prelu(x, weight)), List.of(x, weight), List.of(upstream),
        BackwardOption.CREATE_GRAPH);
    List<Tensor> second = Autograd.grad(first.getFirst().sum().add(first.getLast().sum()), List.of(upstream, x, weight));
    assertArrayEquals(new double[] {1, -1.75}, second.getFirst().toDoubleArray());
    assertArrayEquals(new double[] {0, 1}, second.get(1).toDoubleArray());
    assertEquals(1, second.getLast().toDouble());
  }

  /// By PyTorch, which clamps the norm without recording it.
  @Test
  void a_norm_below_epsilon_has_its_derivative_in_the_cosine_similarity() {
    Tensor x1 = Tensor.of(3e-3, 0).view(1, 2).requiresGrad_(true);
    Tensor x2 = Tensor.of(1.0, 1).view(1, 2).requiresGrad_(true);
    Tensor y = Functional.cosineSimilarity(x1, x2, 1, 1e-2);
    assertEquals(0.2121320343559643, y.toDouble(), 1e-12);
    y.sum().backward();
    assertArrayEquals(new double[] {49.49747468305833, 70.71067811865476}, x1.grad().toDoubleArray(), 1e-9);
    assertArrayEquals(new double[] {0.10606601717798211, -0.10606601717798211}, x2.grad().toDoubleArray(), 1e-12);
  }

  /// A size of 1 along the dimension is broadcast before the norm, as in PyTorch; any other after it.
  @Test
  void cosine_similarity_is_of_all_pairs_and_of_single_elements() {
    Tensor x = Tensor.of(1.0, 2, 2);
    Tensor single = Tensor.of(3.0, 4).view(2, 1);
    double expected = 5 / (3 * Math.sqrt(3));
    assertArrayEquals(new double[] {expected, expected}, Functional.cosineSimilarity(x, single, 1, 1e-8).toDoubleArray(), 1e-12);
    double column = 7 / (5 * Math.sqrt(2));
    assertArrayEquals(new double[] {column, column, column}, Functional.cosineSimilarity(x, single, 0, 1e-8).toDoubleArray(), 1e-12);
    assertEquals(-1, Functional.cosineSimilarity(Tensor.scalar(2.0), Tensor.scalar(-3.0), 0, 1e-8).toDouble());
    Tensor a = Tensor.randn(4, 1, 3);
    Tensor b = Tensor.randn(1, 5, 3);
    Tensor pairs = Functional.cosineSimilarity(a, b, 2, 1e-8);
    Tensor all = Functional.cosineSimilarity(a.expand(4, 5, 3).contiguous(), b.expand(4, 5, 3).contiguous(), 2, 1e-8);
    assertArrayEquals(new long[] {4, 5}, pairs.sizes());
    assertArrayEquals(all.toDoubleArray(), pairs.toDoubleArray(), 1e-6);
  }

  @Test
  void celu_falls_where_its_alpha_is_negative() {
    assertArrayEquals(new double[] {2, -2 * Math.expm1(0.5)}, Functional.celu(Tensor.of(2.0, -1), -2).toDoubleArray(), 1e-15);
  }

  @Test
  void rms_norm_is_printed_as_the_last_of_its_steps() {
    Tensor x = Tensor.ones(2, 4).requiresGrad_(true);
    assertEquals("MulBackward0", Objects.requireNonNull(Functional.rmsNorm(x, new long[] {4}, null, null).gradFn()).name());
    assertEquals("MulBackward0",
        Objects.requireNonNull(Functional.rmsNorm(x.to(DType.FLOAT64), new long[] {4}, null, null).gradFn()).name());
    assertEquals("ToCopyBackward0",
        Objects.requireNonNull(Functional.rmsNorm(x.to(DType.BFLOAT16), new long[] {4}, null, null).gradFn()).name());
  }
}
