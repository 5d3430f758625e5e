package org.flambeau.testkit;

import static org.flambeau.BackwardOption.CREATE_GRAPH;
import static org.flambeau.BackwardOption.RETAIN_GRAPH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.GradMode;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.LeakyReLU;
import org.flambeau.nn.Linear;
import org.flambeau.nn.ReLU;
import org.flambeau.nn.Sequential;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/// A gradient has a gradient, be it zeros, for those operands for which PyTorch's has one: what a second backward pass leaves null is the same.
final class SecondGradientsTest {
  /// Why what has a second gradient differs from PyTorch, by operation and sample.
  private static final Map<String, String> DIFFERENT = Map.of(
      "logcumsumexp/0-d", "PyTorch passes a number's gradient on, and zeros are as true",
      "conv2d/empty batch", "PyTorch's gradients of nothing are new zeros, and ours the usual formulas");

  /// @param second a word for each float operand: for which of them its gradient has a gradient, `x`, or none, `.`
  private record Line(String op, String sample, String second) {
    static Line parse(String text) {
      String[] parts = text.split("\t", -1);
      return new Line(parts[0], parts[1], parts[2]);
    }

    String secondHere(OpInfo op) {
      Sample found = Goldens.of(op.name()).stream()
          .filter(each -> each.name().equals(sample) && each.dtype() == DType.FLOAT64 && !each.isLarge()).findFirst().orElseThrow();
      List<Tensor> inputs = found.inputs(Device.CPU);
      List<Tensor> leaves = IntStream.range(0, inputs.size()).filter(found::wantsGradient)
          .mapToObj(i -> inputs.get(i).requiresGrad_(true)).toList();
      List<Tensor> roots = op.call(inputs, found.attributes()).stream().filter(Tensor::requiresGrad).toList();
      @Nullable Tensor[] gradients = Autograd.gradAllowUnused(roots, leaves, roots.stream().map(Tensor::onesLike).toList(), CREATE_GRAPH);
      return Arrays.stream(gradients).map(gradient -> {
        @Nullable Tensor[] again = gradient == null || !gradient.requiresGrad() ? new Tensor[leaves.size()]
            : Autograd.gradAllowUnused(List.of(gradient.sum()), leaves, List.of(Tensor.scalar(1.0)), RETAIN_GRAPH);
        return Arrays.stream(again).map(each -> each == null ? "." : "x").collect(Collectors.joining());
      }).collect(Collectors.joining(" "));
    }
  }

  @TestFactory
  Stream<DynamicTest> second_gradients_are_there_where_they_are_in_pytorch() {
    Map<String, List<Line>> lines = lines();
    List<OpInfo> ops = OpTable.all().stream().filter(op -> lines.containsKey(op.name())).toList();
    assertFalse(ops.isEmpty());
    return ops.stream().map(op -> dynamicTest(op.name(), () -> check(op, lines.getOrDefault(op.name(), List.of()))));
  }

  /// A gradient penalty leaves zeros in the `.grad` of biases before an activation, and null in that of the last one: numbers are PyTorch's.
  @Test
  void a_gradient_penalty_leaves_zeros_where_activations_are_piecewise_linear() {
    Sequential net = new Sequential(new Linear(4, 8), new ReLU(), new Linear(8, 8), new LeakyReLU(), new Linear(8, 1));
    net.to(DType.FLOAT64);
    try (var _ = GradMode.noGrad()) {
      net.parameters().forEach(p -> p.copy_(Tensor.linspace(-1, 1, p.numel()).to(DType.FLOAT64).reshape(p.sizes())));
    }
    Tensor x = Tensor.linspace(-1, 2, 12).to(DType.FLOAT64).reshape(3, 4).requiresGrad_(true);
    Tensor gradient = Autograd.grad(net.call(x).sum(), List.of(x), CREATE_GRAPH).getFirst();
    gradient.norm(2, 1).sub(1).square().mean().backward();

    Map<String, Tensor> parameters = net.namedParameters();
    assertEquals(76.1203142479225, sumOfGradient(parameters, "0.weight"), 1e-4);
    assertEquals(107.12378170008202, sumOfGradient(parameters, "2.weight"), 1e-4);
    assertEquals(102.45542609419002, sumOfGradient(parameters, "4.weight"), 1e-4);
    assertArrayEquals(new double[8], Objects.requireNonNull(gradient(parameters, "0.bias")).toDoubleArray());
    assertArrayEquals(new double[8], Objects.requireNonNull(gradient(parameters, "2.bias")).toDoubleArray());
    assertNull(gradient(parameters, "4.bias"));
    assertArrayEquals(new double[12], Objects.requireNonNull(x.grad()).flatten().toDoubleArray());
  }

  private static double sumOfGradient(Map<String, Tensor> parameters, String name) {
    return Objects.requireNonNull(gradient(parameters, name)).sum().toDouble();
  }

  private static @Nullable Tensor gradient(Map<String, Tensor> parameters, String name) {
    return Objects.requireNonNull(parameters.get(name), name).grad();
  }

  private static void check(OpInfo op, List<Line> lines) {
    List<String> wrong = new ArrayList<>();
    for (Line line : lines) {
      String actual = line.secondHere(op);
      if (DIFFERENT.containsKey(op.name() + "/" + line.sample) == actual.equals(line.second)) {
        wrong.add(line.sample + ": expected " + line.second + ", got " + actual);
      }
    }
    assertEquals(List.of(), wrong);
  }

  private static Map<String, List<Line>> lines() {
    try (Stream<String> text = Files.lines(Goldens.resource("second.tsv"))) {
      return text.map(Line::parse).collect(Collectors.groupingBy(Line::op, LinkedHashMap::new, Collectors.toList()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
