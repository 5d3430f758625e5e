package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// Rows of all lengths in order, with threads in random order. Many elements are equal, so that their places show whether sorting is stable.
class OrderingTest extends KernelTest {
  @BeforeAll
  static void randomOrder() {
    SimulatedDriver.order(Order.RANDOM);
  }

  /// Rows along the middle one of three dimensions, and how many of each are asked for.
  record Rows(int outer, int length, int inner, int kept) {
    long[] sizes(int length) {
      return new long[] {outer, length, inner};
    }

    /// Where row `row`'s element `i` is among all in row-major order.
    int place(int row, int i, int length) {
      return (row / inner * length + i) * inner + row % inner;
    }
  }

  static Stream<Rows> rows() {
    return Stream.of(new Rows(3, 1, 2, 1), new Rows(2, 7, 150, 7), new Rows(40, 100, 1, 100), new Rows(1, 2048, 2, 2048),
        new Rows(2, 2049, 1, 2049), new Rows(1, 9000, 2, 9000), new Rows(3, 500, 1, 20), new Rows(2, 5000, 1, 1500),
        new Rows(1, 3000, 2, 10),
        new Rows(1, 30_000, 1, 1), new Rows(2, 30_000, 1, 1000));
  }

  private static double[] values(int n, DType dtype) {
    Random random = new Random(n);
    return IntStream.range(0, n).mapToDouble(_ -> {
      int value = random.nextInt(-50, 50);
      return switch (dtype) {
        case BOOL -> value & 1;
        case UINT8 -> value + 50;
        case FLOAT16, BFLOAT16, FLOAT32, FLOAT64 ->
          value == 7 ? Double.NaN : value == 8 ? Double.NEGATIVE_INFINITY : value == 9 ? -0.0 : value;
        default -> value;
      };
    }).toArray();
  }

  private static void check(DType dtype, Rows rows, boolean descending) {
    int count = rows.outer * rows.inner;
    double[] x = values(count * rows.length, dtype);
    double[] values = new double[count * rows.kept];
    double[] indices = new double[count * rows.kept];
    for (int row = 0; row < count; row++) {
      int at = row;
      // NaN is the largest, and zeros are equal.
      Comparator<Integer> order = Comparator.comparingDouble(i -> x[rows.place(at, i, rows.length)] + 0.0);
      Integer[] sorted = IntStream.range(0, rows.length).boxed().sorted(descending ? order.reversed() : order).toArray(Integer[]::new);
      for (int i = 0; i < rows.kept; i++) {
        values[rows.place(row, i, rows.kept)] = x[rows.place(row, sorted[i], rows.length)];
        indices[rows.place(row, i, rows.kept)] = sorted[i];
      }
    }
    long[] out = rows.sizes(rows.kept);
    Strided foundValues = arrays.strided(dtype, 1, out, Arrays.stream(Strided.contiguousStrides(out)).map(s -> 2 * s).toArray());
    Strided foundIndices = arrays.empty(DType.INT64, out);
    Strided in = arrays.of(dtype, rows.sizes(rows.length), x);

    if (rows.kept == rows.length) {
      gpu.kernels().sort(foundValues, foundIndices, in, 1, descending);
    } else {
      gpu.kernels().topk(foundValues, foundIndices, in, 1, descending);
    }

    assertArrayEquals(indices, arrays.read(foundIndices), rows + " of " + dtype);
    assertArrayEquals(values, arrays.read(foundValues), rows + " of " + dtype);
  }

  @ParameterizedTest
  @MethodSource("rows")
  void rowsOfAnyLengthAreInOrder(Rows rows) {
    check(DType.FLOAT32, rows, false);
    check(DType.INT64, rows, true);
  }

  @ParameterizedTest
  @EnumSource
  void elementsOfAnyDtypeAreInOrder(DType dtype) {
    Rows rows = new Rows(2, 300, 1, 300);
    check(dtype, rows, false);
    check(dtype, rows, true);
  }
}
