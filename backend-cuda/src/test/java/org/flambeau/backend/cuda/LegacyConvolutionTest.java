package org.flambeau.backend.cuda;

import static org.flambeau.backend.cuda.ConvolutionsTest.forEachProduct;
import static org.flambeau.backend.cuda.ConvolutionsTest.whole;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.flambeau.BackendException;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.ConvolutionsTest.Geometry;
import org.flambeau.backend.cuda.ConvolutionsTest.Order;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Allocator;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Reclaimable;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Convolutions on the simulated GPU where no plan of cuDNN's graph API is to be had, beside plain loops.
class LegacyConvolutionTest extends KernelTest {
  /// Steps of 1, no padding, no dilation, one group.
  private static final ConvSpec PLAIN = new ConvSpec(1, 1, 0, 0, 1, 1, 1);

  /// The algorithms' numbers.
  static final int FORWARD_BY_PRODUCTS = 0;
  private static final int BY_PRODUCTS = 1;
  private static final int[] ALL = {0, 1, 2, 3, 4, 5, 6, 7};

  private long descriptors;

  @BeforeEach
  void refusePlans() {
    SimulatedDriver.cudnnRefuses(true);
    descriptors = SimulatedDriver.cudnnDescriptors();
  }

  @AfterEach
  void everyDescriptorIsDestroyed() {
    assertEquals(descriptors, SimulatedDriver.cudnnDescriptors());
  }

  @AfterEach
  void restorePrecision() {
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGH);
  }

  @AfterAll
  static void allowPlans() {
    SimulatedDriver.cudnnRefuses(false);
  }

  private static Stream<Object[]> cases() {
    List<Object[]> cases = new ArrayList<>();
    ConvolutionsTest.geometries().forEach(geometry -> {
      for (Order order : Order.values()) {
        for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.FLOAT16)) {
          cases.add(new Object[] {geometry, order, dtype});
        }
      }
    });
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void aConvolutionWithoutPlanAndItsGradientsAreWhatPlainLoopsGive(Geometry g, Order order, DType dtype) {
    Random random = new Random(11);
    double[] x = whole(random, g.x());
    double[] weight = whole(random, g.weight());
    double[] bias = whole(random, new long[] {g.weight()[0]});
    double[] grad = whole(random, g.y());
    Strided in = arrays.write(order.in(dtype, g.x()), x);
    Strided kernel = arrays.write(order.in(dtype, g.weight()), weight);
    Strided gradient = arrays.write(order.in(dtype, g.y()), grad);
    Strided out = order.in(dtype, g.y());
    Strided gradX = order.in(dtype, g.x());
    Strided gradWeight = order == Order.SLICED ? Order.ROWS.in(dtype, g.weight()) : order.in(dtype, g.weight());
    long plans = SimulatedDriver.cudnnPlans();

    gpu.kernels().conv2d(out, in, kernel, null, g.spec());
    assertArrayEquals(ConvolutionsTest.forward(g, x, weight, null, dtype), arrays.read(out));

    gpu.kernels().fusedConv2d(out, in, kernel,
        new Epilogue(null, arrays.of(dtype, new long[] {bias.length}, bias), null, Activation.RELU), g.spec());
    double[] rectified = ConvolutionsTest.forward(g, x, weight, bias, dtype);
    Arrays.setAll(rectified, i -> Math.max(rectified[i], 0));
    assertArrayEquals(rectified, arrays.read(out), "with bias and ReLU");

    double[] expectedX = new double[x.length];
    forEachProduct(g, (i, j, k) -> expectedX[i] += grad[k] * weight[j]);
    gpu.kernels().conv2dBackwardInput(gradX, gradient, kernel, g.spec());
    assertArrayEquals(ConvolutionsTest.stored(dtype, expectedX), arrays.read(gradX), "gradient for the input");

    double[] expectedWeight = new double[weight.length];
    forEachProduct(g, (i, j, k) -> expectedWeight[j] += grad[k] * x[i]);
    gpu.kernels().conv2dBackwardWeight(gradWeight, gradient, in, g.spec());
    assertArrayEquals(ConvolutionsTest.stored(dtype, expectedWeight), arrays.read(gradWeight), "gradient for the weight");

    assertEquals(plans, SimulatedDriver.cudnnPlans());
  }

  @Test
  void anAlgorithmThatIsRefusedGivesWayToTheNext() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 3}, 1, 2, 3);
    Strided weight = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 2}, 1, -1);
    Strided grad = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 2}, 4, 6);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 2);
    Strided gradX = arrays.empty(DType.FLOAT32, 1, 1, 1, 3);

    for (int[] refused : new int[][] {{BY_PRODUCTS}, {BY_PRODUCTS, FORWARD_BY_PRODUCTS}}) {
      SimulatedDriver.cudnnRefuses(true, refused);
      gpu.kernels().conv2d(out, x, weight, null, PLAIN);
      assertArrayEquals(new double[] {-1, -1}, arrays.read(out));
      gpu.kernels().conv2dBackwardInput(gradX, grad, weight, PLAIN);
      assertArrayEquals(new double[] {4, 2, -6}, arrays.read(gradX));
      gpu.kernels().conv2dBackwardWeight(out, grad, x, PLAIN);
      assertArrayEquals(new double[] {16, 26}, arrays.read(out));
    }
  }

  @Test
  void onlyTheAlgorithmThatDidAConvolutionIsAskedAgain() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 5}, 1, 2, 3, 4, 5);
    Strided one = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 1);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 5);
    SimulatedDriver.cudnnRefuses(true, BY_PRODUCTS);
    long before = SimulatedDriver.cudnnQuestions();

    for (int asked : new int[] {2, 3, 4}) {
      gpu.kernels().conv2d(out, x, one, null, PLAIN);
      assertEquals(before + asked, SimulatedDriver.cudnnQuestions());
    }
  }

  /// Of both that multiply, the second one works without memory.
  @Test
  void anAlgorithmThatThereIsNoMemoryForGivesWayWhileThatIsSo() {
    DeviceArrays numbers = onFreshGpu();
    Gpu fresh = numbers.gpu;
    Strided x = numbers.of(DType.FLOAT32, new long[] {1, 1, 1, 5}, 1, 2, 3, 4, 5);
    Strided two = numbers.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 2);
    Strided out = numbers.empty(DType.FLOAT32, 1, 1, 1, 5);
    long before = SimulatedDriver.cudnnQuestions();

    try (var _ = SimulatedDriver.shortage(0)) {
      fresh.kernels().conv2d(out, x, two, null, PLAIN);
    }
    assertArrayEquals(new double[] {2, 4, 6, 8, 10}, numbers.read(out));
    assertEquals(before + 2, SimulatedDriver.cudnnQuestions());

    fresh.kernels().conv2d(out, x, two, null, PLAIN);
    assertEquals(before + 3, SimulatedDriver.cudnnQuestions(), "the first one does it again");
  }

  /// In rows only the input would have to be copied, for which there is no memory; with channels last weight and result, which are smaller
  /// each, although not together.
  @Test
  void aCopyThatThereIsNoMemoryForGivesWayToOthers() {
    DeviceArrays numbers = onFreshGpu();
    Gpu fresh = numbers.gpu;
    Geometry g = new Geometry("wide", new long[] {1, 124, 1, 2130}, new long[] {121, 124, 1, 2}, PLAIN);
    double[] x = whole(new Random(5), g.x());
    double[] weight = whole(new Random(6), g.weight());
    Strided in = numbers.write(numbers.strided(DType.FLOAT32, 0, g.x(), new long[] {124 * 2130, 1, 124 * 2130, 124}), x);
    Strided kernel = numbers.of(DType.FLOAT32, g.weight(), weight);
    Strided out = numbers.empty(DType.FLOAT32, g.y());
    fresh.allocator().emptyCache();

    try (var _ = SimulatedDriver.shortage(2 << 20)) {
      fresh.kernels().conv2d(out, in, kernel, null, g.spec());
    }
    assertArrayEquals(ConvolutionsTest.forward(g, x, weight, null, DType.FLOAT32), numbers.read(out));
  }

  /// The segment of 20 MiB that a forgotten block leaves is taken by the copy of x, so that there is none for a workspace.
  @Test
  void whereNoAlgorithmHasMemoryTheCollectorIsWaitedForAndAllAreAskedAgain() throws Exception {
    DeviceArrays numbers = onFreshGpu();
    Gpu fresh = numbers.gpu;
    int n = 400_000;
    Strided x = numbers.write(numbers.strided(DType.FLOAT32, 0, new long[] {1, 1, 1, n}, new long[] {2 * n, 2 * n, 2 * n, 2}),
        IntStream.range(0, n).mapToDouble(i -> i % 9).toArray());
    Strided two = numbers.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 2);
    Strided out = numbers.empty(DType.FLOAT32, 1, 1, 1, n);
    fresh.allocator().emptyCache();
    new Forgotten(fresh, 5 << 20);
    long before = SimulatedDriver.cudnnQuestions();

    try (var _ = SimulatedDriver.shortage(0)) {
      fresh.kernels().conv2d(out, x, two, null, PLAIN);
    }
    assertArrayEquals(IntStream.range(0, n).mapToDouble(i -> 2 * (i % 9)).toArray(), numbers.read(out));
    assertEquals(before + 2, SimulatedDriver.cudnnQuestions());
  }

  /// Memory whose owner cannot be reached any more.
  private static final class Forgotten extends Reclaimable {
    private final Gpu gpu;
    private final long address;
    private final long bytes;

    Forgotten(Gpu gpu, long bytes) throws Allocator.OutOfMemory {
      super(new Object(), bytes);
      this.gpu = gpu;
      this.address = gpu.allocator().allocate(bytes);
      this.bytes = bytes;
      watch();
    }

    @Override
    protected void free() {
      gpu.allocator().free(address, bytes);
    }
  }

  @Test
  void whatEveryDeterministicAlgorithmRefusesIsSaid() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 2}, 1, 2);
    Strided one = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 1);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 2);

    SimulatedDriver.cudnnRefuses(true, ALL);
    var forward = assertThrows(BackendException.class, () -> gpu.kernels().conv2d(out, x, one, null, PLAIN));
    SimulatedDriver.cudnnRefuses(true, 1, 2, 3, 4, 5, 6, 7); // but not the one that is not deterministic
    var backward = assertThrows(BackendException.class, () -> gpu.kernels().conv2dBackwardInput(out, x, one, PLAIN));

    String sentence = "[conv2d] cuDNN has no engine and no deterministic algorithm for ";
    assertTrue(forward.toString().contains(sentence + "Request[direction=FORWARD, "), forward::toString);
    assertTrue(backward.toString().contains(sentence + "Request[direction=BACKWARD_INPUT, "), backward::toString);
  }

  @Test
  void float32IsRoundedToTensorFloatUnlessItMustStayExact() {
    double fine = 1 + 0x1p-13;
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, fine);
    Strided two = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 2);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 1);

    gpu.kernels().conv2d(out, x, two, null, PLAIN);
    assertArrayEquals(new double[] {2}, arrays.read(out));
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    gpu.kernels().conv2d(out, x, two, null, PLAIN);
    assertArrayEquals(new double[] {2 * fine}, arrays.read(out));
  }

  /// They add and subtract before they multiply.
  @Test
  void transformsAreNotExact() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 4}, 1, 2, 3, 4);
    Strided one = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 1);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 4);
    SimulatedDriver.cudnnRefuses(true, BY_PRODUCTS, FORWARD_BY_PRODUCTS);

    gpu.kernels().conv2d(out, x, one, null, PLAIN);
    MatmulPrecision.setForConvolutions(MatmulPrecision.HIGHEST);
    assertThrows(BackendException.class, () -> gpu.kernels().conv2d(out, x, one, null, PLAIN));
  }

  /// Of an image with channels last, a weight with rows last, and a result of either kind, the smaller ones are brought into the order of
  /// the larger ones.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void asLittleAsCanBeIsCopied(boolean channelsLast) {
    Geometry g = new Geometry("mixed", new long[] {1, 2, 9, 9}, new long[] {1, 2, 3, 3}, new ConvSpec(1, 1, 1, 1, 1, 1, 1));
    double[] x = whole(new Random(5), g.x());
    double[] weight = whole(new Random(6), g.weight());
    Strided in = arrays.write((channelsLast ? Order.CHANNELS_LAST : Order.ROWS).in(DType.FLOAT32, g.x()), x);
    Strided kernel = arrays.write((channelsLast ? Order.ROWS : Order.CHANNELS_LAST).in(DType.FLOAT32, g.weight()), weight);
    Strided out = arrays.empty(DType.FLOAT32, g.y());
    gpu.kernels().conv2d(out, in, kernel, null, g.spec());

    assertEquals(1, SimulatedDriver.work(() -> gpu.kernels().conv2d(out, in, kernel, null, g.spec())).kernels(), "the weight's copy");
    assertArrayEquals(ConvolutionsTest.forward(g, x, weight, null, DType.FLOAT32), arrays.read(out));
  }

  @Test
  void aCapturedConvolutionIsDoneAgainWithWhatItsOperandsHoldThen() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 3}, 1, 2, 3);
    Strided weight = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 1}, 3);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 3);

    try (var graph = Capture.of(gpu, () -> gpu.kernels().conv2d(out, x, weight, null, PLAIN))) {
      arrays.write(x, 6, 5, 4);
      graph.replay();
      assertArrayEquals(new double[] {18, 15, 12}, arrays.read(out));
    }
  }
}
