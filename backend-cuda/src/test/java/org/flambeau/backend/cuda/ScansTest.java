package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Order;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Running sums over rows of all lengths, with threads in random order. Elements are whole numbers, whose sums are exact.
class ScansTest extends KernelTest {
  @BeforeAll
  static void randomOrder() {
    SimulatedDriver.order(Order.RANDOM);
  }

  /// What is scanned: rows along dimension 1, the elements of a row or of a column lying side by side.
  record Layout(long[] sizes, boolean alongRows) {
    long[] strides() {
      long[] sizes = alongRows ? this.sizes : new long[] {this.sizes[0], this.sizes[2], this.sizes[1]};
      long[] strides = Strided.contiguousStrides(sizes);
      return alongRows ? new long[] {strides[0], strides[1], strides[2]} : new long[] {strides[0], strides[2], strides[1]};
    }

    @Override
    public String toString() {
      return sizes[0] + " × " + sizes[1] + " × " + sizes[2] + (alongRows ? ", columns side by side" : ", rows side by side");
    }
  }

  static Stream<Layout> layouts() {
    return Stream.of(new long[] {3, 5, 7}, new long[] {1, 40_000, 1}, new long[] {2, 1025, 3}, new long[] {300, 129, 1},
        new long[] {1, 70_001, 2}).flatMap(sizes -> Stream.of(new Layout(sizes, true), new Layout(sizes, false)));
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void everyElementIsTheSumOfThoseUpToIt(Layout layout) {
    long[] sizes = layout.sizes;
    int n = (int) Strided.numel(sizes);
    int length = (int) sizes[1];
    int inner = (int) sizes[2];
    double[] values = new Random(n).ints(n, -20, 20).asDoubleStream().toArray();
    double[] expected = values.clone();
    for (int i = 0; i < n; i++) {
      expected[i] += i / inner % length == 0 ? 0 : expected[i - inner];
    }
    for (DType dtype : new DType[] {DType.FLOAT32, DType.INT64}) {
      Strided x = arrays.write(arrays.strided(dtype, 0, sizes, layout.strides()), values);
      Strided out = arrays.empty(dtype, sizes);

      gpu.kernels().scan(ScanOp.CUMSUM, out, x, 1);

      assertArrayEquals(expected, arrays.read(out), layout + " of " + dtype);
    }
  }

  @Test
  void productsChangeTheirSignWithEachNegativeElement() {
    int n = 30_000;
    double[] values = new Random(1).ints(n, 0, 2).mapToDouble(i -> 2 * i - 1).toArray();
    double[] expected = values.clone();
    for (int i = 1; i < n; i++) {
      expected[i] *= expected[i - 1];
    }
    Strided x = arrays.of(DType.BFLOAT16, new long[] {n}, values);

    gpu.kernels().scan(ScanOp.CUMPROD, x, x, 0);

    assertArrayEquals(expected, arrays.read(x));
  }

  @Test
  void sumsOfFloat32AreRoundedOnce() {
    int n = 50_000;
    double[] values = new Random(2).doubles(n).map(value -> (float) value).toArray();
    double[] expected = new double[n];
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += values[i];
      expected[i] = (float) sum;
    }
    Strided out = arrays.empty(DType.FLOAT32, n);

    gpu.kernels().scan(ScanOp.CUMSUM, out, arrays.of(DType.FLOAT32, new long[] {n}, values), 0);

    assertArrayEquals(expected, arrays.read(out), 4e-3 * 0.5); // half a place of the last digit of 25,000
  }
}
