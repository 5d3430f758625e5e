package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.io.Safetensors;
import org.flambeau.nn.Functional;
import org.flambeau.nn.Linear;
import org.flambeau.nn.Module;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Where the Vector API is missing or switched off, plain Java computes the same.
final class PlainJavaTest {
  @TempDir private Path folder = Path.of("");

  /// Saves what operations of all kinds give.
  static final class Round {
    private final Map<String, Tensor> results = new LinkedHashMap<>();

    public static void main(String[] file) {
      Map<String, Tensor> results = all();
      Safetensors.save(Path.of(file[0]),
          results.entrySet().stream().map(each -> Safetensors.Entry.of(each.getKey(), each.getValue())).toList());
      System.out.println(VectorizationProvider.REASON);
    }

    static Map<String, Tensor> all() {
      Round round = new Round();
      for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT64)) {
        Random.manualSeed(3);
        round.go(dtype);
      }
      return round.results;
    }

    private void put(DType dtype, String name, Tensor result) {
      results.put(name + " " + dtype.label(), result.detach());
    }

    private void go(DType dtype) {
      Tensor x = Tensor.randn(70, 70).to(dtype);
      put(dtype, "randn", x);
      put(dtype, "rand", Tensor.rand(40, 3).to(dtype));
      put(dtype, "normal_", Tensor.zeros(100).to(dtype).normal_(1, 2));
      put(dtype, "sort", x.sort(1, true).values());
      put(dtype, "topk", x.topk(5).values());
      Tensor index = Tensor.randint(0, 70, 9);
      put(dtype, "indexSelect", x.indexSelect(0, index));
      put(dtype, "gather", x.gather(1, index.view(1, 9)));
      put(dtype, "indexAdd", x.indexAdd(0, index, x.narrow(0, 0, 9)));
      put(dtype, "cumsum", x.cumsum(1));
      put(dtype, "mean", x.mean(0));
      put(dtype, "matmul", x.matmul(x.t()));
      put(dtype, "bmm", x.view(10, 7, 70).matmul(x));
      put(dtype, "linear", Functional.linear(x, x, x.select(0, 0)));
      put(dtype, "softmax", x.softmax(1));
      put(dtype, "gelu", Functional.gelu(x.exp().tanh()));
      Tensor weight = x.select(0, 1);
      put(dtype, "layerNorm", Functional.layerNorm(x, new long[] {70}, weight, weight, 1e-5));
      put(dtype, "attention", Functional.scaledDotProductAttention(x.view(5, 2, 7, 70), x.view(5, 2, 7, 70), x.view(5, 2, 7, 70)));
      Module swish = new Module() {
        @Override
        protected Tensor forward(Tensor y) {
          return y.mul(y.sigmoid()).add(1).sub(weight);
        }
      }.compile();
      try (var _ = GradMode.noGrad()) {
        put(dtype, "traced", swish.call(x));
        put(dtype, "chain", swish.call(x));
      }
      Linear layer = new Linear(70, 3);
      layer.to(dtype);
      layer.call(x).square().mean().backward();
      layer.namedParameters().forEach((name, parameter) -> put(dtype, "gradient of " + name, Tensor.cat(List.of(parameter.grad()), 0)));
      images(dtype, Tensor.randn(2, 32, 12, 10).to(dtype));
      images(dtype, Tensor.randn(2, 3, 9, 7).to(dtype));
    }

    private void images(DType dtype, Tensor x) {
      long channels = x.size(1);
      String of = channels + " channels, ";
      Tensor mean = Tensor.zeros(channels).to(dtype);
      Tensor var = Tensor.ones(channels).to(dtype);
      put(dtype, of + "batchNorm", Functional.batchNorm(x, mean, var, null, null, true, 0.1, 1e-5));
      put(dtype, of + "running variance", var);
      for (Tensor images : List.of(x, x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))) {
        String lie = of + (images.isContiguous() ? "planes, " : "pixels, ");
        images.requiresGrad_(true);
        for (int kernel : new int[] {1, 3}) {
          Tensor weight = Tensor.randn(32, channels, kernel, kernel).to(dtype);
          put(dtype, lie + "conv2d " + kernel, Functional.conv2d(images, weight, null));
        }
        put(dtype, lie + "maxPool2d", Functional.maxPool2d(images, 3));
        put(dtype, lie + "avgPool2d", Functional.avgPool2d(images, 3));
        Functional.maxPool2d(images, 3).sum().add(Functional.avgPool2d(images, 2).square().sum()).backward();
        put(dtype, lie + "gradient", Tensor.cat(List.of(images.grad()), 0));
      }
    }
  }

  private Map<String, Tensor> elsewhere(String reason, String... options) throws IOException, InterruptedException {
    Path file = folder.resolve("results.safetensors");
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(List.of(options));
    command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path"), Round.class.getName(),
        file.toString()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), printed);
    assertTrue(printed.contains(reason), printed);
    Map<String, Tensor> results = new LinkedHashMap<>();
    try (Safetensors saved = Safetensors.open(file)) {
      saved.entries().forEach(each -> results.put(each.name(), Tensor.copySegment(each.data(), each.dtype(), each.shape())));
    }
    return results;
  }

  private static void assertNear(Map<String, Tensor> expected, Map<String, Tensor> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach((name, values) -> {
      double rounding = switch (values.dtype()) {
        case FLOAT64 -> 1e-12;
        case FLOAT32 -> 1e-5;
        default -> 0.02;
      };
      Tensor wide = values.to(DType.FLOAT64);
      double most = wide.sub(Objects.requireNonNull(actual.get(name)).to(DType.FLOAT64)).abs()
          .div(wide.abs().add(wide.abs().mean()).add(1e-9)).max().toDouble();
      assertTrue(most <= rounding, name + " is off by " + most);
    });
  }

  @Test
  void computesTheSameWithoutTheModule() throws IOException, InterruptedException {
    assertNear(Round.all(), elsewhere("the module jdk.incubator.vector is absent"));
  }

  @Test
  void computesTheSameWithVectorsSwitchedOff() throws IOException, InterruptedException {
    assertNear(Round.all(), elsewhere("-Dflambeau.vector=off", "--add-modules=jdk.incubator.vector", "-Dflambeau.vector=off"));
  }

  @Test
  void computesTheSameWithoutOneDnn() throws IOException, InterruptedException {
    assertNear(Round.all(), elsewhere("the module jdk.incubator.vector is absent", "-Dflambeau.onednn=off"));
  }
}
