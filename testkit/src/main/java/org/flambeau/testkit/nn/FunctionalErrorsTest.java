package org.flambeau.testkit.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Functional.PaddingMode;
import org.flambeau.nn.Hardtanh;
import org.flambeau.nn.PoolOptions;
import org.flambeau.nn.optim.Sgd;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/// What is refused is refused in PyTorch's words.
final class FunctionalErrorsTest {
  private static final Map<String, Executable> CASES = new LinkedHashMap<>();

  private static void on(String name, Executable wrong) {
    CASES.put(name, wrong);
  }

  // spotless:off
  static {
    on("conv2d channels in groups", () -> conv2d(ones(1, 3, 5, 5), ones(4, 2, 3, 3), null, options().groups(2)));
    on("conv2d rank", () -> conv2d(ones(5, 5), ones(4, 2, 3, 3), null, options()));
    on("conv2d bias", () -> conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), ones(3), options()));
    on("conv2d kernel too large", () -> conv2d(ones(1, 3, 2, 2), ones(4, 3, 3, 3), null, options()));
    on("conv2d stride", () -> conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), null, options().stride(0)));
    on("conv2d dilation", () -> conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), null, options().dilation(0)));
    on("conv2d padding", () -> conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), null, options().padding(-1)));
    on("conv2d groups", () -> conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), null, options().groups(0)));
    on("conv2d outputs in groups", () -> conv2d(ones(1, 4, 5, 5), ones(3, 2, 3, 3), null, options().groups(2)));
    on("conv2d same with stride", () -> conv2d(ones(1, 3, 5, 5), ones(4, 3, 3, 3), null, options().samePadding(true).stride(2)));
    on("conv1d rank", () -> Functional.conv1d(ones(3), ones(4, 3, 3), null));
    on("conv1d channels", () -> Functional.conv1d(ones(1, 2, 5), ones(4, 3, 3), null));
    on("conv1d kernel too large", () -> Functional.conv1d(ones(1, 3, 2), ones(4, 3, 3), null));
    on("conv_transpose2d channels", () -> Functional.convTranspose2d(ones(1, 2, 5, 5), ones(3, 4, 3, 3), null, options()));
    on("conv_transpose2d bias", () -> Functional.convTranspose2d(ones(1, 3, 5, 5), ones(3, 4, 3, 3), ones(3), options()));
    on("conv_transpose2d output padding",
        () -> Functional.convTranspose2d(ones(1, 3, 5, 5), ones(3, 4, 3, 3), null, options().outputPadding(1)));
    on("conv_transpose2d too small", () -> Functional.convTranspose2d(ones(1, 3, 1, 1), ones(3, 4, 3, 3), null, options().padding(2)));
    on("max_pool2d rank", () -> Functional.maxPool2d(ones(5, 5), 2));
    on("max_pool2d padding", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(2).padding(2)));
    on("max_pool2d dilated padding", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(3).padding(2).dilation(2)));
    on("max_pool2d negative padding", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(2).padding(-1)));
    on("max_pool2d too small", () -> Functional.maxPool2d(ones(1, 3, 1, 1), 2));
    on("max_pool2d kernel", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(0).stride(1)));
    on("max_pool2d stride", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(2).stride(-1)));
    on("max_pool2d no stride", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(2).stride(0)));
    on("max_pool2d dilation", () -> Functional.maxPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(2).dilation(0)));
    on("max_pool2d no rows", () -> Functional.maxPool2d(ones(1, 3, 0, 5), 2));
    on("avg_pool2d divisor", () -> Functional.avgPool2d(ones(1, 3, 5, 5), PoolOptions.kernel(2).divisorOverride(0)));
    on("adaptive_avg_pool2d rank", () -> Functional.adaptiveAvgPool2d(ones(5, 5), 2, 2));
    on("adaptive_avg_pool2d size", () -> Functional.adaptiveAvgPool2d(ones(1, 3, 5, 5), -2, -2));
    on("adaptive_avg_pool2d no rows", () -> Functional.adaptiveAvgPool2d(ones(1, 3, 0, 5), 2, 2));
    on("layer_norm no shape", () -> Functional.layerNorm(ones(2, 3), new long[0], null, null));
    on("layer_norm weight", () -> Functional.layerNorm(ones(2, 4), new long[] {4}, ones(3), null));
    on("batch_norm no statistics", () -> batchNorm(ones(2, 3), null, null, null, false));
    on("batch_norm one statistic", () -> batchNorm(ones(2, 3), ones(3), null, null, true));
    on("batch_norm one value", () -> batchNorm(ones(1, 3), ones(3), ones(3), null, true));
    on("batch_norm statistics", () -> batchNorm(ones(2, 3), ones(4), ones(3), null, true));
    on("batch_norm weight", () -> batchNorm(ones(2, 3), ones(3), ones(3), ones(4), false));
    on("group_norm division", () -> Functional.groupNorm(ones(2, 4, 3), 3, null, null, 1e-5));
    on("group_norm one value", () -> Functional.groupNorm(ones(1, 4, 1, 1), 4, null, null, 1e-5));
    on("group_norm weight", () -> Functional.groupNorm(ones(2, 4, 3), 2, ones(3), null, 1e-5));
    on("instance_norm one place", () -> Functional.instanceNorm(ones(2, 4, 1), null, null, null, null, true, 0.1, 1e-5));
    on("instance_norm no statistics", () -> Functional.instanceNorm(ones(2, 4, 3), null, null, null, null, false, 0.1, 1e-5));
    on("attention ranks", () -> Functional.scaledDotProductAttention(ones(8), ones(8), ones(8)));
    on("attention dropout", () -> Functional.scaledDotProductAttention(ones(2, 8), ones(2, 8), ones(2, 8), null, 2, false));
    on("linear ranks", () -> Functional.linear(Tensor.scalar(1f), ones(2, 3)));
    on("cross_entropy batch", () -> Functional.crossEntropy(ones(4, 3), classes(5)));
    on("cross_entropy multi-target", () -> Functional.crossEntropy(ones(4, 3), classes(4, 1)));
    on("cross_entropy places", () -> Functional.crossEntropy(ones(4, 3, 5), classes(4, 6)));
    on("cross_entropy smoothing", () -> crossEntropy(ones(4, 3), classes(4), null, -100, 1.1));
    on("cross_entropy weight", () -> crossEntropy(ones(4, 3), classes(4), ones(4), -100, 0));
    on("cross_entropy ignored probabilities", () -> crossEntropy(ones(4, 3), ones(4, 3), null, 1, 0));
    on("cross_entropy weight's gradient", () -> crossEntropy(ones(4, 3), classes(4), ones(3).requiresGrad_(true), -100, 0));
    on("nll_loss rank", () -> Functional.nllLoss(Tensor.scalar(1f), Tensor.scalar(1L)));
    on("nll_loss class", () -> Functional.nllLoss(ones(1, 3, 4), Tensor.of(new long[][] {{0, 1, 2, 3}})));
    on("smooth_l1_loss beta", () -> Functional.smoothL1Loss(ones(3), ones(3), Reduction.MEAN, -1));
    on("huber_loss delta", () -> Functional.huberLoss(ones(3), ones(3), Reduction.MEAN, 0));
    on("binary_cross_entropy sizes", () -> Functional.binaryCrossEntropy(ones(3, 2), ones(3)));
    on("binary_cross_entropy range", () -> Functional.binaryCrossEntropy(Tensor.of(1.5f), ones(1)));
    on("bce_with_logits sizes", () -> Functional.binaryCrossEntropyWithLogits(ones(3, 2), ones(3)));
    on("bce_with_logits weight's gradient",
        () -> Functional.binaryCrossEntropyWithLogits(ones(3), ones(3), null, Reduction.MEAN, ones(3).requiresGrad_(true)));
    on("dropout", () -> Functional.dropout(ones(3), 1.5, true));
    on("embedding rank", () -> Functional.embedding(classes(3), ones(4)));
    on("one_hot negative", () -> Functional.oneHot(Tensor.of(-1L, 5)));
    on("one_hot too large", () -> Functional.oneHot(Tensor.of(0L, 5), 3));
    on("one_hot dtype", () -> Functional.oneHot(ones(3)));
    on("one_hot empty", () -> Functional.oneHot(classes(0)));
    on("Hardtanh", () -> new Hardtanh(1, 1));
    on("hardtanh", () -> Functional.hardtanh(ones(3), 1, -1));
    on("glu", () -> Functional.glu(ones(3), 0));
    on("pad odd", () -> Functional.pad(ones(2, 3, 4), 1, 2, 3));
    on("pad long", () -> Functional.pad(ones(2), 1, 2, 3, 4));
    on("pad reflect", () -> Functional.pad(ones(2, 3, 4), PaddingMode.REFLECT, 4, 2));
    on("sgd lr", () -> new Sgd(List.of(leaf()), Sgd.options().lr(-1)));
    on("sgd momentum", () -> new Sgd(List.of(leaf()), Sgd.options().momentum(-1)));
    on("sgd weight decay", () -> new Sgd(List.of(leaf()), Sgd.options().weightDecay(-1)));
    on("sgd nesterov", () -> new Sgd(List.of(leaf()), Sgd.options().nesterov(true)));
    on("sgd nothing", () -> new Sgd(List.<Tensor>of()));
    on("sgd result", () -> new Sgd(List.of(leaf().mul(2))));
    on("sgd twice", () -> twice(leaf()));
  }
  // spotless:on

  private static Tensor ones(long... sizes) {
    return Tensor.ones(sizes);
  }

  private static Tensor leaf() {
    return ones(2).requiresGrad_(true);
  }

  private static Tensor classes(long... sizes) {
    return Tensor.zeros(DType.INT64, sizes);
  }

  private static ConvOptions options() {
    return ConvOptions.of();
  }

  private static Tensor conv2d(Tensor x, Tensor weight, @Nullable Tensor bias, ConvOptions options) {
    return Functional.conv2d(x, weight, bias, options);
  }

  private static Tensor batchNorm(Tensor x, @Nullable Tensor mean, @Nullable Tensor var, @Nullable Tensor weight, boolean training) {
    return Functional.batchNorm(x, mean, var, weight, null, training, 0.1, 1e-5);
  }

  private static Tensor crossEntropy(Tensor x, Tensor target, @Nullable Tensor weight, long ignore, double smoothing) {
    return Functional.crossEntropy(x, target, weight, Reduction.MEAN, ignore, smoothing);
  }

  private static void twice(Tensor parameter) {
    new Sgd(List.of(parameter)).addParameterGroup(List.of(parameter), Sgd.options());
  }

  private static Map<String, String> goldens() throws IOException {
    try (InputStream in = Objects.requireNonNull(FunctionalErrorsTest.class.getResourceAsStream("functional_errors.tsv"))) {
      Map<String, String> goldens = new LinkedHashMap<>();
      new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().map(line -> line.split("\t", 2))
          .forEach(line -> goldens.put(line[0], line[1]));
      return goldens;
    }
  }

  @Test
  void every_message_has_its_case() throws IOException {
    assertEquals(goldens().keySet(), CASES.keySet());
  }

  @TestFactory
  Stream<DynamicTest> messages_say_what_pytorchs_say() throws IOException {
    return goldens().entrySet().stream().map(golden -> dynamicTest(golden.getKey(), () -> {
      Executable wrong = Objects.requireNonNull(CASES.get(golden.getKey()));
      String message = Objects.requireNonNull(assertThrows(RuntimeException.class, wrong).getMessage());
      String expected = golden.getValue().replaceFirst("^\\w+\\(\\): ", "").replaceFirst("^\\w+: ", "");
      assertTrue(message.contains(expected), () -> "PyTorch: " + expected + "\nhere:    " + message);
    }));
  }
}
