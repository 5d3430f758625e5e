package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SmallProductTest {
  private static final double OUTSIDE = 7;

  private static Strided random(long seed, long... sizes) {
    Random random = new Random(seed);
    return reals(zeros(DType.FLOAT32, sizes), i -> random.nextGaussian());
  }

  private static Strided transposed(Strided batch) {
    return batch.with(batch.offset(), new long[] {batch.size(0), batch.size(2), batch.size(1)},
        new long[] {batch.stride(0), batch.stride(2), batch.stride(1)});
  }

  /// Sizes that fill tiles, that do not, and that are just one.
  @ParameterizedTest
  @CsvSource({"1, 32, 32, 32", "1, 4, 16, 1", "1, 5, 17, 3", "2, 7, 33, 21", "3, 30, 65, 10", "1, 4, 100, 160"})
  void isExactAtEveryEdgeHoweverTheFactorsLie(int batch, int m, int n, int k) {
    for (boolean across : new boolean[] {false, true}) {
      Strided a = across ? transposed(random(1, batch, k, m)) : random(1, batch, m, k);
      Strided b = across ? transposed(random(2, batch, n, k)) : random(2, batch, k, n);
      Strided room = reals(zeros(DType.FLOAT32, batch, m, n + 3), i -> OUTSIDE);
      Strided out = room.with(0, new long[] {batch, m, n}, room.strides());
      assertTrue(SmallProduct.serves(out, a, b));
      SmallProduct.multiply(out, a, b);
      double[] left = reals(a);
      double[] right = reals(b);
      double[] all = reals(room);
      for (int i = 0; i < batch * m; i++) {
        for (int j = 0; j < n + 3; j++) {
          double sum = j < n ? 0 : OUTSIDE;
          for (int l = 0; j < n && l < k; l++) {
            sum += left[i * k + l] * right[(i / m * k + l) * n + j];
          }
          assertEquals(sum, all[i * (n + 3) + j], 1e-5 * k, "row " + i + ", column " + j);
        }
      }
    }
  }

  @Test
  void aLinearMapAddsItsBiasBeforeItIsActivated() {
    Strided x = random(1, 6, 20);
    Strided weight = random(2, 40, 20);
    Strided bias = random(3, 40);
    Strided out = zeros(DType.FLOAT32, 6, 40);
    assertTrue(SmallProduct.linear(out, x, weight, bias, Activation.RELU));
    double[] rows = reals(x);
    double[] factors = reals(weight);
    double[] added = reals(bias);
    for (int i = 0; i < 6; i++) {
      for (int j = 0; j < 40; j++) {
        double sum = added[j];
        for (int l = 0; l < 20; l++) {
          sum += rows[i * 20 + l] * factors[j * 20 + l];
        }
        assertEquals(Math.max(0, sum), reals(out)[i * 40 + j], 1e-4);
      }
    }
  }

  @Test
  void whatFillsNoTileOrIsLargeIsNotItsOwn() {
    assertFalse(serves(3, 64, 8));
    assertFalse(serves(64, 3, 8));
    assertFalse(serves(64, 64, 17));
    assertTrue(serves(64, 64, 16));
  }

  private static boolean serves(int m, int n, int k) {
    return SmallProduct.serves(zeros(DType.FLOAT32, 1, m, n), zeros(DType.FLOAT32, 1, m, k), zeros(DType.FLOAT32, 1, k, n));
  }
}
