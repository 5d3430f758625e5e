package org.flambeau.benchmarks.beside;

import java.util.List;
import java.util.function.Supplier;
import org.flambeau.Random;
import org.flambeau.Tensor;
import org.flambeau.nn.ConvOptions;
import org.flambeau.nn.Functional;

/// One computation that both sides run on the same inputs.
///
/// @param name as in `peer/pytorch.py`
/// @param batch how many calls are timed together
/// @param flops floating point operations of one call, 0 where memory bounds it
/// @param bytes that one call must read and write at least
/// @param make draws the inputs and gives the computation
record Workload(String name, int batch, double flops, double bytes, Supplier<Supplier<Tensor>> make) {
  static final List<Workload> ALL = List.of(
      matmul(1024, 1024, 1024),
      matmul(4096, 768, 3072),
      new Workload("bmm 96x(197x64x197)", 1, 2.0 * 96 * 197 * 64 * 197, 4.0 * 96 * (2 * 197 * 64 + 197 * 197), () -> {
        Tensor[] in = draw(new long[] {96, 197, 64}, new long[] {96, 64, 197});
        return () -> in[0].bmm(in[1]);
      }),
      new Workload("conv 8x64x56x56 k3", 1, 2.0 * 8 * 64 * 56 * 56 * 64 * 9, 4.0 * 2 * 8 * 64 * 56 * 56, () -> {
        Tensor[] in = draw(new long[] {8, 64, 56, 56}, new long[] {64, 64, 3, 3});
        return () -> Functional.conv2d(in[0], in[1], null, ConvOptions.of().padding(1));
      }),
      new Workload("softmax 96x197x197", 1, 0, 8.0 * 96 * 197 * 197, () -> {
        Tensor[] in = draw(new long[] {96, 197, 197});
        return () -> in[0].softmax(-1);
      }),
      new Workload("layer norm 1576x768", 4, 0, 8.0 * 1576 * 768, () -> {
        Tensor[] in = draw(new long[] {1576, 768}, new long[] {768}, new long[] {768});
        return () -> Functional.layerNorm(in[0], new long[] {768}, in[1], in[2], 1e-6);
      }),
      new Workload("gelu 1576x3072", 1, 0, 8.0 * 1576 * 3072, () -> {
        Tensor[] in = draw(new long[] {1576, 3072});
        return () -> Functional.gelu(in[0]);
      }),
      new Workload("add of 10^6", 4, 0, 12e6, () -> {
        Tensor[] in = draw(new long[] {1_000_000}, new long[] {1_000_000});
        return () -> in[0].add(in[1]);
      }),
      new Workload("sum of 10^6", 4, 0, 4e6, () -> {
        Tensor[] in = draw(new long[] {1_000_000});
        return () -> in[0].sum();
      }),
      new Workload("transposed copy 1000x1000", 4, 0, 8e6, () -> {
        Tensor[] in = draw(new long[] {1000, 1000});
        return () -> in[0].t().contiguous();
      }),
      new Workload("add of 10", 1000, 0, 0, () -> {
        Tensor[] in = draw(new long[] {10}, new long[] {10});
        return () -> in[0].add(in[1]);
      }),
      new Workload("add of 10, in place", 1000, 0, 0, () -> {
        Tensor a = Tensor.zeros(10);
        Tensor b = Tensor.zeros(10);
        return () -> a.add_(b);
      }),
      new Workload("add of 10, recorded", 1000, 0, 0, () -> {
        Tensor[] in = draw(new long[] {10}, new long[] {10});
        in[0].requiresGrad_(true);
        return () -> in[0].add(in[1]);
      }),
      new Workload("chain of 1000 adds, forward and backward", 1, 0, 0, () -> {
        Tensor[] in = draw(new long[] {10}, new long[] {10});
        in[0].requiresGrad_(true);
        return () -> chain(in[0], in[1]);
      }));

  private static Workload matmul(long m, long k, long n) {
    return new Workload("matmul " + m + "x" + k + "x" + n, 1, 2.0 * m * k * n, 4.0 * (m * k + k * n + m * n), () -> {
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
