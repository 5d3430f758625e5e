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

class RowProductTest {
  private static final double OUTSIDE = 7;

  private static Strided random(DType dtype, long seed, long... sizes) {
    Random random = new Random(seed);
    return reals(zeros(dtype, sizes), i -> random.nextGaussian());
  }

  private static Strided everySecond(Strided matrix) {
    return matrix.with(matrix.offset(), new long[] {matrix.size(0), matrix.size(1) / 2}, new long[] {matrix.stride(0), 2});
  }

  /// Columns and terms that fill tasks and tiles, and that do not.
  @ParameterizedTest
  @CsvSource({"FLOAT32, 257, 64", "FLOAT32, 9, 2049", "FLOAT32, 1100, 100", "BFLOAT16, 1000, 512", "BFLOAT16, 17, 1030",
    "FLOAT16, 300, 129"})
  void aLinearMapAddsItsBiasBeforeItIsRoundedAndActivated(DType dtype, int n, int k) {
    Strided x = everySecond(random(dtype, 1, 1, 2L * k));
    Strided room = random(dtype, 2, n, k + 5L);
    Strided weight = room.with(room.offset() + 3, new long[] {n, k}, room.strides());
    Strided bias = random(dtype, 3, n);
    Strided roomForOut = reals(zeros(dtype, 1, 2L * n), i -> OUTSIDE);
    double[] row = reals(x);
    double[] factors = reals(weight);
    double[] added = reals(bias);
    double unit = dtype == DType.FLOAT32 ? 0x1p-23 : dtype == DType.FLOAT16 ? 0x1p-11 : 0x1p-8;
    for (Activation activation : new Activation[] {Activation.NONE, Activation.RELU}) {
      Strided out = everySecond(roomForOut);
      assertTrue(RowProduct.linear(out, x, weight, bias, activation));
      double[] results = reals(out);
      for (int j = 0; j < n; j++) {
        double sum = added[j];
        double magnitude = Math.abs(sum);
        for (int l = 0; l < k; l++) {
          sum += row[l] * factors[j * k + l];
          magnitude += Math.abs(row[l] * factors[j * k + l]);
        }
        double expected = activation == Activation.RELU ? Math.max(0, sum) : sum;
        assertEquals(expected, results[j], unit * Math.abs(sum) + 0x1p-21 * magnitude, "column " + j);
      }
    }
    for (int j = 1; j < 2 * n; j += 2) {
      assertEquals(OUTSIDE, reals(roomForOut)[j], "beside the result");
    }
  }

  @Test
  void severalRowsOrColumnsWithGapsAreNotItsOwn() {
    assertTrue(serves(DType.FLOAT32, 1, 256, 64));
    assertFalse(serves(DType.FLOAT32, 2, 256, 64));
    assertFalse(serves(DType.FLOAT32, 1, 255, 64), "a small matrix");
    assertFalse(serves(DType.FLOAT64, 1, 256, 64));
    Strided matrix = zeros(DType.FLOAT32, 1, 64, 256);
    assertFalse(RowProduct.serves(zeros(DType.FLOAT32, 1, 1, 256), zeros(DType.FLOAT32, 1, 1, 64), matrix), "rows without gaps");
  }

  private static boolean serves(DType dtype, int m, int n, int k) {
    Strided weight = zeros(dtype, n, k);
    return RowProduct.serves(zeros(dtype, 1, m, n), zeros(dtype, 1, m, k), LinearAlgebra.asBatch(weight, 1, 0));
  }
}
