package org.flambeau.benchmarks.gpu;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import org.flambeau.BackwardOption;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.MatmulPrecision;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;

/// Single operations at the sizes that the models have, the same as in `peer/gpu.py`: `gelu bf16`, where TF32 is allowed in products.
final class Operations {
  private static final Map<String, Function<Draw, Supplier<Tensor>>> ALL = new LinkedHashMap<>();

  /// Draws operands.
  private interface Draw {
    Tensor of(long... sizes);
  }

  static {
    ALL.put("add of 10", draw -> {
      Tensor a = draw.of(10), b = draw.of(10);
      return () -> a.add(b);
    });
    ALL.put("add", draw -> {
      Tensor a = draw.of(32, 64, 112, 112), b = draw.of(32, 64, 112, 112);
      return () -> a.add(b);
    });
    ALL.put("sum of columns", draw -> {
      Tensor a = draw.of(6304, 3072);
      return () -> a.sum(0);
    });
    ALL.put("matmul", draw -> {
      Tensor a = draw.of(6304, 768), b = draw.of(3072, 768);
      return () -> a.matmul(b.t());
    });
    ALL.put("attention", draw -> {
      Tensor q = draw.of(32, 12, 197, 64), k = draw.of(32, 12, 197, 64), v = draw.of(32, 12, 197, 64);
      return () -> Functional.scaledDotProductAttention(q, k, v);
    });
    ALL.put("convolution", draw -> {
      Tensor x = draw.of(32, 64, 56, 56), w = draw.of(64, 64, 3, 3);
      return () -> Functional.conv2d(x, w, null, ConvOptions.of().padding(1));
    });
    ALL.put("softmax", draw -> {
      Tensor x = draw.of(384, 197, 197);
      return () -> x.softmax(-1);
    });
    ALL.put("gelu", draw -> {
      Tensor x = draw.of(6304, 3072);
      return () -> Functional.gelu(x);
    });
    ALL.put("layer norm", draw -> {
      Tensor x = draw.of(6304, 768), w = draw.of(768), b = draw.of(768);
      return () -> Functional.layerNorm(x, new long[] {768}, w, b, 1e-6);
    });
    ALL.put("layer norm backward", draw -> {
      Tensor x = draw.of(6304, 768).requiresGrad_(true), w = draw.of(768).requiresGrad_(true), b = draw.of(768).requiresGrad_(true);
      Tensor gradient = draw.of(6304, 768);
      Tensor y = Functional.layerNorm(x, new long[] {768}, w, b, 1e-6);
      return () -> Autograd.grad(List.of(y), List.of(x, w, b), List.of(gradient), BackwardOption.RETAIN_GRAPH).getFirst();
    });
    ALL.put("batch norm, training", draw -> {
      Tensor x = draw.of(32, 64, 56, 56), w = draw.of(64), b = draw.of(64);
      return () -> Functional.batchNorm(x, null, null, w, b, true, 0.1, 1e-5);
    });
    ALL.put("cross entropy", draw -> {
      Tensor x = draw.of(64, 1000);
      Tensor target = Tensor.arange(64).to(x.device());
      return () -> Functional.crossEntropy(x, target);
    });
  }

  private Operations() {}

  static List<String> names() {
    return ALL.keySet().stream().flatMap(name -> List.of("fp32", "bf16").stream().map(dtype -> name + " " + dtype)).toList();
  }

  static Supplier<Tensor> named(String item, Device device) {
    int space = item.lastIndexOf(' ');
    DType dtype = item.endsWith("bf16") ? DType.BFLOAT16 : DType.FLOAT32;
    MatmulPrecision.setCurrent(MatmulPrecision.HIGH);
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
    Random.manualSeed(0);
    return Objects.requireNonNull(ALL.get(item.substring(0, space))).apply(sizes -> Tensor.randn(sizes).to(device).to(dtype));
  }
}
