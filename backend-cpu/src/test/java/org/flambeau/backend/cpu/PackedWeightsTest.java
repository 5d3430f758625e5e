package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.util.Random;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.backend.cpu.Operand.Layout;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;

final class PackedWeightsTest {
  private static final long M = 64;
  private static final long N = 160;
  private static final long K = 200;

  private final CountingAllocator allocator = new CountingAllocator();
  private final LinearAlgebra algebra = Providers.ONEDNN.with(allocator);
  private final Random random = new Random(3);

  private Strided random(long... sizes) {
    Strided x = Operand.natively(DType.FLOAT32, Layout.contiguous(sizes));
    for (long i = 0; i < x.numel(); i++) {
      Operand.set(x, i, random.nextGaussian());
    }
    return x;
  }

  private void assertLinear(Strided x, Strided weight) {
    Strided out = random(x.size(0), weight.size(0));
    algebra.linear(out, x, weight, null, Activation.NONE);
    Strided a = x.with(x.offset(), new long[] {1, x.size(0), x.size(1)}, new long[] {0, x.stride(0), x.stride(1)});
    Strided b = weight.with(weight.offset(), new long[] {1, weight.size(1), weight.size(0)},
        new long[] {0, weight.stride(1), weight.stride(0)});
    NaiveLinearAlgebra.assertClose(out, NaiveLinearAlgebra.product(a, b), "linear");
  }

  @Test
  void areKeptFromTheSecondUseOnAndFollowEveryChange() {
    Strided x = random(M, K);
    Strided weight = random(N, K);
    for (int change = 0; change < 3; change++) {
      assertLinear(x, weight);
      assertEquals(0, allocator.live.get(), "nothing is kept of what was used once");
      assertLinear(x, weight);
      long kept = allocator.live.get();
      assertTrue(kept >= N * K * Float.BYTES, "the packed form is kept");
      assertLinear(x, weight);
      assertEquals(kept, allocator.live.get(), "and used again");
      Operand.set(weight, 17, 100 + change);
      weight.storage().bumpVersion();
    }
    assertLinear(x, weight);
    assertEquals(0, allocator.live.get());
  }

  @Test
  void ofSeveralViewsOfOneStorageAreToldApart() {
    Strided x = random(M, K);
    Strided both = random(2 * N, K);
    Strided lower = both.with(0, new long[] {N, K}, new long[] {K, 1});
    Strided upper = both.with(N * K, new long[] {N, K}, new long[] {K, 1});
    Strided even = both.with(0, new long[] {N, K}, new long[] {2 * K, 1});
    for (int use = 0; use < 3; use++) {
      assertLinear(x, lower);
      assertLinear(x, upper);
      assertLinear(x, even);
    }
    assertTrue(allocator.live.get() >= 3 * N * K * Float.BYTES);
  }

  @Test
  void goWithTheLastOwnerOfTheWeights() {
    Storage storage = Storage.foreign(Device.CPU, Arena.ofAuto().allocate(N * K * Float.BYTES, 64));
    Strided weight = Operand.filled(Strided.contiguous(storage, DType.FLOAT32, new long[] {N, K}), i -> (double) (i % 7));
    Strided x = random(M, K);
    assertLinear(x, weight);
    assertLinear(x, weight);
    assertTrue(allocator.live.get() > 0);
    storage.release();
    assertEquals(0, allocator.live.get());
  }

  @Test
  void ofWeightsThatNobodyFreesGoWhenTheCollectorFindsThem() throws InterruptedException {
    useTwice();
    for (int attempt = 0; attempt < 200 && allocator.live.get() > 0; attempt++) {
      System.gc();
      Thread.sleep(20);
    }
    assertEquals(0, allocator.live.get());
  }

  private void useTwice() {
    Strided x = random(M, K);
    Strided weight = random(N, K);
    assertLinear(x, weight);
    assertLinear(x, weight);
    assertTrue(allocator.live.get() > 0);
  }

  @Test
  void doNotPileUpInATrainingLoop() {
    Strided x = random(M, K);
    Strided weight = random(N, K);
    Strided out = random(M, N);
    Strided image = random(1, 16, 8, 8);
    Strided kernel = random(128, 16, 3, 3);
    Strided places = random(1, 128, 8, 8);
    ConvSpec spec = new ConvSpec(1, 1, 1, 1, 1, 1, 1);
    long most = 0;
    for (int step = 0; step < 300; step++) {
      for (int microBatch = 0; microBatch < 2; microBatch++) {
        algebra.linear(out, x, weight, null, Activation.NONE);
        algebra.conv2d(places, image, kernel, null, spec);
        algebra.conv2dBackwardInput(image, places, kernel, spec);
      }
      weight.storage().bumpVersion();
      kernel.storage().bumpVersion();
      if (step < 3) {
        most = Math.max(most, allocator.live.get());
      }
      assertTrue(allocator.live.get() <= most);
    }
  }
}
