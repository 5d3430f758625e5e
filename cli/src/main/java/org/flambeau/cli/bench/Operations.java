package org.flambeau.cli.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.flambeau.BackwardOption;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.autograd.Autograd;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;
import org.flambeau.nn.PoolOptions;
import org.flambeau.nn.optim.Sgd;
import org.jspecify.annotations.Nullable;

/// Single operations at the sizes that ResNet18 and ViT-B/16 have, and tiny ones: the same as in `operations.py`.
final class Operations {
  private static final long IMAGES = 8 * 64 * 112 * 112;

  static final List<Workload> ALL = List.of(
      matmul(1024, 1024, 1024),
      matmul(4096, 768, 3072),
      workload("bmm 96x(197x64x197)", 1, 2.0 * 96 * 197 * 64 * 197, 4.0 * 96 * (2 * 197 * 64 + 197 * 197), () -> {
        Tensor[] in = draw(new long[] {96, 197, 64}, new long[] {96, 64, 197});
        return () -> in[0].bmm(in[1]);
      }),
      workload("conv 8x64x56x56 k3", 1, 2.0 * 8 * 64 * 56 * 56 * 64 * 9, 4.0 * 2 * 8 * 64 * 56 * 56, () -> {
        Tensor[] in = draw(new long[] {8, 64, 56, 56}, new long[] {64, 64, 3, 3});
        return () -> Functional.conv2d(in[0], in[1], null, ConvOptions.of().padding(1));
      }),
      workload("softmax 96x197x197", 1, 0, 8.0 * 96 * 197 * 197, () -> {
        Tensor[] in = draw(new long[] {96, 197, 197});
        return () -> in[0].softmax(-1);
      }),
      workload("layer norm 1576x768", 4, 0, 8.0 * 1576 * 768, () -> {
        Tensor[] in = draw(new long[] {1576, 768}, new long[] {768}, new long[] {768});
        return () -> Functional.layerNorm(in[0], new long[] {768}, in[1], in[2], 1e-6);
      }),
      workload("gelu 1576x3072", 1, 0, 8.0 * 1576 * 3072, () -> {
        Tensor[] in = draw(new long[] {1576, 3072});
        return () -> Functional.gelu(in[0]);
      }),
      backward("softmax backward 96x197x197", 8.0 + 4, new long[] {96, 197, 197}, x -> x.softmax(-1)),
      workload("layer norm backward 1576x768", 1, 0, 12.0 * 1576 * 768, () -> {
        Tensor[] in = draw(new long[] {1576, 768}, new long[] {768}, new long[] {768}, new long[] {1576, 768});
        Tensor y = Functional.layerNorm(in[0].requiresGrad_(true), new long[] {768}, in[1].requiresGrad_(true),
            in[2].requiresGrad_(true), 1e-6);
        return () -> gradient(y, in[3], in[0], in[1], in[2]);
      }),
      backward("gelu backward 1576x3072", 12, new long[] {1576, 3072}, Functional::gelu),
      workload("relu 8x64x112x112, in place", 1, 0, 8.0 * IMAGES, () -> {
        Tensor[] in = draw(new long[] {8, 64, 112, 112});
        return () -> in[0].relu_();
      }),
      workload("batch norm 8x64x112x112, eval", 1, 0, 8.0 * IMAGES, () -> {
        Tensor[] in = draw(new long[] {8, 64, 112, 112}, new long[] {64}, new long[] {64}, new long[] {64}, new long[] {64});
        Tensor variance = in[4].square().add(1);
        return () -> Functional.batchNorm(in[0], in[3], variance, in[1], in[2], false, 0.1, 1e-5);
      }),
      workload("batch norm 8x64x112x112, training, forward and backward", 1, 0, 28.0 * IMAGES, () -> {
        Tensor[] in = draw(new long[] {8, 64, 112, 112}, new long[] {64}, new long[] {64}, new long[] {8, 64, 112, 112});
        in[0].requiresGrad_(true);
        in[1].requiresGrad_(true);
        in[2].requiresGrad_(true);
        return () -> gradient(Functional.batchNorm(in[0], null, null, in[1], in[2], true, 0.1, 1e-5), in[3], in[0], in[1], in[2]);
      }),
      workload("max pool 8x64x112x112 k3 s2, forward and backward", 1, 0, 4.0 * IMAGES * 2.75, () -> {
        Tensor[] in = draw(new long[] {8, 64, 112, 112}, new long[] {8, 64, 56, 56});
        in[0].requiresGrad_(true);
        return () -> gradient(Functional.maxPool2d(in[0], PoolOptions.kernel(3).stride(2).padding(1)), in[1], in[0]);
      }),
      workload("adaptive average pool 8x512x7x7", 4, 0, 4.0 * 8 * 512 * 50, () -> {
        Tensor[] in = draw(new long[] {8, 512, 7, 7});
        return () -> Functional.adaptiveAvgPool2d(in[0], 1, 1);
      }),
      workload("cross entropy 64x1000, forward and backward", 4, 0, 4.0 * 64 * 1000 * 3, () -> {
        Tensor[] in = draw(new long[] {64, 1000});
        in[0].requiresGrad_(true);
        Tensor target = Tensor.arange(64).mul(15);
        return () -> gradient(Functional.crossEntropy(in[0], target), null, in[0]);
      }),
      workload("embedding 64x128 of 30000x256", 1, 0, 8.0 * 64 * 128 * 256, () -> {
        Tensor[] in = draw(new long[] {30_000, 256});
        Tensor indices = Tensor.arange(64 * 128).mul(7919).remainder(30_000).reshape(64, 128);
        return () -> Functional.embedding(indices, in[0]);
      }),
      workload("cat 8x196x768 to 8x1x768", 1, 0, 8.0 * 8 * 197 * 768, () -> {
        Tensor[] in = draw(new long[] {8, 1, 768}, new long[] {8, 196, 768});
        return () -> Tensor.cat(List.of(in[0], in[1]), 1);
      }),
      workload("gather 1000x1000", 1, 0, 16e6, () -> {
        Tensor[] in = draw(new long[] {1000, 1000});
        Tensor index = Tensor.arange(1_000_000).mul(7919).remainder(1000).reshape(1000, 1000);
        return () -> in[0].gather(1, index);
      }),
      workload("attention 8x12x197x64", 1, 4.0 * 96 * 197 * 197 * 64, 16.0 * 96 * 197 * 64, () -> {
        Tensor[] in = draw(new long[] {8, 12, 197, 64}, new long[] {8, 12, 197, 64}, new long[] {8, 12, 197, 64});
        return () -> Functional.scaledDotProductAttention(in[0], in[1], in[2]);
      }),
      workload("sgd step of ResNet18, momentum 0.9", 1, 0, 20.0 * 11_689_512, () -> {
        List<Tensor> parameters = new ArrayList<>();
        for (long[] sizes : resnet18()) {
          Tensor parameter = Tensor.ones(sizes).requiresGrad_(true);
          parameter.setGrad(Tensor.ones(sizes));
          parameters.add(parameter);
        }
        Sgd sgd = new Sgd(parameters, Sgd.options().lr(1e-9).momentum(0.9));
        return () -> {
          sgd.step();
          return parameters.getFirst();
        };
      }),
      workload("add of 10^6", 4, 0, 12e6, () -> {
        Tensor[] in = draw(new long[] {1_000_000}, new long[] {1_000_000});
        return () -> in[0].add(in[1]);
      }),
      workload("sum of 10^6", 4, 0, 4e6, () -> {
        Tensor[] in = draw(new long[] {1_000_000});
        return () -> in[0].sum();
      }),
      workload("transposed copy 1000x1000", 4, 0, 8e6, () -> {
        Tensor[] in = draw(new long[] {1000, 1000});
        return () -> in[0].t().contiguous();
      }),
      workload("add of 10", 1000, 0, 0, () -> {
        Tensor[] in = draw(new long[] {10}, new long[] {10});
        return () -> in[0].add(in[1]);
      }),
      workload("add of 10, in place", 1000, 0, 0, () -> {
        Tensor a = Tensor.zeros(10);
        Tensor b = Tensor.zeros(10);
        return () -> a.add_(b);
      }),
      workload("add of 10, recorded", 1000, 0, 0, () -> {
        Tensor[] in = draw(new long[] {10}, new long[] {10});
        in[0].requiresGrad_(true);
        return () -> in[0].add(in[1]);
      }),
      workload("chain of 1000 adds, forward and backward", 1, 0, 0, () -> {
        Tensor[] in = draw(new long[] {10}, new long[] {10});
        in[0].requiresGrad_(true);
        return () -> chain(in[0], in[1]);
      }));

  private Operations() {}

  private static Workload workload(String name, int calls, double flops, double bytes, Supplier<Supplier<Tensor>> make) {
    return new Workload(name, name, calls, 0, flops, bytes, make);
  }

  /// The gradient of an operation of one operand, drawn after it.
  private static Workload backward(String name, double bytes, long[] sizes, UnaryOperator<Tensor> operation) {
    return workload(name, 1, 0, bytes * Arrays.stream(sizes).reduce(1, (a, b) -> a * b), () -> {
      Tensor[] in = draw(sizes, sizes);
      Tensor y = operation.apply(in[0].requiresGrad_(true));
      return () -> gradient(y, in[1], in[0]);
    });
  }

  /// The gradients of y, of which the first is returned; y's graph stays.
  private static Tensor gradient(Tensor y, @Nullable Tensor gradient, Tensor... of) {
    return Autograd.grad(List.of(y), List.of(of), Collections.singletonList(gradient), BackwardOption.RETAIN_GRAPH).getFirst();
  }

  /// The sizes of ResNet18's parameters.
  private static List<long[]> resnet18() {
    List<long[]> sizes = new ArrayList<>();
    addConvolution(sizes, 3, 64, 7);
    int[] widths = {64, 128, 256, 512};
    int from = 64;
    for (int width : widths) {
      addConvolution(sizes, from, width, 3);
      addConvolution(sizes, width, width, 3);
      if (from != width) {
        addConvolution(sizes, from, width, 1);
      }
      addConvolution(sizes, width, width, 3);
      addConvolution(sizes, width, width, 3);
      from = width;
    }
    sizes.add(new long[] {1000, 512});
    sizes.add(new long[] {1000});
    return sizes;
  }

  private static void addConvolution(List<long[]> sizes, long from, long to, long kernel) {
    sizes.add(new long[] {to, from, kernel, kernel});
    sizes.add(new long[] {to});
    sizes.add(new long[] {to});
  }

  private static Workload matmul(long m, long k, long n) {
    return workload("matmul " + m + "x" + k + "x" + n, 1, 2.0 * m * k * n, 4.0 * (m * k + k * n + m * n), () -> {
      Tensor[] in = draw(new long[] {m, k}, new long[] {k, n});
      return () -> in[0].matmul(in[1]);
    });
  }

  private static Tensor chain(Tensor a, Tensor b) {
    a.setGrad(null);
    Tensor y = a;
    for (int i = 0; i < 1000; i++) {
      y = y.add(b);
    }
    y.sum().backward();
    Tensor grad = a.grad();
    if (grad == null) {
      throw new IllegalStateException("no gradient");
    }
    return grad;
  }

  private static Tensor[] draw(long[]... sizes) {
    Random.manualSeed(0);
    Tensor[] drawn = new Tensor[sizes.length];
    for (int i = 0; i < sizes.length; i++) {
      drawn[i] = Tensor.randn(sizes[i]);
    }
    return drawn;
  }
}
