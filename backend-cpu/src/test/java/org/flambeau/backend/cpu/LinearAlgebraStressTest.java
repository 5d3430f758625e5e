package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.flambeau.DType;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Sum;
import org.flambeau.backend.cpu.NaiveLinearAlgebra.Wanted;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class LinearAlgebraStressTest {
  private final CountingAllocator allocator = new CountingAllocator();

  private static Strided random(Random random, long... sizes) {
    return Operand.filled(Operand.natively(DType.FLOAT32, Layout.contiguous(sizes)), i -> random.nextGaussian());
  }

  @ParameterizedTest
  @EnumSource
  void servesEightThreadsAtOnce(Providers provider) throws InterruptedException, ExecutionException {
    LinearAlgebra algebra = provider.with(allocator);
    Random random = new Random(5);
    Strided weight = random(random, 1, 128, 160);
    Strided kernel = random(random, 32, 16, 3, 3);
    ConvSpec spec = new ConvSpec(1, 1, 1, 1, 1, 1, 1);
    try (var executor = Executors.newFixedThreadPool(8)) {
      List<Future<?>> futures = new ArrayList<>();
      for (int thread = 0; thread < 8; thread++) {
        Random own = new Random(thread);
        long rows = 40 + 8L * (thread % 3);
        futures.add(executor.submit(() -> {
          for (int turn = 0; turn < 12; turn++) {
            Strided a = random(own, 1, rows, 128);
            Strided out = random(own, 1, rows, 160);
            algebra.matmul(out, a, weight);
            NaiveLinearAlgebra.assertClose(out, NaiveLinearAlgebra.product(a, weight), "product");
            Strided x = random(own, 1, 16, 10, 10);
            Strided y = random(own, 1, 32, 10, 10);
            algebra.conv2d(y, x, kernel, null, spec);
            Sum[] sums = NaiveLinearAlgebra.convolution(Wanted.OUT, y, x, kernel, spec);
            NaiveLinearAlgebra.assertClose(y, i -> sums[(int) i], "convolution");
          }
        }));
      }
      for (Future<?> future : futures) {
        future.get();
      }
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void keepsAMeasureWhenShapesKeepChanging() throws IOException {
    LinearAlgebra algebra = Providers.ONEDNN.with(allocator);
    Random random = new Random(9);
    Strided x = random(random, 2000, 64);
    Strided weight = random(random, 64, 64);
    Strided out = random(random, 2000, 64);
    long before = 0;
    for (int rows = 40; rows < 2000; rows++) {
      Strided part = x.with(0, new long[] {rows, 64}, new long[] {64, 1});
      algebra.linear(out.with(0, new long[] {rows, 64}, new long[] {64, 1}), part, weight, null, Activation.RELU);
      if (rows == 1000) {
        before = residentBytes();
      }
    }
    long growth = residentBytes() - before;
    assertTrue(growth < 64 << 20, () -> "a thousand shapes more took " + (growth >> 20) + " MiB");
  }

  private static long residentBytes() throws IOException {
    return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]) * 4096;
  }
}
