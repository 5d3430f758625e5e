package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Matrix products on the simulated GPU beside plain loops. Factors are small whole numbers, whose sums are exact in every dtype's
/// arithmetic, so that results must be equal after the one rounding.
class MatrixProductsTest {
  private static Gpu gpu;
  private static DeviceArrays arrays;
  private static final Random RANDOM = new Random(7);

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    Driver.init();
    gpu = new Gpu(0);
    arrays = new DeviceArrays(gpu);
  }

  /// How a batch of matrices lies in memory.
  private enum Layout {
    ROWS, COLUMNS, PADDED_ROWS, PADDED_COLUMNS, SAME_MATRIX, SCATTERED, SAME_ROW, UNALIGNED;

    Strided in(DType dtype, long batch, long rows, long columns) {
      long[] sizes = {batch, rows, columns};
      return switch (this) {
        case ROWS -> arrays.empty(dtype, sizes);
        case COLUMNS -> arrays.strided(dtype, 0, sizes, new long[] {rows * columns, 1, rows});
        case PADDED_ROWS -> arrays.strided(dtype, 8, sizes, new long[] {rows * (columns + 3) + 5, columns + 3, 1});
        case PADDED_COLUMNS -> arrays.strided(dtype, 0, sizes, new long[] {(rows + 1) * columns, 1, rows + 1});
        case SAME_MATRIX -> arrays.strided(dtype, 0, sizes, new long[] {0, columns, 1});
        case SCATTERED -> arrays.strided(dtype, 0, sizes, new long[] {rows * columns * 2, columns * 2, 2});
        case SAME_ROW -> arrays.strided(dtype, 0, sizes, new long[] {columns, 0, 1});
        case UNALIGNED -> arrays.strided(dtype, 1, sizes, new long[] {rows * columns, columns, 1});
      };
    }
  }

  /// An array and its elements in row-major order, which differ only where their places do.
  private record Filled(Strided array, double[] values) {
    static Filled of(Strided array, int least, int most) {
      long[] strides = array.strides();
      long[] sizes = array.sizes();
      double[] places = RANDOM.ints(Strided.end(0, sizes, strides), least, most + 1).asDoubleStream().toArray();
      double[] values = new double[(int) array.numel()];
      for (int i = 0; i < values.length; i++) {
        long rest = i;
        long place = 0;
        for (int d = sizes.length - 1; d >= 0; d--) {
          place += rest % sizes[d] * strides[d];
          rest /= sizes[d];
        }
        values[i] = places[(int) place];
      }
      Strided all = array.with(array.offset(), new long[] {places.length}, new long[] {1});
      arrays.write(all, places);
      return new Filled(array, values);
    }
  }

  private static double[] product(long batch, long m, long k, long n, double[] a, double[] b) {
    double[] out = new double[(int) (batch * m * n)];
    for (int i = 0; i < batch * m; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int p = 0; p < k; p++) {
          sum += a[i * (int) k + p] * b[(i / (int) m * (int) k + p) * (int) n + j];
        }
        out[i * (int) n + j] = sum;
      }
    }
    return out;
  }

  private static double[] stored(DType dtype, double[] values) {
    return Arrays.stream(values).map(value -> DeviceArrays.stored(dtype, value)).toArray();
  }

  private static Strided matmul(Strided a, Strided b) {
    Strided out = arrays.empty(a.dtype(), a.size(0), a.size(1), b.size(2));
    gpu.kernels().matmul(out, a, b);
    return out;
  }

  private static void check(DType dtype, Layout layoutA, Layout layoutB, long batch, long m, long k, long n) {
    int least = dtype == DType.UINT8 ? 0 : -4;
    Filled a = Filled.of(layoutA.in(dtype, batch, m, k), least, 4);
    Filled b = Filled.of(layoutB.in(dtype, batch, k, n), least, 4);

    double[] out = arrays.read(matmul(a.array, b.array));

    assertArrayEquals(stored(dtype, product(batch, m, k, n, a.values, b.values)), out,
        () -> dtype + " (" + batch + ", " + m + ", " + k + ") " + layoutA + " x (" + k + ", " + n + ") " + layoutB);
  }

  private static Stream<DType> dtypes() {
    return Arrays.stream(DType.values()).filter(dtype -> dtype != DType.BOOL);
  }

  @ParameterizedTest
  @MethodSource("dtypes")
  void productsOfEveryDtypeEqualPlainLoopsWhateverTheLayouts(DType dtype) {
    for (Layout a : Layout.values()) {
      for (Layout b : Layout.values()) {
        check(dtype, a, b, 3, 5, 7, 9);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("dtypes")
  void productsOfEverySizeEqualPlainLoops(DType dtype) {
    for (long[] sizes : new long[][] {{1, 1, 1, 1}, {1, 1, 40, 1}, {1, 70, 1, 3}, {1, 1, 33, 65}, {1, 65, 33, 1}, {2, 66, 130, 67},
      {1, 128, 300, 64}, {1100, 1, 2, 1}}) {
      check(dtype, Layout.ROWS, Layout.COLUMNS, sizes[0], sizes[1], sizes[2], sizes[3]);
    }
  }

  @Test
  void moreMatricesThanOneCallTakesAreMultiplied() {
    check(DType.FLOAT32, Layout.ROWS, Layout.ROWS, Gemm.MAX_BATCH + 5, 1, 2, 1);
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "BFLOAT16", "INT32"})
  void aProductOfNoTermsIsZeroAndOneWithoutElementsIsNothing(DType dtype) {
    assertArrayEquals(new double[6], arrays.read(matmul(arrays.empty(dtype, 1, 2, 0), arrays.empty(dtype, 1, 0, 3))));
    assertEquals(0, arrays.read(matmul(arrays.empty(dtype, 1, 0, 4), arrays.empty(dtype, 1, 4, 3))).length);
    assertEquals(0, arrays.read(matmul(arrays.empty(dtype, 0, 2, 4), arrays.empty(dtype, 0, 4, 3))).length);
  }
}
