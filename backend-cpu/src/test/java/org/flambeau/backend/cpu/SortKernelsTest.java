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
import org.flambeau.spi.OrderStatistic;
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
  @MethodSource("cases")
  void topkOfALongRowTakesTheFirstOfEquals(DType dtype, boolean largest) {
    int n = 2 * Scratch.TILE + 100;
    Strided x = fill(zeros(dtype, 1, n, 2), 5);
    for (int k : new int[] {5, 16, 17, 300, n / 2, n - 1}) {
      Strided values = zeros(dtype, 1, k, 2);
      Strided indices = zeros(DType.INT64, 1, k, 2);
      SortKernels.topk(values, indices, x, 1, largest);
      check(values, indices, x, 1, k, largest);
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void statisticsAreThoseOfTheSortedRow(DType dtype) {
    for (int n : new int[] {1, 2, 31, 200, Scratch.TILE + 1, 5000}) {
      Strided x = fill(scrambled(dtype, 2, n, 2), n);
      long[] row = {0, 0, 1};
      double[] elements = IntStream.range(0, n).mapToDouble(i -> {
        row[1] = i;
        return Element.of(dtype).getDouble(TestMemory.address(x, row));
      }).toArray();
      int[] order = sorted(elements, false);
      int numbers = (int) Arrays.stream(elements).filter(v -> !Double.isNaN(v)).count();
      for (int k : new int[] {0, n / 3, n - 1}) {
        assertEquals(order[k], found(OrderStatistic.KTH, k, x), "place " + k + " of " + n);
      }
      assertEquals(numbers < n ? order[numbers] : order[(n - 1) / 2], found(OrderStatistic.MEDIAN, 0, x), "median of " + n);
      assertEquals(order[Math.max(0, numbers - 1) / 2], found(OrderStatistic.NANMEDIAN, 0, x), "nanmedian of " + n);
      assertEquals(mode(elements, order), found(OrderStatistic.MODE, 0, x), "mode of " + n);
    }
  }

  /// Where the statistic of the row (0, :, 1) stands, whose value must be there, too.
  private static int found(OrderStatistic statistic, int k, Strided x) {
    Strided values = scrambled(x.dtype(), 2, 1, 2);
    Strided indices = scrambled(DType.INT64, 2, 1, 2);
    SortKernels.orderStatistic(statistic, k, values, indices, x, 1);
    int index = (int) Element.of(DType.INT64).getLong(TestMemory.address(indices, 0, 0, 1));
    assertEquals(Element.of(x.dtype()).getDouble(TestMemory.address(x, 0, index, 1)),
        Element.of(x.dtype()).getDouble(TestMemory.address(values, 0, 0, 1)));
    return index;
  }

  /// The last of the first of the longest runs; as doubles, both zeros are equal and no NaN is equal to another.
  private static int mode(double[] row, int[] order) {
    int last = 0;
    int longest = 0;
    for (int i = 0, run = 1; i < order.length; i++, run++) {
      if (run > longest) {
        longest = run;
        last = i;
      }
      if (i + 1 < order.length && row[order[i + 1]] != row[order[i]]) {
        run = 0;
      }
    }
    return order[last];
  }

  @Test
  void wideIntegersHaveTheirMedian() {
    Random random = new Random(6);
    Strided x = wholes(zeros(DType.INT64, 1, 5001, 1), i -> random.nextLong() >> random.nextInt(64));
    Strided value = zeros(DType.INT64, 1, 1, 1);
    SortKernels.orderStatistic(OrderStatistic.MEDIAN, 0, value, zeros(DType.INT64, 1, 1, 1), x, 1);
    assertEquals(Arrays.stream(wholes(x)).sorted().toArray()[2500], wholes(value)[0]);
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
