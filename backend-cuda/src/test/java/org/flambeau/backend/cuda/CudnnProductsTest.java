package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.backend.cuda.binding.SimulatedDriver.Work;
import org.flambeau.spi.Activation;
import org.flambeau.spi.SpecialFunctions;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Linear maps and GELU on the simulated GPU, by one graph of cuDNN's where that is faster. Factors are eighths, whose sums are exact in every
/// dtype's arithmetic and TF32's, so that only GELU and the roundings of results remain.
class CudnnProductsTest extends KernelTest {
  /// Of a graph, and of a product with a bias and a kernel for GELU.
  private static final Work ONE_CALL = new Work(0, 1);
  private static final Work IN_STEPS = new Work(1, 1);
  /// The stand-in's engine of tensor cores.
  private static final int ENGINE = 1;
  private static final int BAD_PARAM = 2000;

  private Gpu fresh;
  private DeviceArrays numbers;

  @BeforeEach
  void forgetChoices() {
    numbers = onFreshGpu();
    fresh = numbers.gpu;
    MatmulPrecision.setCurrent(MatmulPrecision.HIGH);
    cublasTakes(60_000);
  }

  @AfterEach
  void restore() {
    MatmulPrecision.setCurrent(MatmulPrecision.HIGHEST);
    SimulatedDriver.refuseProposals();
    SimulatedDriver.proposals(1);
    SimulatedDriver.cudnnRefuses(false);
    SimulatedDriver.cudnnFails();
    SimulatedDriver.cudnnTakes();
  }

  /// Of its proposals, each a minute faster than the one before, it does only one.
  private static void cublasTakes(int milliseconds) {
    SimulatedDriver.proposals(2);
    SimulatedDriver.refuseProposals(milliseconds > 0 ? 1 : 0);
  }

  /// How a matrix lies.
  private enum Layout {
    ROWS, COLUMNS, PADDED_ROWS, UNALIGNED, SCATTERED;

    Strided in(DeviceArrays numbers, DType dtype, long rows, long columns) {
      long[] sizes = {rows, columns};
      return switch (this) {
        case ROWS -> numbers.empty(dtype, sizes);
        case COLUMNS -> numbers.strided(dtype, 0, sizes, new long[] {1, rows});
        case PADDED_ROWS -> numbers.strided(dtype, 8, sizes, new long[] {columns + 3, 1});
        case UNALIGNED -> numbers.strided(dtype, 1, sizes, new long[] {columns, 1});
        case SCATTERED -> numbers.strided(dtype, 0, sizes, new long[] {columns * 2, 2});
      };
    }
  }

  /// gelu(x·weightᵀ + bias), with its result on the host.
  private final class Example {
    final Strided x;
    final Strided weight;
    final Strided bias;
    final Strided out;
    final double[] sums;

    Example(DType dtype, int m, int k, int n, Layout layoutX, Layout layoutWeight, Layout layoutOut, int biasStep) {
      var random = new Random(m + n);
      double[] left = eighths(random, m * k, 4);
      double[] right = eighths(random, n * k, 4);
      double[] row = eighths(random, n, 40);
      this.x = numbers.write(layoutX.in(numbers, dtype, m, k), left);
      this.weight = numbers.write(layoutWeight.in(numbers, dtype, n, k), right);
      this.bias = numbers.write(numbers.strided(dtype, 0, new long[] {n}, new long[] {biasStep}), row);
      this.out = layoutOut.in(numbers, dtype, m, n);
      this.sums = new double[m * n];
      for (int i = 0; i < sums.length; i++) {
        double sum = row[i % n];
        for (int p = 0; p < k; p++) {
          sum += left[i / n * k + p] * right[i % n * k + p];
        }
        sums[i] = sum;
      }
    }

    private static double[] eighths(Random random, int count, int most) {
      return random.ints(count, -most, most + 1).mapToDouble(number -> number / 8.0).toArray();
    }

    Example run() {
      fresh.kernels().linear(out, x, weight, bias, Activation.GELU);
      return this;
    }

    Work work() {
      return SimulatedDriver.work(this::run);
    }

    /// Of one call.
    void check() {
      assertTrue(isNear(SpecialFunctions::gelu));
    }

    /// Of two, which round the sum between them.
    void checkSteps() {
      assertTrue(isNear(sum -> SpecialFunctions.gelu(DeviceArrays.stored(out.dtype(), sum))));
    }

    boolean isNear(DoubleUnaryOperator activation) {
      double[] results = numbers.read(out);
      double rounding = switch (out.dtype()) {
        case BFLOAT16 -> 0x1p-8;
        case FLOAT16 -> 0x1p-11;
        default -> 0x1p-22;
      };
      boolean near = true;
      for (int i = 0; i < sums.length; i++) {
        double expected = activation.applyAsDouble(sums[i]);
        near &= Math.abs(results[i] - expected) <= rounding * Math.abs(expected) + 2e-6;
      }
      return near;
    }
  }

  /// Worth trying.
  private Example large(DType dtype) {
    return new Example(dtype, 131, 512, 515, Layout.ROWS, Layout.ROWS, Layout.ROWS, 1);
  }

  private static long planned(Runnable work) {
    long before = SimulatedDriver.cudnnPlans();
    work.run();
    return SimulatedDriver.cudnnPlans() - before;
  }

  private static Stream<Object[]> examples() {
    List<Object[]> examples = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)) {
      for (Layout x : List.of(Layout.ROWS, Layout.COLUMNS, Layout.PADDED_ROWS, Layout.UNALIGNED)) {
        examples.add(new Object[] {dtype, 331, 337, 307, x, Layout.ROWS, Layout.ROWS, 1});
      }
      examples.add(new Object[] {dtype, 197, 768, 256, Layout.ROWS, Layout.COLUMNS, Layout.PADDED_ROWS, 3});
      examples.add(new Object[] {dtype, 17, 1999, 1003, Layout.ROWS, Layout.UNALIGNED, Layout.UNALIGNED, 1});
    }
    return examples.stream();
  }

  /// The gelu by tanh, which differs from it by a tenth at −3, is told from it.
  @ParameterizedTest
  @MethodSource("examples")
  void oneCallComputesWhatAProductAndAKernelDo(DType dtype, int m, int k, int n, Layout x, Layout weight, Layout out, int biasStep) {
    Example example = new Example(dtype, m, k, n, x, weight, out, biasStep).run();

    assertEquals(ONE_CALL, example.work());
    example.check();
    assertFalse(example.isNear(SpecialFunctions::geluTanh));
    Strided dense = numbers.of(dtype, new long[] {n}, numbers.read(example.bias)); // another is rounded to once more
    fresh.kernels().linear(example.out, example.x, example.weight, dense, Activation.NONE);
    fresh.kernels().unary(UnaryOp.GELU, example.out, example.out);
    example.checkSteps();
  }

  @Test
  void factorsBecomeTensorFloats() {
    Example example = large(DType.FLOAT32);
    double[] ones = new double[131 * 512];
    Arrays.fill(ones, 1 + 0x1p-12);
    numbers.write(example.x, ones);
    double[] rest = new double[515 * 512];
    for (int row = 0; row < 515; row++) {
      rest[row * 512] = 1 + 0x1p-11 + 0x1p-20;
    }
    numbers.write(example.weight, rest);
    numbers.write(example.bias, new double[515]);

    example.run();

    assertEquals(ONE_CALL, example.work());
    assertEquals(SpecialFunctions.gelu(1 + 0x1p-10), numbers.read(example.out)[7], 1e-7);
    MatmulPrecision.setCurrent(MatmulPrecision.HIGHEST);
    assertEquals(IN_STEPS, example.run().work());
    assertEquals(SpecialFunctions.gelu((1 + 0x1p-12) * (1 + 0x1p-11 + 0x1p-20)), numbers.read(example.out)[7], 1e-7);
  }

  /// float64 has no engine, small products are not worth one, and plans for other matrices fail to compile.
  @Test
  void nothingIsAskedOfCudnnInVain() {
    for (Example example : List.of(
        large(DType.FLOAT64),
        new Example(DType.BFLOAT16, 6, 8, 10, Layout.ROWS, Layout.ROWS, Layout.ROWS, 1),
        new Example(DType.FLOAT16, 331, 337, 307, Layout.SCATTERED, Layout.ROWS, Layout.ROWS, 1),
        new Example(DType.FLOAT16, 331, 337, 307, Layout.ROWS, Layout.SCATTERED, Layout.ROWS, 1))) {
      long before = SimulatedDriver.cudnnGraphs();
      example.run().checkSteps();
      assertEquals(before, SimulatedDriver.cudnnGraphs());
    }
  }

  // ---- choosing ----

  @Test
  void theFasterWayIsKept() {
    SimulatedDriver.cudnnTakes(0, 90_000);
    Example example = large(DType.BFLOAT16);
    long before = SimulatedDriver.cudnnDescriptors();
    assertEquals(1, planned(example::run));
    assertEquals(before, SimulatedDriver.cudnnDescriptors(), "the plan that lost is closed");
    SimulatedDriver.cudnnTakes();

    assertEquals(0, planned(() -> assertEquals(IN_STEPS, example.work())));
    example.checkSteps();
  }

  @Test
  void whatWasFirstMetInACaptureIsDoneInStepsAndTriedByWhoComesLater() {
    Example example = large(DType.FLOAT16);
    try (Capture graph = Capture.of(fresh, () -> assertEquals(0, planned(example::run)))) {
      assertEquals(1, planned(example::run));
      assertEquals(ONE_CALL, example.work());
      numbers.write(example.out, new double[example.sums.length]);
      graph.replay();
      example.checkSteps();
    }
    try (Capture graph = Capture.of(fresh, () -> assertEquals(ONE_CALL, example.work()))) {
      numbers.write(example.out, new double[example.sums.length]);
      graph.replay();
      example.check();
    }
  }

  // ---- failing ----

  @Test
  void whereThereIsNoPlanItIsDoneInSteps() {
    SimulatedDriver.cudnnRefuses(true);
    Example example = large(DType.BFLOAT16).run();
    SimulatedDriver.cudnnRefuses(false);
    assertEquals(0, planned(() -> assertEquals(IN_STEPS, example.work())));
    example.checkSteps();
  }

  @ParameterizedTest
  @ValueSource(ints = {5000, BAD_PARAM})
  void aPlanThatFailsGivesWayForGoodWhetherItIsTriedOrKept(int status) {
    for (boolean tried : new boolean[] {false, true}) {
      Example example = large(DType.BFLOAT16);
      if (tried) {
        assertEquals(ONE_CALL, example.run().work());
      }
      SimulatedDriver.cudnnFailsWith(status, ENGINE);
      example.run().checkSteps();
      SimulatedDriver.cudnnFails();
      assertEquals(IN_STEPS, example.work());
      restore();
      forgetChoices();
    }
  }

  @Test
  void aPlanWhoseWorkspaceCannotBeHadGivesWayWhileThatIsSo() {
    Example example = new Example(DType.BFLOAT16, 515, 255, 515, Layout.ROWS, Layout.ROWS, Layout.ROWS, 1);
    assertEquals(ONE_CALL, example.run().work());
    fresh.allocator().emptyCache();
    try (var _ = SimulatedDriver.shortage(0)) {
      assertEquals(IN_STEPS, example.work());
      example.checkSteps();
    }
    assertEquals(ONE_CALL, example.work());
  }
}
