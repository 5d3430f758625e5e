package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Reductions so long that several blocks share one, whose parts a second launch puts together.
class ReductionsTest extends KernelTest {
  /// From one result, which all lanes of a block put together, to as many as leave each a few.
  @ParameterizedTest
  @CsvSource({"FORWARD, 1, 100003", "RANDOM, 1, 9000", "REVERSE, 3, 40001", "RANDOM, 3, 40001", "RANDOM, 33, 9001", "FORWARD, 200, 8500"})
  void theirPartsComeToWhatOneBlockWouldHaveGathered(Order order, int results, int length) {
    SimulatedDriver.order(order);
    Random random = new Random(results);
    double[][] rows = new double[results][];
    double[] sums = new double[results];
    double[] places = new double[results];
    for (int r = 0; r < results; r++) {
      double[] row = random.ints(length, -4, 4).asDoubleStream().toArray();
      places[r] = random.nextInt(length / 2);
      row[(int) places[r]] = 9;
      row[length - 1] = 9; // of equals the first counts
      rows[r] = row;
      sums[r] = Arrays.stream(row).sum();
    }
    double[] values = Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
    Strided lines = arrays.of(DType.FLOAT32, new long[] {results, length}, values);
    Strided columns = arrays.write(arrays.strided(DType.FLOAT32, 0, new long[] {results, length}, new long[] {1, results}), values);

    for (Strided x : new Strided[] {lines, columns}) {
      Strided out = arrays.empty(DType.FLOAT32, results, 1);
      Strided at = arrays.empty(DType.INT64, results, 1);

      var work = SimulatedDriver.work(() -> gpu.kernels().reduce(ReduceOp.SUM, out, x, 0));
      assertEquals(2, work.kernels(), "several blocks gather, another launch puts together");
      assertArrayEquals(sums, arrays.read(out));

      gpu.kernels().argReduce(true, null, at, x, 1);
      assertArrayEquals(places, arrays.read(at));
    }
  }

  /// Rows and columns whose elements are read in packs where these are whole and aligned, one by one where a tensor begins behind an address of a
  /// pack or its rows are longer by one. Sums are whole numbers, so that no order of additions rounds.
  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "BFLOAT16", "FLOAT16", "FLOAT64"})
  void elementsInPacksAreReducedAsOthers(DType dtype) {
    int rows = 40;
    int columns = 1000;
    double[] values = new Random(3).ints(rows * columns, -2, 3).asDoubleStream().toArray();
    double[] bySum = new double[columns];
    double[] byRow = new double[rows];
    long[] firstLargest = new long[rows];
    for (int r = 0; r < rows; r++) {
      values[r * columns + 7 * r + 100] = 5;
      values[r * columns + 7 * r + 101] = 5; // of equals the first counts
      firstLargest[r] = 7 * r + 100;
      for (int c = 0; c < columns; c++) {
        byRow[r] += values[r * columns + c];
        bySum[c] += values[r * columns + c];
      }
    }
    double all = Arrays.stream(byRow).sum();
    double variance = Arrays.stream(values).map(v -> v * v).sum() / values.length - Math.pow(all / values.length, 2);
    for (int offset : new int[] {0, 1}) {
      for (int pitch : new int[] {columns, columns + 8, columns + 1}) {
        Strided x = arrays.write(arrays.strided(dtype, offset, new long[] {rows, columns}, new long[] {pitch, 1}), values);
        assertArrayEquals(stored(dtype, byRow), reduced(ReduceOp.SUM, dtype, x, rows, 1));
        assertArrayEquals(stored(dtype, bySum), reduced(ReduceOp.SUM, dtype, x, 1, columns));
        assertArrayEquals(stored(dtype, all), reduced(ReduceOp.SUM, dtype, x, 1, 1));
        assertEquals(variance, reduced(ReduceOp.VAR, dtype, x, 1, 1)[0], 0.02);
        assertEquals(5, reduced(ReduceOp.AMAX, dtype, x, 1, 1)[0]);
        Strided at = arrays.empty(DType.INT64, rows, 1);
        gpu.kernels().argReduce(true, null, at, x, 1);
        assertArrayEquals(Arrays.stream(firstLargest).asDoubleStream().toArray(), arrays.read(at));
      }
    }
  }

  private double[] reduced(ReduceOp op, DType dtype, Strided x, long... sizes) {
    Strided out = arrays.empty(dtype, sizes);
    gpu.kernels().reduce(op, out, x, 0);
    return arrays.read(out);
  }

  private static double[] stored(DType dtype, double... values) {
    return Arrays.stream(values).map(value -> DeviceArrays.stored(dtype, value)).toArray();
  }

  /// Whose squares are not finite in float32.
  @Test
  void largeNumbersThatAreAllTheSameHaveNoVariance() {
    double[] values = new double[100_003];
    Arrays.fill(values, 0x1p67);
    Strided x = arrays.of(DType.FLOAT32, new long[] {values.length}, values);
    Strided out = arrays.empty(DType.FLOAT32, 1);

    var work = SimulatedDriver.work(() -> gpu.kernels().reduce(ReduceOp.VAR, out, x, 1));
    assertEquals(2, work.kernels());
    assertArrayEquals(new double[1], arrays.read(out));
  }

  /// As where there are 2³¹ elements, and where more dimensions than a launch has do not lie behind each other.
  @Test
  void whatIsTooMuchForOneLaunchIsReducedInSeveral() {
    var reductions = new Reductions(gpu, new KernelLibrary(gpu), 1000);
    double[] values = new Random(7).ints(3 * 5000, -4, 4).asDoubleStream().toArray();
    Arrays.fill(values, 0, 5000, -5); // of equals the first counts
    values[2 * 5000 + 4998] = 9;
    values[2 * 5000 + 4999] = 9;
    Strided x = arrays.of(DType.FLOAT32, new long[] {3, 5000}, values);
    Strided sums = arrays.empty(DType.FLOAT32, 3, 1);
    Strided mean = arrays.empty(DType.FLOAT32, 1, 1);
    Strided at = arrays.empty(DType.INT64, 3, 1);

    reductions.reduce(ReduceOp.SUM, sums, x, 0);
    reductions.reduce(ReduceOp.MEAN, mean, x, 0);
    reductions.argReduce(true, null, at, x, 1);

    double[] expected = new double[3];
    Arrays.setAll(expected, r -> Arrays.stream(values, r * 5000, (r + 1) * 5000).sum());
    assertArrayEquals(expected, arrays.read(sums));
    assertEquals(Arrays.stream(expected).sum() / 15000, arrays.read(mean)[0], 1e-6);
    assertEquals(0, arrays.read(at)[0]);
    assertEquals(4998, arrays.read(at)[2]);

    long[] many = new long[10];
    Arrays.fill(many, 2);
    long[] apart = new long[10];
    Arrays.setAll(apart, d -> 1L << 2 * (9 - d));
    Strided scattered = arrays.strided(DType.FLOAT32, 0, many, apart);
    arrays.write(scattered, Arrays.copyOf(values, 1024));
    Strided one = arrays.empty(DType.FLOAT32, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);

    gpu.kernels().reduce(ReduceOp.SUM, one, scattered, 0);

    assertEquals(-5 * 1024, arrays.read(one)[0]);
  }
}
