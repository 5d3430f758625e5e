package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Sequences, and triangles of many matrices.
class MakingTest extends KernelTest {
  @ParameterizedTest
  @EnumSource(names = "BOOL", mode = EnumSource.Mode.EXCLUDE)
  void aSequenceOfAnyDtypeIsMadeThere(DType dtype) {
    Strided out = arrays.strided(dtype, 1, new long[] {40}, new long[] {3});

    gpu.kernels().arange(out, 5, 3);

    assertArrayEquals(IntStream.range(0, 40).mapToDouble(i -> 5 + 3 * i).toArray(), arrays.read(out));
  }

  @Test
  void aSequenceIsComputedInFloat64() {
    Strided out = arrays.empty(DType.FLOAT32, 300_000);

    gpu.kernels().arange(out, -1, 1.0 / 3);

    assertArrayEquals(IntStream.range(0, 300_000).mapToDouble(i -> (float) (-1 + i * (1.0 / 3))).toArray(), arrays.read(out));
  }

  @Test
  void trianglesOfManyDimensionsAreCutAtTheirDiagonal() {
    long[] sizes = {2, 1, 2, 2, 2, 2, 2, 2, 2, 3, 4};
    long[] strides = {7168, 1, 3584, 1792, 896, 448, 224, 112, 56, 2, 7};
    int n = (int) Strided.numel(sizes);
    Strided x = arrays.write(arrays.strided(DType.INT16, 0, sizes, strides), IntStream.range(0, n).mapToDouble(i -> i).toArray());
    Strided out = arrays.empty(DType.INT16, sizes);

    gpu.kernels().triangle(out, x, 1, true);
    assertArrayEquals(IntStream.range(0, n).mapToDouble(i -> i % 4 - i / 4 % 3 >= 1 ? i : 0).toArray(), arrays.read(out));

    gpu.kernels().triangle(x, x, -1, false);
    assertArrayEquals(IntStream.range(0, n).mapToDouble(i -> i % 4 - i / 4 % 3 <= -1 ? i : 0).toArray(), arrays.read(x));
  }
}
