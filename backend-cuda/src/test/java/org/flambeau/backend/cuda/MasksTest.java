package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Masks of more elements than a block looks at, and of more dimensions than a launch takes, with threads in random order.
class MasksTest extends KernelTest {
  private static Kernels kernels;

  @BeforeAll
  static void randomOrder() {
    SimulatedDriver.order(Order.RANDOM);
    kernels = gpu.kernels();
  }

  private static double[] mask(int n) {
    Random random = new Random(n);
    return IntStream.range(0, n).mapToDouble(_ -> random.nextInt(3) == 0 ? 1 : 0).toArray();
  }

  /// The places of what is not zero.
  private static int[] found(double[] mask) {
    return IntStream.range(0, mask.length).filter(i -> mask[i] != 0).toArray();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 1023, 1024, 1025, 300_001})
  void whatIsTrueIsCountedAndListedInOrder(int n) {
    double[] mask = mask(n);
    Strided x = arrays.of(DType.BOOL, new long[] {n}, mask);
    int[] found = found(mask);

    assertEquals(found.length, kernels.countNonzero(x));
    Strided out = arrays.empty(DType.INT64, found.length, 1);
    kernels.nonzero(out, x);
    assertArrayEquals(Arrays.stream(found).asDoubleStream().toArray(), arrays.read(out));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 3})
  void unalignedElementsAreCounted(long offset) {
    double[] mask = mask(5000);
    Strided x = arrays.write(arrays.strided(DType.FLOAT16, offset, new long[] {5000}, new long[] {1}), mask);

    assertEquals(found(mask).length, kernels.countNonzero(x));
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 8, 9, 11})
  void positionsHaveAnyNumberOfDimensions(int rank) {
    long[] sizes = new long[rank];
    Arrays.setAll(sizes, d -> 2 + d % 2);
    double[] values = mask((int) Strided.numel(sizes));
    long[] strides = new long[rank]; // the first dimension runs fastest, with gaps
    for (long d = 0, step = 2; d < rank; step *= sizes[(int) d++]) {
      strides[(int) d] = step;
    }
    Strided x = arrays.write(arrays.strided(DType.FLOAT32, 1, sizes, strides), values);
    int[] found = found(values);
    Strided out = arrays.empty(DType.INT64, found.length, rank);

    kernels.nonzero(out, x);

    double[] expected = new double[found.length * rank];
    for (int i = 0; i < found.length; i++) {
      for (int d = rank - 1, place = found[i]; d >= 0; place /= (int) sizes[d--]) {
        expected[i * rank + d] = place % sizes[d];
      }
    }
    assertArrayEquals(expected, arrays.read(out));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatIsSelectedComesBackWhereItWas(boolean transposed) {
    int rows = 301;
    int columns = 57;
    long[] sizes = {rows, columns};
    long[] strides = transposed ? new long[] {1, rows} : new long[] {columns, 1};
    double[] mask = mask(rows * columns);
    double[] values = IntStream.range(0, mask.length).mapToDouble(i -> i).toArray();
    int[] found = found(mask);
    Strided when = arrays.of(DType.BOOL, sizes, mask);
    Strided x = arrays.write(arrays.strided(DType.FLOAT32, 0, sizes, strides), values);
    Strided out = arrays.strided(DType.FLOAT32, 0, new long[] {found.length}, new long[] {2});

    kernels.maskedSelect(out, x, when);
    assertArrayEquals(Arrays.stream(found).asDoubleStream().toArray(), arrays.read(out));

    Strided to = arrays.write(arrays.strided(DType.FLOAT32, 0, sizes, strides), new double[mask.length]);
    kernels.maskedScatter(to, when, out);
    assertArrayEquals(IntStream.range(0, mask.length).mapToDouble(i -> mask[i] * values[i]).toArray(), arrays.read(to));
  }

  @Test
  void whatIsLeftOfTheSelectedStaysAsItWas() {
    double[] mask = mask(5000);
    double[] found = Arrays.stream(found(mask)).asDoubleStream().toArray();
    double[] expected = Arrays.copyOf(found, found.length + 2);
    Strided out = arrays.of(DType.FLOAT32, new long[] {expected.length}, new double[expected.length]);

    kernels.maskedSelect(out, arrays.of(DType.FLOAT32, new long[] {5000}, IntStream.range(0, 5000).mapToDouble(i -> i).toArray()),
        arrays.of(DType.BOOL, new long[] {5000}, mask));

    assertArrayEquals(expected, arrays.read(out));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void aSourceWithTooFewElementsIsReportedAndNotReadBeyondItsEnd(int size) {
    Tensor x = Tensor.zeros(4).to(gpu.device());
    Tensor mask = Tensor.of(true, true, true, true).to(gpu.device());
    Tensor source = Tensor.ones(size).to(gpu.device());

    Tensor result = x.maskedScatter(mask, source);

    String message = assertThrows(IndexOutOfBoundsException.class, result::toFloatArray).getMessage();
    assertTrue(String.valueOf(message).startsWith("[masked_scatter] index "), message);
    assertTrue(String.valueOf(message).contains("is out of bounds for dimension 0 with size " + size), message);
  }
}
