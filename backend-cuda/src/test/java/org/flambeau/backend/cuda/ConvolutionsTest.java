package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Convolutions on the simulated GPU beside plain loops. Factors are small whole numbers, whose sums are exact in every dtype's arithmetic,
/// so that results must be equal after the one rounding.
class ConvolutionsTest extends KernelTest {
  @AfterEach
  void restorePrecision() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
  }

  /// The three tensors' sizes, and how the kernel slides.
  record Geometry(String name, long[] x, long[] weight, ConvSpec spec) {
    long[] y() {
      return new long[] {x[0], weight[0],
        ConvSpec.outputSize(x[2], weight[2], spec.strideH(), spec.padH(), spec.dilationH()),
        ConvSpec.outputSize(x[3], weight[3], spec.strideW(), spec.padW(), spec.dilationW())};
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static Geometry geometry(String name, long[] x, long[] weight, int stride, int pad, int dilation, int groups) {
    return new Geometry(name, x, weight, new ConvSpec(stride, stride, pad, pad, dilation, dilation, groups));
  }

  private static long[] sizes(long... sizes) {
    return sizes;
  }

  static Stream<Geometry> geometries() {
    return Stream.of(
        geometry("3x3", sizes(2, 4, 7, 6), sizes(5, 4, 3, 3), 1, 1, 1, 1),
        geometry("1x1", sizes(2, 4, 5, 5), sizes(3, 4, 1, 1), 1, 0, 1, 1),
        geometry("strided 1x1", sizes(2, 4, 6, 5), sizes(3, 4, 1, 1), 2, 0, 1, 1),
        geometry("stem", sizes(1, 3, 17, 15), sizes(4, 3, 7, 7), 2, 3, 1, 1),
        geometry("patches", sizes(2, 3, 8, 8), sizes(6, 3, 4, 4), 4, 0, 1, 1),
        geometry("dilated", sizes(1, 2, 9, 9), sizes(2, 2, 3, 3), 1, 2, 2, 1),
        geometry("groups", sizes(2, 4, 5, 5), sizes(6, 2, 3, 3), 1, 1, 1, 2),
        geometry("depthwise", sizes(2, 4, 5, 5), sizes(4, 1, 3, 3), 2, 1, 1, 4),
        geometry("rows", sizes(2, 3, 1, 11), sizes(4, 3, 1, 5), 1, 0, 1, 1),
        geometry("single", sizes(1, 1, 1, 1), sizes(1, 1, 1, 1), 1, 0, 1, 1),
        new Geometry("uneven", sizes(2, 2, 8, 9), sizes(3, 2, 2, 3), new ConvSpec(3, 2, 0, 1, 1, 2, 1)));
  }

  enum Order {
    ROWS, CHANNELS_LAST, SLICED, UNALIGNED;

    Strided in(DType dtype, long... sizes) {
      long c = sizes[1];
      long h = sizes[2];
      long w = sizes[3];
      return switch (this) {
        case ROWS -> arrays.empty(dtype, sizes);
        case CHANNELS_LAST -> arrays.strided(dtype, 0, sizes, new long[] {c * h * w, 1, c * w, c});
        case SLICED -> arrays.strided(dtype, 8, sizes, new long[] {(c + 1) * (h + 2) * (w + 3), (h + 2) * (w + 3), w + 3, 1});
        case UNALIGNED -> arrays.strided(dtype, 1, sizes, Strided.contiguousStrides(sizes));
      };
    }
  }

  static double[] whole(Random random, long[] sizes) {
    return random.ints(Strided.numel(sizes), -2, 3).asDoubleStream().toArray();
  }

  // ---- by plain loops ----

  interface Product {
    void at(int x, int weight, int y);
  }

  static void forEachProduct(Geometry g, Product body) {
    long[] x = g.x;
    long[] w = g.weight;
    long[] y = g.y();
    ConvSpec s = g.spec;
    for (int i = 0; i < Strided.numel(y); i++) {
      long column = i % y[3];
      long row = i / y[3] % y[2];
      long o = i / (y[2] * y[3]) % y[1];
      long n = i / (y[1] * y[2] * y[3]);
      for (int k = 0; k < w[1] * w[2] * w[3]; k++) {
        long channel = o / (y[1] / s.groups()) * w[1] + k / (w[2] * w[3]);
        long h = row * s.strideH() - s.padH() + k / w[3] % w[2] * s.dilationH();
        long v = column * s.strideW() - s.padW() + k % w[3] * s.dilationW();
        if (h >= 0 && h < x[2] && v >= 0 && v < x[3]) {
          body.at((int) (((n * x[1] + channel) * x[2] + h) * x[3] + v), (int) (o * w[1] * w[2] * w[3] + k), i);
        }
      }
    }
  }

  static double[] forward(Geometry g, double[] x, double[] weight, double @Nullable [] bias, DType dtype) {
    double[] y = new double[(int) Strided.numel(g.y())];
    forEachProduct(g, (i, j, k) -> y[k] += x[i] * weight[j]);
    long plane = g.y()[2] * g.y()[3];
    Arrays.setAll(y, k -> DeviceArrays.stored(dtype, bias == null ? y[k] : y[k] + bias[(int) (k / plane % bias.length)]));
    return y;
  }

  static double[] stored(DType dtype, double[] values) {
    return Arrays.stream(values).map(value -> DeviceArrays.stored(dtype, value)).toArray();
  }

  // ---- beside them ----

  private static Stream<Object[]> cases() {
    List<DType> dtypes = List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.FLOAT16);
    List<Object[]> cases = new ArrayList<>();
    geometries().forEach(geometry -> {
      for (Order order : Order.values()) {
        dtypes.forEach(dtype -> cases.add(new Object[] {geometry, order, dtype}));
      }
    });
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void aConvolutionAndItsGradientsAreWhatPlainLoopsGive(Geometry g, Order order, DType dtype) {
    Random random = new Random(7);
    double[] x = whole(random, g.x);
    double[] weight = whole(random, g.weight);
    double[] bias = whole(random, sizes(g.weight[0]));
    double[] grad = whole(random, g.y());
    Order dense = order == Order.SLICED ? Order.ROWS : order;
    Strided in = arrays.write(order.in(dtype, g.x), x);
    Strided kernel = arrays.write(order.in(dtype, g.weight), weight);
    Strided row = arrays.of(dtype, sizes(g.weight[0]), bias);
    Strided gradient = arrays.write(order.in(dtype, g.y()), grad);
    Strided out = dense.in(dtype, g.y());
    Strided gradX = dense.in(dtype, g.x);
    Strided gradWeight = dense.in(dtype, g.weight);

    gpu.kernels().conv2d(out, in, kernel, null, g.spec);
    assertArrayEquals(forward(g, x, weight, null, dtype), arrays.read(out), "without bias");
    gpu.kernels().conv2d(out, in, kernel, row, g.spec);
    assertArrayEquals(forward(g, x, weight, bias, dtype), arrays.read(out), "with bias");

    double[] sums = forward(g, x, weight, bias, DType.FLOAT64);
    gpu.kernels().fusedConv2d(out, in, kernel, new Epilogue(null, row, gradient, Activation.RELU), g.spec);
    double[] expected = new double[sums.length];
    Arrays.setAll(expected, i -> DeviceArrays.stored(dtype, Math.max(sums[i] + grad[i], 0)));
    assertArrayEquals(expected, arrays.read(out), "with bias, residual and ReLU");
    gpu.kernels().fusedConv2d(out, in, kernel, new Epilogue(null, row, null, Activation.RELU), g.spec);
    Arrays.setAll(expected, i -> DeviceArrays.stored(dtype, Math.max(sums[i], 0)));
    assertArrayEquals(expected, arrays.read(out), "with bias and ReLU");
    gpu.kernels().fusedConv2d(out, in, kernel, new Epilogue(null, null, gradient, Activation.NONE), g.spec);
    int plane = expected.length / (int) (g.y()[0] * g.y()[1]);
    Arrays.setAll(expected, i -> DeviceArrays.stored(dtype, sums[i] - bias[i / plane % bias.length] + grad[i]));
    assertArrayEquals(expected, arrays.read(out), "with residual");

    double[] expectedX = new double[x.length];
    forEachProduct(g, (i, j, k) -> expectedX[i] += grad[k] * weight[j]);
    gpu.kernels().conv2dBackwardInput(gradX, gradient, kernel, g.spec);
    assertArrayEquals(stored(dtype, expectedX), arrays.read(gradX), "gradient for the input");

    double[] expectedWeight = new double[weight.length];
    forEachProduct(g, (i, j, k) -> expectedWeight[j] += grad[k] * x[i]);
    gpu.kernels().conv2dBackwardWeight(gradWeight, gradient, in, g.spec);
    assertArrayEquals(stored(dtype, expectedWeight), arrays.read(gradWeight), "gradient for the weight");
  }

  @Test
  void whatIsRepeatedInMemoryIsCopiedFirst() {
    Geometry g = geometry("repeated", sizes(2, 3, 5, 5), sizes(4, 3, 3, 3), 1, 1, 1, 1);
    Strided row = arrays.of(DType.FLOAT32, sizes(5), 1, 2, 3, 4, 5);
    Strided repeated = row.with(0, g.x, new long[] {0, 0, 0, 1});
    double[] x = arrays.read(repeated);
    double[] weight = whole(new Random(3), g.weight);
    Strided transposed = arrays.write(arrays.strided(DType.FLOAT32, 0, g.weight, new long[] {27, 9, 1, 3}), weight);
    Strided one = arrays.of(DType.FLOAT32, sizes(1), 2);
    Strided out = arrays.empty(DType.FLOAT32, g.y());

    gpu.kernels().conv2d(out, repeated, transposed, one.with(0, sizes(4), new long[] {0}), g.spec);

    assertArrayEquals(forward(g, x, weight, new double[] {2, 2, 2, 2}, DType.FLOAT32), arrays.read(out));
  }

  @Test
  void sumsWithoutTermsAreZeroOrTheBias() {
    ConvSpec spec = new ConvSpec(1, 1, 1, 1, 1, 1, 1);
    Strided out = arrays.empty(DType.FLOAT32, 1, 2, 2, 2);
    Strided none = arrays.empty(DType.FLOAT32, 1, 0, 2, 2);
    gpu.kernels().conv2d(out, none, arrays.empty(DType.FLOAT32, 2, 0, 3, 3), arrays.of(DType.FLOAT32, sizes(2), 3, 4), spec);
    assertArrayEquals(new double[] {3, 3, 3, 3, 4, 4, 4, 4}, arrays.read(out));

    Strided gradWeight = arrays.empty(DType.FLOAT32, 1, 1, 1, 1);
    Strided nobody = arrays.empty(DType.FLOAT32, 0, 1, 4, 4);
    gpu.kernels().conv2dBackwardWeight(gradWeight, nobody, nobody, spec);
    assertArrayEquals(new double[] {0}, arrays.read(gradWeight));

    gpu.kernels().conv2d(nobody, nobody, gradWeight, null, spec);
  }

  @Test
  void aConvolutionWithoutTermsIsItsEpilogue() {
    ConvSpec spec = new ConvSpec(1, 1, 0, 0, 1, 1, 1);
    Strided out = arrays.empty(DType.FLOAT32, 1, 2, 1, 2);
    Strided residual = arrays.of(DType.FLOAT32, sizes(1, 2, 1, 2), 1, -5, Double.NaN, -9);
    gpu.kernels().fusedConv2d(out, arrays.empty(DType.FLOAT32, 1, 0, 1, 2), arrays.empty(DType.FLOAT32, 2, 0, 1, 1),
        new Epilogue(null, arrays.of(DType.FLOAT32, sizes(2), 3, 4), residual, Activation.RELU), spec);
    assertArrayEquals(new double[] {4, 0, Double.NaN, 0}, arrays.read(out));
  }

  @Test
  void float32IsRoundedToTensorFloatUnlessItMustStayExact() {
    double fine = 1 + 0x1p-13;
    Strided x = arrays.of(DType.FLOAT32, sizes(1, 1, 1, 1), fine);
    Strided two = arrays.of(DType.FLOAT32, sizes(1, 1, 1, 1), 2);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 1);
    ConvSpec spec = new ConvSpec(1, 1, 0, 0, 1, 1, 1);

    gpu.kernels().conv2d(out, x, two, null, spec);
    assertEquals(2, arrays.read(out)[0]);
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    gpu.kernels().conv2d(out, x, two, null, spec);
    assertEquals(2 * fine, arrays.read(out)[0]);
    gpu.kernels().conv2dBackwardInput(out, x, two, spec);
    assertEquals(2 * fine, arrays.read(out)[0]);
    gpu.kernels().conv2dBackwardWeight(out, x, two, spec);
    assertEquals(2 * fine, arrays.read(out)[0]);
  }

  @Test
  void eightThreadsConvolveAtOnce() throws Exception {
    Geometry g = geometry("threads", sizes(2, 3, 6, 6), sizes(4, 3, 3, 3), 1, 1, 1, 1);
    try (var threads = Executors.newFixedThreadPool(8)) {
      List<Future<?>> done = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        int seed = t;
        done.add(threads.submit(() -> {
          Random random = new Random(seed);
          double[] x = whole(random, g.x);
          double[] weight = whole(random, g.weight);
          Strided in = arrays.of(DType.FLOAT32, g.x, x);
          Strided kernel = arrays.of(DType.FLOAT32, g.weight, weight);
          for (int i = 0; i < 10; i++) {
            Strided out = arrays.empty(DType.FLOAT32, g.y());
            gpu.kernels().conv2d(out, in, kernel, null, g.spec);
            assertArrayEquals(forward(g, x, weight, null, DType.FLOAT32), arrays.read(out));
          }
        }));
      }
      for (Future<?> future : done) {
        future.get();
      }
    }
  }

  @Test
  void aGeometryThatWasMetBeforeNeedsNoNewPlan() throws Exception {
    Strided x = arrays.of(DType.FLOAT32, sizes(1, 1, 2, 2), 1, 2, 3, 4);
    Strided weight = arrays.of(DType.FLOAT32, sizes(1, 1, 1, 1), 3);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 2, 2);
    ConvSpec spec = new ConvSpec(1, 1, 0, 0, 1, 1, 1);
    long before = SimulatedDriver.cudnnPlans();
    gpu.kernels().conv2d(out, x, weight, null, spec);
    long made = SimulatedDriver.cudnnPlans();
    gpu.kernels().conv2d(out, x, weight, null, spec);

    assertNotEquals(before, made);
    assertEquals(made, SimulatedDriver.cudnnPlans());
  }

  @Test
  void aCapturedConvolutionIsDoneAgainWithWhatItsOperandsHoldThen() {
    Strided x = arrays.of(DType.FLOAT32, sizes(1, 1, 3, 2), 1, 2, 3, 4, 5, 6);
    Strided weight = arrays.of(DType.FLOAT32, sizes(1, 1, 1, 1), 3);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 3, 2);
    ConvSpec spec = new ConvSpec(1, 1, 0, 0, 1, 1, 1);

    try (var graph = Capture.of(gpu, () -> gpu.kernels().conv2d(out, x, weight, weight.with(0, sizes(1), sizes(1)), spec))) {
      arrays.write(x, 6, 5, 4, 3, 2, 1);
      graph.replay();
      assertArrayEquals(new double[] {21, 18, 15, 12, 9, 6}, arrays.read(out));
      arrays.write(weight, 2);
      graph.replay();
      assertArrayEquals(new double[] {14, 12, 10, 8, 6, 4}, arrays.read(out));
    }
  }
}
