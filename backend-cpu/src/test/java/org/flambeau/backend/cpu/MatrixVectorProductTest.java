package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MatrixVectorProductTest {
  private static Strided random(long seed, long... sizes) {
    Random random = new Random(seed);
    return reals(zeros(DType.FLOAT32, sizes), i -> random.nextGaussian());
  }

  private static Strided transposed(Strided matrix) {
    return matrix.with(matrix.offset(), new long[] {1, matrix.size(2), matrix.size(1)}, new long[] {0, 1, matrix.stride(1)});
  }

  @ParameterizedTest
  @CsvSource({"2, 20000", "100, 333", "130, 4097", "1000, 50", "4000, 9"})
  void isTheSumOfTheRowsEachTimesItsFactor(int rows, int columns) {
    Strided factors = random(1, 1, 1, 2L * rows);
    Strided row = factors.with(0, new long[] {1, 1, rows}, new long[] {0, 0, 2});
    Strided column = factors.with(0, new long[] {1, rows, 1}, new long[] {0, 2, 0});
    Strided gapped = random(2, 1, rows, columns + 3);
    Strided matrix = gapped.with(3, new long[] {1, rows, columns}, gapped.strides());
    Strided across = zeros(DType.FLOAT32, 1, 1, columns);
    Strided down = zeros(DType.FLOAT32, 1, columns, 1);
    assertTrue(MatrixVectorProduct.serves(across, row, matrix));
    assertTrue(MatrixVectorProduct.serves(down, transposed(matrix), column));
    MatrixVectorProduct.multiply(across, row, matrix);
    MatrixVectorProduct.multiply(down, transposed(matrix), column);
    double[] weights = reals(row);
    double[] elements = reals(matrix);
    for (int j = 0; j < columns; j++) {
      double sum = 0;
      for (int i = 0; i < rows; i++) {
        sum += weights[i] * elements[i * columns + j];
      }
      assertEquals(sum, reals(across)[j], 1e-5 * rows, "column " + j);
      assertEquals(reals(across)[j], reals(down)[j], "row " + j);
    }
  }

  @Test
  void nothingIsLeftOut() {
    Strided zero = zeros(DType.FLOAT32, 1, 1, 100);
    Strided matrix = reals(zeros(DType.FLOAT32, 1, 100, 400), i -> i == 99 * 400 + 7 ? Double.POSITIVE_INFINITY : 1);
    Strided out = zeros(DType.FLOAT32, 1, 1, 400);
    MatrixVectorProduct.multiply(out, zero, matrix);
    assertTrue(Double.isNaN(reals(out)[7]));
    assertEquals(0, reals(out)[8]);
  }

  @Test
  void aMatrixThatLiesInColumnsIsNotItsOwn() {
    Strided matrix = transposed(zeros(DType.FLOAT32, 1, 400, 100));
    assertFalse(MatrixVectorProduct.serves(zeros(DType.FLOAT32, 1, 1, 400), zeros(DType.FLOAT32, 1, 1, 100), matrix));
  }
}
