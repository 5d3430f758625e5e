package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.Driver;
import org.flambeau.backend.cuda.binding.Nvrtc;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Random numbers on the simulated GPU beside those that were published, and beside their distributions.
class RandomDrawsTest extends KernelTest {
  private static Strided fill(Strided out, Distribution distribution, Philox source, double a, double b) {
    gpu.kernels().random(distribution, out, source, a, b);
    return out;
  }

  private static double[] draw(Distribution distribution, DType dtype, Philox source, double a, double b, long... sizes) {
    return arrays.read(fill(arrays.empty(dtype, sizes), distribution, source, a, b));
  }

  // ---- against what was published ----

  private static String header(String name) throws Exception {
    try (InputStream in = Objects.requireNonNull(KernelLibrary.class.getResourceAsStream(name))) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  /// Vectors of the authors' Random123, `kat_vectors`: block, key, result.
  @Test
  void philoxHasItsAuthorsVectors() throws Exception {
    Map<String, String> headers = new LinkedHashMap<>();
    for (String name : List.of("types.cuh", "philox.cuh")) {
      headers.put(name, header(name));
    }
    long kernel;
    try (var program = new Nvrtc.Program("""
        #include "philox.cuh"
        __global__ void block(long long *to, long long a, long long b, long long key) {
          flambeau::Words words = flambeau::philox({unsigned(a >> 32), unsigned(a), unsigned(b >> 32), unsigned(b)}, key >> 32, key);
          for (int i = 0; i < 4; i++) to[i] = words.at[i];
        }
        """, "test.cu", headers)) {
      program.addNameExpression("block");
      program.compile(List.of("--gpu-architecture=sm_90"));
      kernel = Driver.moduleGetFunction(Driver.moduleLoadData(program.cubin()), program.loweredName("block"));
    }
    assertEquals("[6627e8d5, e169c58d, bc57ac4c, 9b00dbd8]", block(kernel, 0, 0, 0));
    assertEquals("[408f276d, 41c83b0e, a20bc7c6, 6d5451fd]", block(kernel, -1, -1, -1));
    assertEquals("[d16cfe09, 94fdcceb, 5001e420, 24126ea1]",
        block(kernel, 0x243f6a8885a308d3L, 0x13198a2e03707344L, 0xa4093822299f31d0L));
  }

  private static String block(long kernel, long a, long b, long key) {
    Strided to = arrays.empty(DType.INT64, 4);
    try (Arena arena = Arena.ofConfined()) {
      long[] values = {to.address(), a, b, key};
      long at = arena.allocateFrom(ValueLayout.JAVA_LONG, values).address();
      long addresses = arena.allocate(8L * values.length, 8).address();
      for (int i = 0; i < values.length; i++) {
        ALL.set(LONG, addresses + 8L * i, at + 8L * i);
      }
      Driver.launchKernel(kernel, "block", 1, 1, 1, 1, 1, 1, 0, gpu.stream(), addresses);
      return Arrays.stream(arrays.read(to)).mapToObj(word -> String.format("%08x", (long) word)).toList().toString();
    }
  }

  /// What PyTorch prints on GPUs after `torch.manual_seed(0)`: twice `torch.rand(10, device='cuda')`.
  @Test
  void uniformNumbersAreThoseOfPytorchDrawAfterDraw() {
    Philox source = new Philox(0);

    assertArrayEquals(new double[] {0.3990, 0.5167, 0.0249, 0.9401, 0.9459, 0.7967, 0.4150, 0.8203, 0.2290, 0.9096},
        draw(Distribution.UNIFORM, DType.FLOAT32, source, 0, 1, 10), 5e-5);
    assertArrayEquals(new double[] {0.9722, 0.7910, 0.4690, 0.3300, 0.3345, 0.3783, 0.7640, 0.6405, 0.1103, 0.3594},
        draw(Distribution.UNIFORM, DType.FLOAT32, source, 0, 1, 10), 5e-5);
  }

  /// What PyTorch prints on GPUs after `torch.manual_seed(0)`: the first of `torch.randn(…, device='cuda')`.
  @Test
  void normalNumbersAreThoseOfPytorch() {
    double[] drawn = draw(Distribution.NORMAL, DType.FLOAT32, new Philox(0), 0, 1, 4, 8);

    assertArrayEquals(new double[] {-0.9247, -0.4253, -2.6438, 0.1452, -0.1209, -0.5797, -0.6229, -0.3284, -1.0745, -0.3631, -1.6711,
      2.2655, 0.3117, -0.1842, 1.2866, 1.1820, -0.1271, 1.2169, 1.4353, 1.0605, -0.4941, -1.4244, -0.7244, -1.2973, 0.0697, -0.0074,
      1.8969}, Arrays.copyOf(drawn, 27), 5e-5);
  }

  // ---- the state ----

  @Test
  void aSavedStateContinuesToTheBit() {
    Philox source = new Philox(7);
    draw(Distribution.NORMAL, DType.FLOAT32, source, 0, 1, 1000);
    byte[] state = source.save();
    double[] first = draw(Distribution.UNIFORM, DType.FLOAT64, source, -1, 1, 1000);
    double[] next = draw(Distribution.UNIFORM, DType.FLOAT64, source, -1, 1, 1000);
    Philox restored = new Philox(0);

    restored.restore(state);

    assertArrayEquals(first, draw(Distribution.UNIFORM, DType.FLOAT64, restored, -1, 1, 1000));
    assertArrayEquals(next, draw(Distribution.UNIFORM, DType.FLOAT64, restored, -1, 1, 1000));
  }

  /// As `torch.cuda.get_rng_state()`: the seed, then a multiple of 4.
  @Test
  void aStateIsWrittenAsPytorchWritesIt() {
    Philox source = new Philox(0x0102);
    draw(Distribution.UNIFORM, DType.FLOAT32, source, 0, 1, 10);

    assertArrayEquals(new byte[] {2, 1, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}, source.save());
    assertThrows(IllegalArgumentException.class, () -> source.restore(new byte[15]));
    assertThrows(IllegalArgumentException.class, () -> source.restore(new byte[] {0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0}));
  }

  @Test
  void theGeneratorMovesOnByTheWordsOfTheBusiestThread() {
    Philox source = new Philox(1);
    int threads = 132 * 2048; // of the simulated GPU
    for (long[] step : new long[][] {{1, 4}, {4L * threads, 8}, {4L * threads + 1, 16}}) {
      draw(Distribution.UNIFORM, DType.FLOAT16, source, 0, 1, step[0]);
      assertEquals(step[1], offset(source));
    }
    draw(Distribution.UNIFORM, DType.FLOAT64, source, 0, 1, 2L * threads + 1);
    assertEquals(24, offset(source));
    draw(Distribution.UNIFORM, DType.FLOAT64, source, 0, 1, 0);
    assertEquals(24, offset(source));
  }

  private static long offset(Philox source) {
    return LongStream.range(0, 8).map(i -> (source.save()[8 + (int) i] & 0xffL) << 8 * i).sum();
  }

  // ---- layouts ----

  @Test
  void gapsAndOffsetsChangeNoNumberAndTransposedTensorsAreFilledInTheOrderOfMemory() {
    double[] expected = draw(Distribution.NORMAL, DType.FLOAT32, new Philox(3), 0, 1, 40, 50);
    for (Strided out : List.of(arrays.strided(DType.FLOAT32, 3, new long[] {40, 50}, new long[] {150, 3}),
        arrays.strided(DType.FLOAT32, 1, new long[] {40, 50}, new long[] {50, 1}))) {
      assertArrayEquals(expected, arrays.read(fill(out, Distribution.NORMAL, new Philox(3), 0, 1)));
    }
    Strided transposed = arrays.strided(DType.FLOAT32, 0, new long[] {50, 40}, new long[] {1, 50});
    fill(transposed, Distribution.NORMAL, new Philox(3), 0, 1);
    assertArrayEquals(expected, arrays.read(transposed.with(0, new long[] {40, 50}, new long[] {50, 1})));
  }

  @Test
  void moreDimensionsThanAKernelTakesAreFilledByParts() {
    long[] sizes = new long[11];
    long[] strides = new long[11];
    for (int d = 0; d < 11; d++) {
      sizes[d] = 2;
      strides[d] = (long) Math.pow(3, 10 - d);
    }
    double[] drawn = arrays.read(fill(arrays.strided(DType.FLOAT32, 0, sizes, strides), Distribution.UNIFORM, new Philox(3), 0, 1));
    assertEquals(2048, Arrays.stream(drawn).distinct().count());
  }

  // ---- distributions ----

  /// The largest difference between the share of numbers up to x and what it should be must stay below that of one sample in a thousand
  /// (Kolmogorov, 1933), the seed being fixed.
  private static void assertDistributed(double[] drawn, DoubleUnaryOperator cumulative, double mean, double variance) {
    double[] sorted = drawn.clone();
    Arrays.sort(sorted);
    int n = sorted.length;
    double furthest = 0;
    for (int i = 0; i < n; i++) {
      double expected = cumulative.applyAsDouble(sorted[i]);
      furthest = Math.max(furthest, Math.max(Math.abs((i + 1.0) / n - expected), Math.abs((double) i / n - expected)));
    }
    assertTrue(furthest < 1.95 / Math.sqrt(n), "furthest " + furthest);
    double average = Arrays.stream(drawn).average().orElseThrow();
    double spread = Arrays.stream(drawn).map(x -> (x - average) * (x - average)).average().orElseThrow();
    assertEquals(mean, average, 4 * Math.sqrt(variance / n));
    assertEquals(variance, spread, 0.05 * variance);
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT32", "FLOAT64"})
  void realNumbersHaveTheirDistributions(DType dtype) {
    Philox source = new Philox(11);
    assertDistributed(draw(Distribution.UNIFORM, dtype, source, -1, 3, 20000), x -> (x + 1) / 4, 1, 16.0 / 12);
    assertDistributed(draw(Distribution.NORMAL, dtype, source, 2, 0.5, 20000), x -> cumulativeNormal((x - 2) / 0.5), 2, 0.25);
    assertDistributed(draw(Distribution.EXPONENTIAL, dtype, source, 4, 0, 20000), x -> 1 - Math.exp(-4 * x), 0.25, 1.0 / 16);
  }

  /// By its series (Marsaglia, 2004).
  private static double cumulativeNormal(double x) {
    double sum = x;
    double term = x;
    for (int i = 3; term != 0 && i < 400; i += 2) {
      term *= x * x / i;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void boundsThatAreNotDrawnAreNotDrawn(DType dtype) {
    Philox source = new Philox(5);
    double[] uniform = draw(Distribution.UNIFORM, dtype, source, 1, 2, 30000);
    assertTrue(Arrays.stream(uniform).allMatch(x -> x >= 1 && x < 2));
    assertTrue(Arrays.stream(draw(Distribution.EXPONENTIAL, dtype, source, 1, 0, 30000)).allMatch(x -> x > 0));
    assertArrayEquals(new double[] {3, 3}, draw(Distribution.UNIFORM, dtype, source, 3, 3, 2));
  }

  @ParameterizedTest
  @EnumSource
  void wholeNumbersOfEveryDtypeStayInTheirRange(DType dtype) {
    int from = dtype == DType.BOOL || dtype == DType.UINT8 ? 0 : -3;
    int to = dtype == DType.BOOL ? 2 : 7;
    double[] drawn = draw(Distribution.INTEGER, dtype, new Philox(2), from, to, 20000);

    for (int value = from; value < to; value++) {
      int wanted = value;
      double expected = 20000.0 / (to - from);
      assertEquals(expected, Arrays.stream(drawn).filter(x -> x == wanted).count(), 4.5 * Math.sqrt(expected));
    }
    assertTrue(Arrays.stream(drawn).allMatch(x -> x >= from && x < to));
  }

  @Test
  void wideRangesTakeSixtyFourBits() {
    long range = 3L << 50;
    double[] drawn = draw(Distribution.INTEGER, DType.INT64, new Philox(2), -range, range, 20000);
    assertDistributed(drawn, x -> (x + range) / (2.0 * range), 0, 4.0 * range * range / 12);
    assertEquals(20000, Arrays.stream(drawn).distinct().count());
  }

  @ParameterizedTest
  @EnumSource
  void bernoulliNumbersOfEveryDtypeAreOnesAsOftenAsTheyShould(DType dtype) {
    double[] drawn = draw(Distribution.BERNOULLI, dtype, new Philox(9), 0.3, 0, 20000);

    assertTrue(Arrays.stream(drawn).allMatch(x -> x == 0 || x == 1));
    assertEquals(6000, Arrays.stream(drawn).sum(), 4 * Math.sqrt(20000 * 0.21));
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void eachElementHasAProbabilityOfItsOwn(DType dtype) {
    Strided p = arrays.strided(dtype, 1, new long[] {3, 4001}, new long[] {2, 0});
    double[] probabilities = {0, 0.25, 1};
    arrays.write(p.with(1, new long[] {3}, new long[] {2}), probabilities);
    Strided out = arrays.empty(dtype, 3, 4001);

    gpu.kernels().bernoulli(out, p, new Philox(4));

    double[] drawn = arrays.read(out);
    for (int row = 0; row < 3; row++) {
      double ones = Arrays.stream(drawn, row * 4001, (row + 1) * 4001).sum();
      double spread = 4001 * probabilities[row] * (1 - probabilities[row]);
      assertEquals(4001 * probabilities[row], ones, 4 * Math.sqrt(spread));
    }
    Strided dense = arrays.empty(dtype, 3, 4001);
    gpu.kernels().copy(dense, p);
    gpu.kernels().bernoulli(out, dense, new Philox(4));
    assertArrayEquals(drawn, arrays.read(out));
  }

  @Test
  void whatIsNoProbabilityIsToldWhenTheHostNextWaits() {
    for (double wrong : new double[] {-0.5, 1.25, Double.NaN}) {
      gpu.kernels().bernoulli(arrays.empty(DType.FLOAT32, 3), arrays.of(DType.FLOAT32, new long[] {3}, 0.5, wrong, 0.5), new Philox(4));
      var failure = assertThrows(IllegalArgumentException.class, gpu::synchronize);
      String message = String.valueOf(failure.getMessage());
      assertTrue(message.startsWith("[bernoulli] a probability must lie between 0 and 1, got " + wrong), message);
    }
  }

  // ---- permutations ----

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 5, 1000, 40000})
  void aPermutationHasEveryNumberOnce(int n) {
    Strided out = arrays.empty(DType.INT64, n);
    gpu.kernels().permutation(out, new Philox(n));
    assertArrayEquals(IntStream.range(0, n).asDoubleStream().toArray(), Arrays.stream(arrays.read(out)).sorted().toArray());
  }

  /// Keys of few numbers are short, so that about one permutation in ten has a tie to shuffle.
  @Test
  void permutationsOfThreeAreEquallyOften() {
    Map<String, Integer> counts = new TreeMap<>();
    Philox source = new Philox(6);
    Strided out = arrays.empty(DType.INT64, 3);
    for (int i = 0; i < 1200; i++) {
      gpu.kernels().permutation(out, source);
      counts.merge(Arrays.toString(arrays.read(out)), 1, Integer::sum);
    }
    assertEquals(6, counts.size());
    counts.forEach((order, count) -> assertEquals(200, count, 50, order));
  }

  @Test
  void equalKeysAreShuffledAmongThemselves() {
    Strided values = arrays.of(DType.INT64, new long[] {40}, IntStream.range(0, 40).asDoubleStream().toArray());
    Strided keys = arrays.of(DType.INT64, new long[] {40}, IntStream.range(0, 40).mapToDouble(i -> i < 5 ? i : i < 35 ? 7 : 9).toArray());

    new RandomDraws(gpu, new KernelLibrary(gpu), gpu.kernels()::sort).shuffleTies(values, keys, new Philox(8));

    double[] shuffled = arrays.read(values);
    double[] sorted = IntStream.range(0, 40).asDoubleStream().toArray();
    assertArrayEquals(Arrays.copyOf(sorted, 5), Arrays.copyOf(shuffled, 5));
    assertFalse(Arrays.equals(Arrays.copyOfRange(sorted, 5, 35), Arrays.copyOfRange(shuffled, 5, 35)));
    assertArrayEquals(Arrays.copyOfRange(sorted, 5, 35), Arrays.stream(shuffled, 5, 35).sorted().toArray());
    assertArrayEquals(Arrays.copyOfRange(sorted, 35, 40), Arrays.stream(shuffled, 35, 40).sorted().toArray());
  }
}
