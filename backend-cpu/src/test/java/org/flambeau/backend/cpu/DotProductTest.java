package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.wholes;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class DotProductTest {
  private static final int LENGTH = 70_001;

  /// Every `step`-th element of a vector, as a row or as a column.
  private static Strided every(int step, Strided x, boolean row) {
    return x.with(0, row ? new long[] {1, 1, LENGTH} : new long[] {1, LENGTH, 1}, row ? new long[] {0, 0, step} : new long[] {0, step, 0});
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "BOOL")
  void sumsTheProductsOfAnyDTypeAndStride(DType dtype) {
    for (int step : new int[] {1, 2}) {
      Strided x = wholes(zeros(dtype, (long) step * LENGTH), i -> i % 3);
      Strided y = wholes(zeros(dtype, (long) step * LENGTH), i -> i / 1000 == 7 ? i % 5 : 0);
      Strided out = zeros(dtype, 1, 1, 1);
      long[] left = wholes(x);
      long[] right = wholes(y);
      int stride = step;
      long expected = IntStream.range(0, LENGTH).mapToLong(i -> left[stride * i] * right[stride * i]).sum();
      DotProduct.multiply(out, every(step, x, true), every(step, y, false));
      assertArrayEquals(wholes(wholes(zeros(dtype, 1), i -> expected)), wholes(out), dtype.label());
    }
  }

  @Test
  void roundsOnceForManyElements() {
    Strided x = reals(zeros(DType.FLOAT32, LENGTH), i -> 0.1);
    Strided out = zeros(DType.FLOAT32, 1, 1, 1);
    DotProduct.multiply(out, every(1, x, true), every(1, x, false));
    assertEquals(LENGTH * (double) (0.1f * 0.1f), reals(out)[0], 1e-3);
  }

  @Test
  void anythingTimesNaNIsNaN() {
    Strided x = reals(zeros(DType.FLOAT32, LENGTH), i -> i == LENGTH - 1 ? Double.NaN : 1);
    Strided out = zeros(DType.FLOAT32, 1, 1, 1);
    DotProduct.multiply(out, every(1, x, true), every(1, zeros(DType.FLOAT32, LENGTH), false));
    assertTrue(Double.isNaN(reals(out)[0]));
  }
}
