package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.scrambled;
import static org.flambeau.backend.cpu.TestMemory.wholes;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SortKernelsTest {
  static Stream<Arguments> cases() {
    return Stream.of(DType.values()).flatMap(dtype -> Stream.of(true, false).map(reversed -> Arguments.of(dtype, reversed)));
  }

  /// Values with many ties; floats with both zeros, infinities and NaN.
  private static Strided fill(Strided x, long seed) {
    Random random = new Random(seed);
    double[] special = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0.0, -0.0};
    return reals(x, i -> x.dtype().isFloating() && random.nextInt(4) == 0 ? special[random.nextInt(5)]
        : x.dtype() == DType.BOOL ? random.nextInt(2) : Math.rint(random.nextGaussian() * 40));
  }

  /// The positions of a row in stable order, NaN as the greatest.
  private static int[] sorted(double[] row, boolean descending) {
    Comparator<Double> order = (a, b) -> a.isNaN() || b.isNaN() ? Boolean.compare(a.isNaN(), b.isNaN()) : a < b ? -1 : a > b ? 1 : 0;
    Comparator<Double> wanted = descending ? order.reversed() : order;
    return IntStream.range(0, row.length).boxed().sorted((i, j) -> wanted.compare(row[i], row[j])).mapToInt(i -> i).toArray();
  }

  /// Checks the first `k` of every row along `dim` of x (of rank 3).
  private static void check(Strided values, Strided indices, Strided x, int dim, int k, boolean descending) {
    for (int a = 0; a < x.size((dim + 1) % 3); a++) {
      for (int b = 0; b < x.size((dim + 2) % 3); b++) {
        long[] at = new long[3];
        at[(dim + 1) % 3] = a;
        at[(dim + 2) % 3] = b;
        double[] row = new double[(int) x.size(dim)];
        for (int i = 0; i < row.length; i++) {
          at[dim] = i;
          row[i] = Element.of(x.dtype()).getDouble(TestMemory.address(x, at));
        }
        int[] expected = sorted(row, descending);
        for (int i = 0; i < k; i++) {
          at[dim] = i;
          assertEquals(expected[i], Element.of(DType.INT64).getLong(TestMemory.address(indices, at)), "position " + i);
          assertEquals(row[expected[i]], Element.of(x.dtype()).getDouble(TestMemory.address(values, at)), "value " + i);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void sortIsStableAlongAnyDimension(DType dtype, boolean descending) {
    for (Strided x : new Strided[] {zeros(dtype, 3, 70, 5), scrambled(dtype, 3, 70, 5)}) {
      fill(x, 1);
      for (int dim = 0; dim < 3; dim++) {
        Strided values = scrambled(dtype, x.sizes());
        Strided indices = scrambled(DType.INT64, x.sizes());
        SortKernels.sort(values, indices, x, dim, descending);
        check(values, indices, x, dim, (int) x.size(dim), descending);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void longRowsAreSortedAllTheSame(DType dtype) {
    Strided x = fill(zeros(dtype, 1, 10_000, 2), 2);
    Strided values = zeros(dtype, 1, 10_000, 2);
    Strided indices = zeros(DType.INT64, 1, 10_000, 2);
    SortKernels.sort(values, indices, x, 1, false);
    check(values, indices, x, 1, 10_000, false);
  }

  @Test
  void wideIntegersUseAllTheirBits() {
    Random random = new Random(4);
    Strided x = wholes(zeros(DType.INT64, 5000), i -> random.nextLong() >> random.nextInt(64));
    Strided values = zeros(DType.INT64, 5000);
    SortKernels.sort(values, zeros(DType.INT64, 5000), x, 0, false);
    assertArrayEquals(Arrays.stream(wholes(x)).sorted().toArray(), wholes(values));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void topkTakesTheFirstOfEquals(DType dtype, boolean largest) {
    for (int k : new int[] {1, 4, 30, 70}) {
      Strided x = fill(scrambled(dtype, 3, 70, 5), 3);
      Strided values = zeros(dtype, 3, k, 5);
      Strided indices = zeros(DType.INT64, 3, k, 5);
      SortKernels.topk(values, indices, x, 1, largest);
      check(values, indices, x, 1, k, largest);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void scalarsAndEmptyRowsAreRows(boolean reversed) {
    Strided one = reals(zeros(DType.FLOAT32), i -> 5);
    Strided value = zeros(DType.FLOAT32);
    Strided index = wholes(zeros(DType.INT64), i -> 9);
    SortKernels.sort(value, index, one, 0, reversed);
    assertEquals(5, reals(value)[0]);
    assertEquals(0, wholes(index)[0]);
    SortKernels.topk(value, index, one, 0, reversed);
    assertEquals(0, wholes(index)[0]);
    SortKernels.sort(zeros(DType.FLOAT32, 3, 0), zeros(DType.INT64, 3, 0), zeros(DType.FLOAT32, 3, 0), 1, reversed);
    SortKernels.topk(zeros(DType.FLOAT32, 3, 0), zeros(DType.INT64, 3, 0), zeros(DType.FLOAT32, 3, 4), 1, reversed);
  }
}
