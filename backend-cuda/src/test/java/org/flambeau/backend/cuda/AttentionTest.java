package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import org.flambeau.MatmulPrecision;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Attention on the simulated GPU beside plain loops over doubles.
class AttentionTest extends KernelTest {
  @AfterEach
  void restore() {
    SimulatedDriver.order(SimulatedDriver.Order.FORWARD);
    MatmulPrecision.setCurrent(MatmulPrecision.HIGHEST);
  }

  /// How the elements of (batch, head, row, column) lie.
  enum Layout {
    CONTIGUOUS,
    /// As a projection to queries, keys and values leaves heads: (batch, row, 3, head, column).
    PACKED,
    /// (batch, head, column, row).
    TRANSPOSED,
    /// Rows with an element of something else behind each.
    PADDED,
    /// After an element of something else.
    SHIFTED;

    Strided write(DType dtype, long[] sizes, double... values) {
      long heads = sizes[1];
      long rows = sizes[2];
      long width = sizes[3];
      long row = 3 * heads * width;
      return switch (this) {
        case CONTIGUOUS -> arrays.of(dtype, sizes, values);
        case PACKED -> arrays.write(arrays.strided(dtype, heads * width, sizes, new long[] {rows * row, width, row, 1}), values);
        case TRANSPOSED ->
          arrays.write(arrays.strided(dtype, 0, sizes, new long[] {heads * rows * width, rows * width, 1, rows}), values);
        case PADDED -> {
          long head = Math.ceilDiv(rows * (width + 1), 4) * 4;
          yield arrays.write(arrays.strided(dtype, 0, sizes, new long[] {heads * head, head, width + 1, 1}), values);
        }
        case SHIFTED -> arrays.write(arrays.strided(dtype, 1, sizes, Strided.contiguousStrides(sizes)), values);
      };
    }
  }

  /// Sizes, and what becomes of them by plain loops.
  record Case(int batch, int heads, int queries, int keys, int width, boolean causal, DType dtype, MatmulPrecision precision) {
    Case(int batch, int heads, int queries, int keys, int width, boolean causal, DType dtype) {
      this(batch, heads, queries, keys, width, causal, dtype, MatmulPrecision.HIGHEST);
    }

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
        default -> precision == MatmulPrecision.HIGHEST ? 2e-5 : 3e-3;
      };
    }

    double scale() {
      return 1 / Math.sqrt(width);
    }

    Strided queries(double... values) {
      return arrays.of(dtype, querySizes(), values);
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
    int[] widths = {8, 20, 37, 64, 80, 128};
    int[] lengths = {1, 7, 17, 65, 197};
    for (int i = 0; i < widths.length; i++) {
      for (int j = 0; j < lengths.length; j++) {
        int other = lengths[(i + j) % lengths.length];
        cases.add(new Case(1, 2, lengths[j], other, widths[i], (i + j) % 2 == 1, DType.FLOAT32, MatmulPrecision.HIGH));
      }
    }
    cases.add(new Case(2, 1, 197, 197, 64, true, DType.FLOAT32, MatmulPrecision.HIGH));
    cases.add(new Case(1, 1, 197, 197, 96, true, DType.FLOAT32, MatmulPrecision.HIGH));
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
    MatmulPrecision.setCurrent(c.precision);

    for (Layout layout : Layout.values()) {
      Strided query = layout.write(c.dtype, c.querySizes(), q);
      Strided key = layout.write(c.dtype, c.keySizes(), k);
      Strided value = layout.write(c.dtype, c.keySizes(), v);
      Strided out = arrays.empty(c.dtype, c.querySizes());
      Strided logSumExp = arrays.empty(DType.FLOAT32, c.batch, c.heads, c.queries);
      gpu.kernels().attention(out, logSumExp, query, key, value, c.scale(), c.causal);
      assertClose("out", expected.out, arrays.read(out), c.tolerance());
      assertClose("logSumExp", expected.logSumExp, arrays.read(logSumExp), c.dtype == DType.FLOAT32 ? c.tolerance() : 2e-5);

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
  @CsvSource({"REVERSE, HIGHEST", "RANDOM, HIGHEST", "REVERSE, HIGH", "RANDOM, HIGH"})
  void theOrderInWhichThreadsRunDoesNotMatter(SimulatedDriver.Order order, MatmulPrecision precision) {
    Case c = new Case(1, 1, 66, 70, 32, false, DType.FLOAT32, precision);
    MatmulPrecision.setCurrent(precision);
    Random random = new Random(3);
    Strided q = c.queries(values(random, c.dtype, c.querySizes()));
    Strided k = arrays.of(c.dtype, c.keySizes(), values(random, c.dtype, c.keySizes()));
    double[][] first = results(c, q, k);
    SimulatedDriver.order(order);
    double[][] second = results(c, q, k);

    assertTrue(Arrays.deepEquals(first, second));
  }

  /// Blocks are of few rows where there are at most as many as multiprocessors; a head's results are the same in either.
  @ParameterizedTest
  @CsvSource({"32, 70, 150, false", "20, 197, 197, true", "64, 197, 197, true", "64, 130, 17, false", "37, 1, 65, false",
    "96, 70, 70, true",
    "128, 70, 70, false"})
  void aHeadHasTheSameBitsAmongFewAndMany(int width, int queries, int keys, boolean causal) {
    MatmulPrecision.setCurrent(MatmulPrecision.HIGH);
    int many = gpu.multiprocessors() / Math.ceilDiv(Math.min(queries, keys), 64) + 1;
    Case c = new Case(1, many, queries, keys, width, causal, DType.FLOAT32);
    Case one = new Case(1, 1, queries, keys, width, causal, DType.FLOAT32);
    Random random = new Random(11);
    double[] q = values(random, c.dtype, c.querySizes());
    double[] k = values(random, c.dtype, c.keySizes());
    double[][] all = results(c, c.queries(q), arrays.of(c.dtype, c.keySizes(), k));
    double[][] last = results(one, one.queries(lastOf(many, q)), arrays.of(c.dtype, one.keySizes(), lastOf(many, k)));

    for (int i = 0; i < all.length; i++) {
      assertArrayEquals(last[i], lastOf(many, all[i]));
    }
  }

  private static double[] lastOf(int parts, double[] values) {
    return Arrays.copyOfRange(values, values.length - values.length / parts, values.length);
  }

  private static double[][] results(Case c, Strided q, Strided k) {
    return results(c, q, k, k, q);
  }

  private static double[][] results(Case c, Strided q, Strided k, Strided v, Strided grad) {
    Strided out = arrays.empty(c.dtype, c.querySizes());
    Strided logSumExp = arrays.empty(DType.FLOAT32, c.batch, c.heads, c.queries);
    gpu.kernels().attention(out, logSumExp, q, k, v, c.scale(), c.causal);
    Strided gradQ = arrays.empty(c.dtype, c.querySizes());
    Strided gradK = arrays.empty(c.dtype, c.keySizes());
    Strided gradV = arrays.empty(c.dtype, c.keySizes());
    gpu.kernels().attentionBackward(gradQ, gradK, gradV, grad, out, logSumExp, q, k, v, c.scale(), c.causal);
    return new double[][] {arrays.read(out), arrays.read(logSumExp), arrays.read(gradQ), arrays.read(gradK), arrays.read(gradV)};
  }

  /// Of a single key the weight is 1, so that what is left of a value is what a product takes of it.
  @Test
  void factorsAreRoundedToTf32WhereThePrecisionAllowsIt() {
    double[] values = {1 + 0x1p-9, 1 + 0x1p-11, 1 + 0x1p-12, -1 - 0x1p-11 - 0x1p-20, 0x1.ffcp127, Double.POSITIVE_INFINITY,
      Float.intBitsToFloat(0x7fffffff)}; // a GPU's NaN
    double[] rounded = {1 + 0x1p-9, 1 + 0x1p-10, 1, -1 - 0x1p-10, 0x1.ffcp127, Double.POSITIVE_INFINITY, Double.NaN};
    Strided x = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 7}, 1, 1, 1, 1, 1, 1, 1);
    Strided v = arrays.of(DType.FLOAT32, new long[] {1, 1, 1, 7}, values);
    Strided out = arrays.empty(DType.FLOAT32, 1, 1, 1, 7);
    Strided logSumExp = arrays.empty(DType.FLOAT32, 1, 1, 1);
    for (MatmulPrecision precision : MatmulPrecision.values()) {
      MatmulPrecision.setCurrent(precision);
      gpu.kernels().attention(out, logSumExp, x, x, v, 1, false);
      assertArrayEquals(precision == MatmulPrecision.HIGHEST ? values : rounded, arrays.read(out), () -> precision.toString());
    }
  }

  /// What a factor that is cut off or left as it is in one of the products changes the single weight, or the sign of its gradient.
  @Test
  void factorsOfGradientsAreRoundedAsThoseOfResultsAre() {
    MatmulPrecision.setCurrent(MatmulPrecision.HIGH);
    Case c = new Case(1, 1, 1, 1, 1, false, DType.FLOAT32);
    double rough = 1 + 0x1p-11;
    double rounded = 1 + 0x1p-10;
    double[][] found = results(c, c.queries(rough), c.queries(1024 * rough), c.queries(rough), c.queries(rough));

    double gradient = rounded * rounded - rough * rounded;
    double[] expected = {gradient * 1024 * rounded, gradient * rounded, rounded};
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], found[2 + i][0], 2e-3 * expected[i]);
    }
  }

  /// A key that is NaN makes what meets it NaN, whatever the other keys' weights, and nothing else.
  @ParameterizedTest
  @EnumSource(MatmulPrecision.class)
  void queriesThatMeetNaNAreNaN(MatmulPrecision precision) {
    MatmulPrecision.setCurrent(precision);
    Case c = new Case(1, 1, 150, 150, 8, true, DType.FLOAT32);
    int row = 140;
    double[] ones = new double[150 * 8];
    Arrays.fill(ones, 1);
    double[] keys = ones.clone();
    keys[row * 8 + 3] = Double.NaN;
    double[] expected = ones.clone();
    Arrays.fill(expected, row * 8, expected.length, Double.NaN);
    Strided out = arrays.empty(c.dtype, c.querySizes());

    gpu.kernels().attention(out, arrays.empty(c.dtype, 1, 1, 150), c.queries(ones), c.queries(keys), c.queries(ones), c.scale(), true);

    assertArrayEquals(expected, arrays.read(out), 1e-3);
  }

  /// Gradients begin from the same rounded scores as results: where these differed by little of what they are, weights would not add up to 1.
  @ParameterizedTest
  @EnumSource(MatmulPrecision.class)
  void weightsOfLargeScoresAddUpToOneBothWays(MatmulPrecision precision) {
    MatmulPrecision.setCurrent(precision);
    Case c = new Case(1, 1, 70, 70, 16, false, DType.FLOAT32);
    Random random = new Random(9);
    double[] q = Arrays.stream(values(random, c.dtype, c.querySizes())).map(x -> 200 * x).toArray();
    double[] k = Arrays.stream(values(random, c.dtype, c.keySizes())).map(x -> 200 * x).toArray();
    double[] ones = new double[q.length];
    Arrays.fill(ones, 1);
    Strided one = c.queries(ones);

    double[][] found = results(c, c.queries(q), c.queries(k), one, one);

    assertClose("out", ones, found[0], 1e-3);
    assertEquals(q.length, Arrays.stream(found[4]).sum(), 0.01 * q.length);
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
