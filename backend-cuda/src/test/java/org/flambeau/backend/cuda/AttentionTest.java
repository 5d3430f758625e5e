package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.GradMode;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Attention on the simulated GPU beside plain loops over doubles.
class AttentionTest extends KernelTest {
  @AfterEach
  void takeThreadsInOrder() {
    SimulatedDriver.order(SimulatedDriver.Order.FORWARD);
  }

  /// Sizes, and what becomes of them by plain loops.
  record Case(int batch, int heads, int queries, int keys, int width, boolean causal, DType dtype) {
    long[] querySizes() {
      return new long[] {batch, heads, queries, width};
    }

    long[] keySizes() {
      return new long[] {batch, heads, keys, width};
    }

    /// What the kernels may be wrong by: half precision is rounded on the way in and out.
    double tolerance() {
      return switch (dtype) {
        case BFLOAT16 -> 0.04;
        case FLOAT16 -> 0.005;
        default -> 2e-5;
      };
    }

    double scale() {
      return 1 / Math.sqrt(width);
    }

    Strided queries(double... values) {
      return arrays.of(dtype, querySizes(), values);
    }

    /// As a projection to queries, keys and values leaves heads: (batch, row, 3, head, column).
    Strided packed(long[] sizes, double... values) {
      long row = 3L * heads * width;
      return arrays.write(arrays.strided(dtype, (long) heads * width, sizes, new long[] {sizes[2] * row, width, row, 1}), values);
    }
  }

  private static double[] values(Random random, DType dtype, long[] sizes) {
    return random.doubles(Strided.numel(sizes)).map(x -> DeviceArrays.stored(dtype, 2 * x - 1)).toArray();
  }

  /// Results of plain loops.
  private static final class Expected {
    final double[] out;
    final double[] logSumExp;
    final double[] gradQ;
    final double[] gradK;
    final double[] gradV;

    Expected(Case c, double[] q, double[] k, double[] v, double[] grad) {
      int d = c.width;
      out = new double[q.length];
      gradQ = new double[q.length];
      gradK = new double[k.length];
      gradV = new double[v.length];
      logSumExp = new double[q.length / d];
      for (int row = 0; row < logSumExp.length; row++) {
        int first = row / c.queries * c.keys;
        int met = c.causal ? Math.min(c.keys, row % c.queries + 1) : c.keys;
        double[] weights = new double[met];
        double sum = 0;
        for (int j = 0; j < met; j++) {
          weights[j] = Math.exp(dot(q, row, k, first + j, d) * c.scale());
          sum += weights[j];
        }
        logSumExp[row] = Math.log(sum);
        for (int j = 0; j < met; j++) {
          weights[j] /= sum;
          add(out, row, weights[j], v, first + j, d);
          add(gradV, first + j, weights[j], grad, row, d);
        }
        double mean = dot(grad, row, out, row, d);
        for (int j = 0; j < met; j++) {
          double score = weights[j] * (dot(grad, row, v, first + j, d) - mean) * c.scale();
          add(gradQ, row, score, k, first + j, d);
          add(gradK, first + j, score, q, row, d);
        }
      }
    }

    private static double dot(double[] a, int row, double[] b, int other, int width) {
      double sum = 0;
      for (int i = 0; i < width; i++) {
        sum += a[row * width + i] * b[other * width + i];
      }
      return sum;
    }

    private static void add(double[] to, int row, double factor, double[] from, int other, int width) {
      for (int i = 0; i < width; i++) {
        to[row * width + i] += factor * from[other * width + i];
      }
    }
  }

  private static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16)) {
      for (boolean causal : new boolean[] {false, true}) {
        cases.add(new Case(2, 3, 5, 7, 8, causal, dtype));
        cases.add(new Case(1, 2, 70, 70, 64, causal, dtype));
        cases.add(new Case(1, 1, 1, 130, 20, causal, dtype));
        cases.add(new Case(1, 1, 90, 90, 96, causal, dtype));
      }
      cases.add(new Case(1, 2, 33, 65, 80, true, dtype));
      cases.add(new Case(1, 1, 40, 35, 128, true, dtype));
      cases.add(new Case(1, 1, 66, 3, 37, false, dtype));
    }
    return cases.stream();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void attentionAndItsGradientsAreWhatPlainLoopsGive(Case c) {
    Random random = new Random(7);
    double[] q = values(random, c.dtype, c.querySizes());
    double[] k = values(random, c.dtype, c.keySizes());
    double[] v = values(random, c.dtype, c.keySizes());
    double[] grad = values(random, c.dtype, c.querySizes());
    Expected expected = new Expected(c, q, k, v, grad);

    for (boolean packed : new boolean[] {false, true}) {
      Strided query = packed ? c.packed(c.querySizes(), q) : c.queries(q);
      Strided key = packed ? c.packed(c.keySizes(), k) : arrays.of(c.dtype, c.keySizes(), k);
      Strided value = packed ? c.packed(c.keySizes(), v) : arrays.of(c.dtype, c.keySizes(), v);
      Strided out = arrays.empty(c.dtype, c.querySizes());
      Strided logSumExp = arrays.empty(DType.FLOAT32, c.batch, c.heads, c.queries);
      gpu.kernels().attention(out, logSumExp, query, key, value, c.scale(), c.causal);
      assertClose("out", expected.out, arrays.read(out), c.tolerance());
      assertClose("logSumExp", expected.logSumExp, arrays.read(logSumExp), 2e-5);

      Strided gradQ = arrays.empty(c.dtype, c.querySizes());
      Strided gradK = arrays.empty(c.dtype, c.keySizes());
      Strided gradV = arrays.empty(c.dtype, c.keySizes());
      gpu.kernels().attentionBackward(gradQ, gradK, gradV, c.queries(grad), out, logSumExp, query, key, value, c.scale(), c.causal);
      assertClose("gradQ", expected.gradQ, arrays.read(gradQ), c.tolerance());
      assertClose("gradK", expected.gradK, arrays.read(gradK), c.tolerance());
      assertClose("gradV", expected.gradV, arrays.read(gradV), c.tolerance());
    }
  }

  private static void assertClose(String name, double[] expected, double[] actual, double tolerance) {
    assertEquals(expected.length, actual.length, name);
    for (int i = 0; i < expected.length; i++) {
      int at = i;
      assertTrue(Math.abs(actual[i] - expected[i]) <= tolerance * Math.max(1, Math.abs(expected[i])),
          () -> name + "[" + at + "]: expected " + expected[at] + ", got " + actual[at]);
    }
  }

  @ParameterizedTest
  @EnumSource(SimulatedDriver.Order.class)
  void theOrderInWhichThreadsRunDoesNotMatter(SimulatedDriver.Order order) {
    Case c = new Case(1, 1, 66, 70, 32, false, DType.FLOAT32);
    Random random = new Random(3);
    Strided q = c.queries(values(random, c.dtype, c.querySizes()));
    Strided k = arrays.of(c.dtype, c.keySizes(), values(random, c.dtype, c.keySizes()));
    double[][] first = results(c, q, k);
    SimulatedDriver.order(order);
    double[][] second = results(c, q, k);

    assertTrue(Arrays.deepEquals(first, second));
  }

  private static double[][] results(Case c, Strided q, Strided k) {
    Strided out = arrays.empty(c.dtype, c.querySizes());
    Strided logSumExp = arrays.empty(DType.FLOAT32, c.batch, c.heads, c.queries);
    gpu.kernels().attention(out, logSumExp, q, k, k, c.scale(), c.causal);
    Strided gradQ = arrays.empty(c.dtype, c.querySizes());
    Strided gradK = arrays.empty(c.dtype, c.keySizes());
    Strided gradV = arrays.empty(c.dtype, c.keySizes());
    gpu.kernels().attentionBackward(gradQ, gradK, gradV, q, out, logSumExp, q, k, k, c.scale(), c.causal);
    return new double[][] {arrays.read(out), arrays.read(logSumExp), arrays.read(gradQ), arrays.read(gradK), arrays.read(gradV)};
  }

  /// By one engine each way: so few heads are not worth trying others.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void halfPrecisionIsComputedByCudnnWhereItCan(boolean causal) {
    assertEquals(2, planned(new Case(1, 1, 9, 9, 40, causal, DType.BFLOAT16)));
    assertEquals(0, planned(new Case(1, 1, 9, 9, 40, causal, DType.BFLOAT16)), "it was met before");
    assertEquals(2, planned(new Case(1, 1, 9, 9, 40, causal, DType.FLOAT16)));
    assertEquals(0, planned(new Case(1, 1, 9, 9, 41, causal, DType.BFLOAT16)));
    assertEquals(0, planned(new Case(1, 1, 9, 9, 40, causal, DType.FLOAT32)));
  }

  /// How many plans an attention that was not met before makes with its gradients.
  private static long planned(Case c) {
    Strided q = c.queries(new double[9 * c.width]);
    long before = SimulatedDriver.cudnnPlans();
    double[][] _ = results(c, q, q);
    return SimulatedDriver.cudnnPlans() - before;
  }

  @Test
  void halfPrecisionThatCudnnDoesNotTakeIsLeftToCoreWhileGradientsAreRecorded() {
    Strided q = arrays.empty(DType.BFLOAT16, 1, 1, 1, 36);
    assertFalse(gpu.kernels().supports(FusedOp.ATTENTION, q));
    assertTrue(gpu.kernels().supports(FusedOp.ATTENTION, arrays.empty(DType.BFLOAT16, 1, 1, 1, 40)));
    try (var _ = GradMode.noGrad()) {
      assertTrue(gpu.kernels().supports(FusedOp.ATTENTION, q));
    }
  }

  @Test
  void itIsTheLayoutOfAllThreeThatDecidesWhetherCudnnTakesThem() {
    Strided q = arrays.empty(DType.BFLOAT16, 1, 1, 3, 40);
    Strided columns = arrays.strided(DType.BFLOAT16, 0, new long[] {1, 1, 3, 40}, new long[] {120, 120, 1, 3});
    assertTrue(gpu.kernels().supports(FusedOp.ATTENTION, q, q, q));
    assertFalse(gpu.kernels().supports(FusedOp.ATTENTION, q, columns, q));
    assertFalse(gpu.kernels().supports(FusedOp.ATTENTION, q, q, columns));
    try (var _ = GradMode.noGrad()) {
      assertTrue(gpu.kernels().supports(FusedOp.ATTENTION, q, columns, columns));
    }
  }

  /// As where what was computed is summed up.
  @Test
  void aGradientThatIsTheSameEverywhereMayBeOneNumber() {
    Case c = new Case(1, 2, 3, 3, 8, false, DType.FLOAT16);
    Random random = new Random(5);
    double[] q = values(random, c.dtype, c.querySizes());
    double[] ones = new double[q.length];
    Arrays.fill(ones, 1);
    Expected expected = new Expected(c, q, q, q, ones);
    Strided x = c.queries(q);
    Strided out = arrays.empty(c.dtype, c.querySizes());
    Strided logSumExp = arrays.empty(DType.FLOAT32, c.batch, c.heads, c.queries);
    gpu.kernels().attention(out, logSumExp, x, x, x, c.scale(), c.causal);

    Strided one = arrays.of(c.dtype, new long[] {1}, 1);
    Strided gradV = arrays.empty(c.dtype, c.keySizes());
    gpu.kernels().attentionBackward(arrays.empty(c.dtype, c.querySizes()), arrays.empty(c.dtype, c.keySizes()), gradV,
        one.with(one.offset(), c.querySizes(), new long[4]), out, logSumExp, x, x, x, c.scale(), c.causal);

    assertClose("gradV", expected.gradV, arrays.read(gradV), c.tolerance());
  }

  @Test
  void headsThatAreTooWideAndFloat64AreLeftToCore() {
    assertTrue(gpu.kernels().supports(FusedOp.ATTENTION, arrays.empty(DType.FLOAT32, 1, 1, 1, 128)));
    assertFalse(gpu.kernels().supports(FusedOp.ATTENTION, arrays.empty(DType.FLOAT32, 1, 1, 1, 129)));
    assertFalse(gpu.kernels().supports(FusedOp.ATTENTION, arrays.empty(DType.FLOAT64, 1, 1, 1, 64)));
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT32", "BFLOAT16"})
  void aCapturedAttentionIsDoneAgainWithWhatItsOperandsHoldThen(DType dtype) {
    Case c = new Case(1, 1, 4, 4, 24, false, dtype);
    Strided q = c.queries(new double[4 * 24]);
    Strided out = arrays.empty(dtype, c.querySizes());
    Strided logSumExp = arrays.empty(DType.FLOAT32, 1, 1, 4);

    try (var graph = Capture.of(gpu, () -> gpu.kernels().attention(out, logSumExp, q, q, q, c.scale(), false))) {
      double[] values = new double[4 * 24];
      Arrays.fill(values, 0.5);
      arrays.write(q, values);
      graph.replay();
      assertClose("out", values, arrays.read(out), c.tolerance());
    }
  }
}
