package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Random;
import org.flambeau.DType;
import org.flambeau.Reduction;
import org.flambeau.spi.Activation;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Each fused kernel against its definition in float64, element by element.
class FusedTest {
  private static final Kernels KERNELS = new CpuBackend().kernels(0);
  private static final List<DType> DTYPES = List.of(DType.FLOAT32, DType.BFLOAT16, DType.FLOAT16);

  @BeforeAll
  static void vectorsArePresent() {
    assumeTrue(Vectorization.PRESENT != null, "fused kernels need vectors");
    assertTrue(KERNELS.supports(FusedOp.SOFTMAX, Operand.of(DType.FLOAT32, 1)));
  }

  private static Strided random(DType dtype, long seed, long... sizes) {
    return random(dtype, seed, Operand.Layout.contiguous(sizes));
  }

  private static Strided random(DType dtype, long seed, Operand.Layout layout) {
    Random random = new Random(seed);
    return Operand.filled(Operand.natively(dtype, layout), i -> 2 + 3 * random.nextGaussian());
  }

  private static Strided positive(DType dtype, long seed, Operand.Layout layout) {
    Random random = new Random(seed);
    return Operand.filled(Operand.natively(dtype, layout), i -> 0.5 + 3 * random.nextDouble());
  }

  private static void assertNear(double expected, Strided actual, long i, double scale, String what) {
    double tolerance = (actual.dtype() == DType.FLOAT32 ? 2e-6 : actual.dtype() == DType.BFLOAT16 ? 8e-3 : 1e-3)
        * Math.max(scale, Math.abs(expected));
    assertEquals(expected, Operand.get(actual, i), tolerance, what + " of " + actual.dtype().label() + ", element " + i);
  }

  @Test
  void softmaxAndItsGradientAlongAnyDimension() {
    for (DType dtype : DTYPES) {
      for (long[] sizes : new long[][] {{5, 197}, {3, 16, 7}, {2, 1, 4}, {70, 3}, {1, 5000}, {2, 40, 100}, {100, 21}}) {
        for (int dim = 0; dim < sizes.length; dim++) {
          for (boolean log : new boolean[] {false, true}) {
            checkSoftmax(dtype, sizes, dim, log);
          }
        }
      }
    }
  }

  private static void checkSoftmax(DType dtype, long[] sizes, int dim, boolean log) {
    Strided x = random(dtype, 1, sizes);
    Strided y = Operand.natively(dtype, Operand.Layout.contiguous(sizes));
    KERNELS.softmax(y, x, dim, log);
    Strided grad = random(dtype, 2, sizes);
    Strided gradX = Operand.natively(dtype, Operand.Layout.contiguous(sizes));
    KERNELS.softmaxBackward(gradX, grad, y, dim, log);
    long n = sizes[dim];
    long step = x.stride(dim);
    for (long i = 0; i < x.numel(); i++) {
      long start = i - i / step % n * step;
      double max = Double.NEGATIVE_INFINITY;
      for (long j = 0; j < n; j++) {
        max = Math.max(max, Operand.get(x, start + j * step));
      }
      double sum = 0;
      double products = 0;
      double magnitude = 1;
      for (long j = 0; j < n; j++) {
        sum += Math.exp(Operand.get(x, start + j * step) - max);
        double g = Operand.get(grad, start + j * step);
        products += log ? g : g * Operand.get(y, start + j * step);
        magnitude += Math.abs(g);
      }
      double value = Operand.get(x, i) - max - Math.log(sum);
      assertNear(log ? value : Math.exp(value), y, i, log ? 10 : 1e-4, "softmax along " + dim);
      double result = Operand.get(y, i);
      double g = Operand.get(grad, i);
      assertNear(log ? g - Math.exp(result) * products : (g - products) * result, gradX, i, magnitude, "its gradient along " + dim);
    }
  }

  @Test
  void softmaxWorksInPlaceOnTheHeapAndAtTheEdges() {
    Strided x = Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(4));
    double[] values = {Double.NEGATIVE_INFINITY, 0, 200, 200};
    Operand.filled(x, i -> values[(int) i]);
    KERNELS.softmax(x, x, 0, false);
    assertEquals(List.of(0.0, 0.0, 0.5, 0.5), List.of(Operand.get(x, 0), Operand.get(x, 1), Operand.get(x, 2), Operand.get(x, 3)));
    Strided masked = Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(3)), i -> Double.NEGATIVE_INFINITY);
    KERNELS.softmax(masked, masked, 0, false);
    assertTrue(Double.isNaN(Operand.get(masked, 0)), "as in PyTorch");
  }

  @Test
  void layerNormAndItsGradients() {
    for (DType dtype : DTYPES) {
      for (long[] sizes : new long[][] {{5, 70}, {100, 33}, {3, 1}, {2, 5000}}) {
        for (boolean affine : new boolean[] {true, false}) {
          checkLayerNorm(dtype, sizes, affine);
        }
      }
    }
  }

  private static void checkLayerNorm(DType dtype, long[] sizes, boolean affine) {
    long rows = sizes[0];
    long n = sizes[1];
    Strided x = random(dtype, 3, sizes);
    Strided weight = affine ? random(dtype, 4, n) : null;
    Strided bias = affine ? random(dtype, 5, n) : null;
    Strided y = Operand.natively(dtype, Operand.Layout.contiguous(sizes));
    Strided mean = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(rows));
    Strided rstd = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(rows));
    KERNELS.layerNorm(y, mean, rstd, x, weight, bias, 1e-5);
    Strided grad = random(dtype, 6, sizes);
    Strided gradX = Operand.natively(dtype, Operand.Layout.contiguous(sizes));
    Strided gradWeight = Operand.natively(dtype, Operand.Layout.contiguous(n));
    Strided gradBias = Operand.natively(dtype, Operand.Layout.contiguous(n));
    KERNELS.layerNormBackward(gradX, gradWeight, gradBias, grad, x, mean, rstd, weight);
    double[] weightSums = new double[(int) n];
    double[] biasSums = new double[(int) n];
    double[] magnitudes = new double[(int) n];
    for (long row = 0; row < rows; row++) {
      double m = 0;
      for (long j = 0; j < n; j++) {
        m += Operand.get(x, row * n + j) / n;
      }
      double variance = 0;
      for (long j = 0; j < n; j++) {
        variance += Math.pow(Operand.get(x, row * n + j) - m, 2) / n;
      }
      double r = 1 / Math.sqrt(variance + 1e-5);
      assertEquals(m, Operand.get(mean, row), 1e-5);
      assertEquals(r, Operand.get(rstd, row), 1e-5 * r);
      double a = 0;
      double b = 0;
      double magnitude = 1;
      for (long j = 0; j < n; j++) {
        double w = weight == null ? 1 : Operand.get(weight, j);
        double g = Operand.get(grad, row * n + j);
        double normal = (Operand.get(x, row * n + j) - m) * r;
        a += g * w / n;
        b += g * w * normal / n;
        magnitude += Math.abs(g * w) * r;
        weightSums[(int) j] += g * normal;
        biasSums[(int) j] += g;
        magnitudes[(int) j] += Math.abs(g * normal) + Math.abs(g);
      }
      for (long j = 0; j < n; j++) {
        double w = weight == null ? 1 : Operand.get(weight, j);
        double normal = (Operand.get(x, row * n + j) - m) * r;
        assertNear(normal * w + (bias == null ? 0 : Operand.get(bias, j)), y, row * n + j, 5, "layer norm");
        double g = Operand.get(grad, row * n + j) * w;
        assertNear(r * (g - a - normal * b), gradX, row * n + j, magnitude, "gradient");
      }
    }
    for (int j = 0; j < n; j++) {
      assertNear(weightSums[j], gradWeight, j, magnitudes[j], "gradient of the weight");
      assertNear(biasSums[j], gradBias, j, magnitudes[j], "gradient of the bias");
    }
  }

  private static List<Operand.Layout> images() {
    return List.of(Operand.Layout.contiguous(3, 5, 4, 6), Operand.Layout.contiguous(40, 7),
        new Operand.Layout("channels last", new long[] {3, 5, 4, 6}, new long[] {120, 1, 30, 5}, 0),
        new Operand.Layout("channels last", new long[] {20, 17, 9, 9}, new long[] {17 * 81, 1, 17 * 9, 17}, 0),
        channelsLast(4, 48, 7, 5), channelsLast(3, 64, 30, 20), channelsLast(2, 8, 5, 6), channelsLast(9, 16, 1, 1),
        Operand.Layout.contiguous(6, 4, 4), new Operand.Layout("a part", new long[] {3, 5, 4, 6}, new long[] {300, 60, 10, 1}, 2),
        Operand.Layout.contiguous(2, 3, 300));
  }

  private static Operand.Layout channelsLast(long... s) {
    return new Operand.Layout("channels last", s, new long[] {s[1] * s[2] * s[3], 1, s[3] * s[1], s[1]}, 0);
  }

  /// Of pixels far from 0, and whose first ones, or one in ten, are far from the others.
  @Test
  void batchNormFindsTheMeanWhereverItIs() {
    for (int which = 0; which < 3; which++) {
      int kind = which;
      Random random = new Random(3);
      Strided x = Operand.filled(Operand.natively(DType.FLOAT32, channelsLast(2, 32, 30, 30)), i -> {
        boolean far = kind == 1 ? i % 900 < 200 : kind == 2 && random.nextInt(10) == 0;
        return (far ? 0 : 500) + random.nextGaussian();
      });
      Strided mean = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(32));
      Strided rstd = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(32));

      KERNELS.batchNormStatistics(mean, rstd, x, null, null, null, 0, 0);

      for (long c = 0; c < 32; c++) {
        double sum = 0;
        double squares = 0;
        for (long i = 0; i < 1800; i++) {
          sum += Operand.get(x, (i / 900 * 32 + c) * 900 + i % 900);
        }
        for (long i = 0; i < 1800; i++) {
          squares += Math.pow(Operand.get(x, (i / 900 * 32 + c) * 900 + i % 900) - sum / 1800, 2);
        }
        assertEquals(sum / 1800, Operand.get(mean, c), 1e-4, "mean");
        assertEquals(1, Operand.get(rstd, c) * Math.sqrt(squares / 1800), 1e-5, "rstd");
      }
    }
  }

  @Test
  void batchNormMasksTheGradientThroughRelu() {
    double[] results = {0, -0.0, 1, -1, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 1e-40, -1e-40, 6e-8, 3};
    for (DType dtype : DTYPES) {
      for (int n : new int[] {1, 15, 32, 71}) {
        Strided y = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(n)), i -> results[(int) i % results.length]);
        Strided grad = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(n)), i -> i % 5 == 0 ? Double.NaN : i + 1.0);
        Strided out = Operand.natively(dtype, Operand.Layout.contiguous(n));

        Rows.channelLoops(dtype).mask(out.address(), grad.address(), y.address(), n);

        for (long i = 0; i < n; i++) {
          assertEquals(Operand.get(y, i) <= 0 ? 0 : Operand.get(grad, i), Operand.get(out, i), dtype.label() + ", element " + i);
        }
      }
    }
  }

  @Test
  void batchNormInTraining() {
    for (DType dtype : DTYPES) {
      for (Operand.Layout layout : images()) {
        for (boolean training : new boolean[] {true, false}) {
          checkBatchNorm(dtype, dtype, layout, training);
          checkBatchNorm(dtype, DType.FLOAT32, layout, training);
        }
      }
    }
  }

  /// @param wide of the parameters
  private static void checkBatchNorm(DType dtype, DType wide, Operand.Layout layout, boolean training) {
    Strided x = random(dtype, 7, layout);
    int channels = (int) x.size(1);
    long n = x.numel() / channels;
    long inner = x.numel() / x.size(0) / channels;
    Strided mean = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(channels));
    Strided rstd = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(channels));
    Strided runningMean = Operand.filled(Operand.natively(wide, Operand.Layout.contiguous(channels)), i -> 0.0);
    Strided runningVar = Operand.filled(Operand.natively(wide, Operand.Layout.contiguous(channels)), i -> 1.0);
    KERNELS.batchNormStatistics(mean, rstd, x, runningMean, runningVar, null, 0.25, 1e-5);
    double[] means = new double[channels];
    double[] variances = new double[channels];
    for (long i = 0; i < x.numel(); i++) {
      means[(int) (i / inner % channels)] += Operand.get(x, i) / n;
    }
    for (long i = 0; i < x.numel(); i++) {
      int c = (int) (i / inner % channels);
      variances[c] += Math.pow(Operand.get(x, i) - means[c], 2) / n;
    }
    for (int c = 0; c < channels; c++) {
      assertNear(means[c], mean, c, 1, "mean");
      assertNear(1 / Math.sqrt(variances[c] + 1e-5), rstd, c, 1, "rstd");
      assertNear(0.25 * means[c], runningMean, c, 1, "running mean");
      assertNear(0.75 + 0.25 * variances[c] * n / (n - 1), runningVar, c, 1, "running variance");
    }
    Strided weight = random(wide, 8, channels);
    Strided bias = random(wide, 9, channels);
    Strided residual = random(dtype, 10, layout.sizes());
    Strided grad = random(dtype, 11, layout);
    double[] sums = new double[channels];
    double[] products = new double[channels];
    double[] magnitudes = new double[channels];
    for (long i = 0; i < x.numel(); i++) {
      int c = (int) (i / inner % channels);
      double g = Operand.get(grad, i);
      double product = g * (Operand.get(x, i) - means[c]) * Operand.get(rstd, c);
      sums[c] += g;
      products[c] += product;
      magnitudes[c] += Math.abs(g) + Math.abs(product);
    }
    for (Activation activation : Activation.values()) {
      for (Strided added : new Strided[] {residual, null}) {
        Strided y = Operand.natively(dtype, layout);
        KERNELS.batchNormApply(y, x, mean, rstd, weight, bias, added, activation);
        for (long i = 0; i < x.numel(); i++) {
          int c = (int) (i / inner % channels);
          double value = (Operand.get(x, i) - means[c]) * Operand.get(rstd, c) * Operand.get(weight, c) + Operand.get(bias, c)
              + (added == null ? 0 : Operand.get(added, i));
          double expected = switch (activation) {
            case NONE -> value;
            case RELU -> Math.max(0, value);
            case GELU -> org.flambeau.spi.SpecialFunctions.gelu(value);
          };
          assertNear(expected, y, i, 20, layout.name() + " " + activation);
        }
      }
    }
    Strided gradX = Operand.natively(dtype, layout);
    Strided gradWeight = Operand.natively(wide, Operand.Layout.contiguous(channels));
    Strided gradBias = Operand.natively(wide, Operand.Layout.contiguous(channels));
    KERNELS.batchNormBackward(gradX, gradWeight, gradBias, null, grad, null, x, mean, rstd, weight, training);
    for (int c = 0; c < channels; c++) {
      assertNear(sums[c], gradBias, c, magnitudes[c], "gradient of the bias");
      assertNear(products[c], gradWeight, c, magnitudes[c], "gradient of the weight");
    }
    for (long i = 0; i < x.numel(); i++) {
      int c = (int) (i / inner % channels);
      double normal = (Operand.get(x, i) - means[c]) * Operand.get(rstd, c);
      double g = Operand.get(grad, i) - (training ? sums[c] / n + normal * products[c] / n : 0);
      assertNear(Operand.get(rstd, c) * Operand.get(weight, c) * g, gradX, i, 20, layout.name() + " gradient");
    }
  }

  @Test
  void crossEntropyAndItsGradient() {
    for (DType dtype : DTYPES) {
      int rows = 9;
      int classes = 37;
      Strided logits = random(dtype, 12, rows, classes);
      Strided target = Operand.filled(Operand.natively(DType.INT64, Operand.Layout.contiguous(rows)), i -> i == 4 ? -100.0 : i * 4.0);
      Strided losses = Operand.natively(dtype, Operand.Layout.contiguous(rows));
      Strided sums = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(rows, 2));
      Strided total = Operand.natively(dtype, Operand.Layout.contiguous());
      KERNELS.crossEntropy(Reduction.NONE, losses, total, sums, logits, target, -100);
      assertNear(rows - 1, total, 0, 1, "rows that count");
      Strided grad = random(dtype, 13, rows);
      Strided gradLogits = Operand.natively(dtype, Operand.Layout.contiguous(rows, classes));
      KERNELS.crossEntropyBackward(gradLogits, grad, total, logits, sums, target, -100);
      for (long row = 0; row < rows; row++) {
        double sum = 0;
        for (long j = 0; j < classes; j++) {
          sum += Math.exp(Operand.get(logits, row * classes + j));
        }
        boolean ignored = row == 4;
        assertNear(ignored ? 0 : Math.log(sum) - Operand.get(logits, row * classes + row * 4), losses, row, 5, "loss");
        for (long j = 0; j < classes; j++) {
          double p = Math.exp(Operand.get(logits, row * classes + j)) / sum - (j == row * 4 ? 1 : 0);
          assertNear(ignored ? 0 : p * Operand.get(grad, row) / (rows - 1), gradLogits, row * classes + j, 5, "gradient");
        }
      }
    }
    Strided logits = random(DType.FLOAT32, 1, 1, 3);
    Strided loss = Operand.of(DType.FLOAT32, 0);
    Strided sums = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(1, 2));
    Strided total = Operand.of(DType.FLOAT32, 0);
    assertThrows(IndexOutOfBoundsException.class,
        () -> KERNELS.crossEntropy(Reduction.NONE, loss, total, sums, logits, Operand.of(DType.INT64, 3), -100));
  }

  @Test
  void attentionAndItsGradients() {
    for (DType dtype : DTYPES) {
      for (long[] sizes : new long[][] {{2, 3, 5, 6, 4}, {1, 2, 70, 33, 64}, {1, 1, 33, 150, 17}, {1, 1, 1, 1, 1}, {2, 1, 3, 2, 80}}) {
        for (boolean causal : new boolean[] {false, true}) {
          checkAttention(KERNELS, dtype, sizes, causal, false);
          checkAttention(KERNELS, dtype, sizes, causal, true);
        }
      }
    }
  }

  @Test
  void attentionByAMatrixUnit() {
    PlainMatrixUnit unit = new PlainMatrixUnit();
    Kernels kernels = new CpuKernels(unit);
    for (long[] sizes : new long[][] {{1, 2, 70, 33, 64}, {1, 1, 33, 150, 17}, {2, 3, 197, 197, 8}, {1, 1, 300, 700, 5},
      {1, 1, 700, 300, 5}}) {
      for (boolean causal : new boolean[] {false, true}) {
        checkAttention(kernels, DType.BFLOAT16, sizes, causal, false);
        checkAttention(kernels, DType.BFLOAT16, sizes, causal, true);
      }
    }
    assertEquals(0, unit.open());
  }

  /// By several sizes: a product and its rounded value differ by hundreds there, this way or that.
  @Test
  void attentionOfEqualHugeScoresIsAMean() {
    Kernels kernels = new CpuKernels(new PlainMatrixUnit());
    Strided v = random(DType.BFLOAT16, 1, 1, 1, 64, 32);
    Strided out = random(DType.BFLOAT16, 2, 1, 1, 64, 32);
    Strided sums = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(1, 1, 64));
    for (double size : new double[] {3e4, 4e4, 5e4, 7e4, 9e4, 1e5, 2e5, 3e5}) {
      Strided same = Operand.filled(Operand.natively(DType.BFLOAT16, Operand.Layout.contiguous(1, 1, 64, 32)), _ -> size);
      kernels.attention(out, sums, same, same, v, 1 / Math.sqrt(32), false);
      for (int j = 0; j < 32; j++) {
        double mean = 0;
        for (int i = 0; i < 64; i++) {
          mean += Operand.get(v, i * 32L + j) / 64;
        }
        assertNear(mean, out, j, 4, "mean beside " + size);
      }
    }
  }

  /// Sizes are batch, heads, queries, keys, width; `packed` are those operands whose heads lie beside each other.
  private static void checkAttention(Kernels kernels, DType dtype, long[] sizes, boolean causal, boolean packed) {
    Strided q = narrow(dtype, 20, packed, sizes[0], sizes[1], sizes[2], sizes[4]);
    Strided k = narrow(dtype, 21, packed, sizes[0], sizes[1], sizes[3], sizes[4]);
    Strided v = narrow(dtype, 22, packed, sizes[0], sizes[1], sizes[3], sizes[4]);
    Strided grad = narrow(dtype, 23, packed, sizes[0], sizes[1], sizes[2], sizes[4]);
    Strided out = narrow(dtype, 24, packed, q.sizes());
    Strided sums = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(sizes[0], sizes[1], sizes[2]));
    Strided gradQ = narrow(dtype, 24, packed, q.sizes());
    Strided gradK = narrow(dtype, 24, packed, k.sizes());
    Strided gradV = narrow(dtype, 24, packed, v.sizes());
    double scale = 0.3;
    kernels.attention(out, sums, q, k, v, scale, causal);
    kernels.attentionBackward(gradQ, gradK, gradV, grad, out, sums, q, k, v, scale, causal);
    for (long head = 0; head < sizes[0] * sizes[1]; head++) {
      checkHead(new Strided[] {q, k, v, grad, out, sums, gradQ, gradK, gradV}, head, scale, causal);
    }
  }

  private static void checkHead(Strided[] all, long head, double scale, boolean causal) {
    double[][] q = matrix(all[0], head);
    double[][] k = matrix(all[1], head);
    double[][] v = matrix(all[2], head);
    double[][] grad = matrix(all[3], head);
    double[][] out = new double[q.length][q[0].length];
    double[][] gradQ = new double[q.length][q[0].length];
    double[][] gradK = new double[k.length][q[0].length];
    double[][] gradV = new double[k.length][q[0].length];
    for (int i = 0; i < q.length; i++) {
      double[] weights = new double[k.length];
      double sum = 0;
      for (int j = 0; j < k.length; j++) {
        weights[j] = causal && j > i ? 0 : Math.exp(scale * dot(q[i], k[j]));
        sum += weights[j];
      }
      assertNear(Math.log(sum), all[5], head * q.length + i, 10, "logarithm of the sum");
      double mean = 0;
      for (int j = 0; j < k.length; j++) {
        weights[j] /= sum;
        add(out[i], v[j], weights[j]);
        add(gradV[j], grad[i], weights[j]);
        mean += weights[j] * dot(grad[i], v[j]);
      }
      for (int j = 0; j < k.length; j++) {
        double score = scale * weights[j] * (dot(grad[i], v[j]) - mean);
        add(gradQ[i], k[j], score);
        add(gradK[j], q[i], score);
      }
    }
    assertAllNear(out, all[4], head, "attention");
    assertAllNear(gradQ, all[6], head, "query's gradient");
    assertAllNear(gradK, all[7], head, "key's gradient");
    assertAllNear(gradV, all[8], head, "value's gradient");
  }

  private static void assertAllNear(double[][] expected, Strided actual, long head, String what) {
    for (int i = 0; i < expected.length; i++) {
      for (int j = 0; j < expected[i].length; j++) {
        assertNear(expected[i][j], actual, (head * expected.length + i) * expected[i].length + j, 20, what);
      }
    }
  }

  private static double[][] matrix(Strided x, long head) {
    int rows = (int) x.size(2);
    int columns = (int) x.size(3);
    double[][] matrix = new double[rows][columns];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        matrix[i][j] = Operand.get(x, (head * rows + i) * columns + j);
      }
    }
    return matrix;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static void add(double[] sum, double[] x, double factor) {
    for (int i = 0; i < x.length; i++) {
      sum[i] += factor * x[i];
    }
  }

  /// Around 0; `packed` with the heads of a row beside each other.
  private static Strided narrow(DType dtype, long seed, boolean packed, long... sizes) {
    Random random = new Random(seed);
    long row = sizes[1] * sizes[3];
    Operand.Layout layout = packed
        ? new Operand.Layout("packed", sizes, new long[] {sizes[2] * row, sizes[3], row, 1}, 0)
        : Operand.Layout.contiguous(sizes);
    return Operand.filled(Operand.natively(dtype, layout), i -> random.nextGaussian());
  }

  @Test
  void stochasticGradientDescentFollowsItsDefinition() {
    for (DType dtype : DTYPES) {
      for (boolean nesterov : new boolean[] {false, true}) {
        for (double momentum : new double[] {0, 0.9}) {
          for (boolean first : new boolean[] {false, true}) {
            if (momentum != 0 || !nesterov) {
              checkSgd(dtype, Operand.Layout.contiguous(1037), momentum, first, nesterov);
              checkSgd(dtype, new Operand.Layout("transposed", new long[] {7, 19}, new long[] {1, 7}, 0), momentum, first, nesterov);
            }
          }
        }
      }
    }
  }

  private static void checkSgd(DType dtype, Operand.Layout layout, double momentum, boolean first, boolean nesterov) {
    Strided p = random(dtype, 14, layout);
    Strided before = random(dtype, 14, layout);
    Strided g = random(dtype, 15, layout.sizes());
    Strided v = random(dtype, 16, layout);
    Strided speed = random(dtype, 16, layout);
    Strided[] velocities = momentum == 0 ? null : new Strided[] {v};
    KERNELS.sgdStep(new Strided[] {p}, new Strided[] {g}, velocities, first, Operand.scalar(DType.FLOAT64, 0.1), momentum, first ? 0 : 0.25,
        0.01, nesterov, true);
    for (long i = 0; i < p.numel(); i++) {
      double decayed = -Operand.get(g, i) + 0.01 * Operand.get(before, i);
      double moved = first ? decayed : momentum * Operand.get(speed, i) + 0.75 * decayed;
      double direction = momentum == 0 ? decayed : nesterov ? decayed + momentum * moved : moved;
      assertNear(Operand.get(before, i) - 0.1 * direction, p, i, 5, "parameter");
      if (momentum != 0) {
        assertNear(moved, v, i, 5, "velocity");
      }
    }
  }

  @Test
  void adamFollowsItsDefinition() {
    for (DType dtype : DTYPES) {
      for (boolean decoupled : new boolean[] {false, true}) {
        for (boolean amsgrad : new boolean[] {false, true}) {
          checkAdam(dtype, Operand.Layout.contiguous(1037), decoupled, amsgrad);
          checkAdam(dtype, new Operand.Layout("transposed", new long[] {7, 19}, new long[] {1, 7}, 0), decoupled, amsgrad);
        }
      }
    }
  }

  private static void checkAdam(DType dtype, Operand.Layout layout, boolean decoupled, boolean amsgrad) {
    Strided p = random(dtype, 14, layout);
    Strided before = random(dtype, 14, layout);
    Strided g = random(dtype, 15, amsgrad ? layout : Operand.Layout.contiguous(layout.sizes()));
    Strided m = random(dtype, 16, layout);
    Strided average = random(dtype, 16, layout);
    Strided v = positive(dtype, 17, layout);
    Strided square = positive(dtype, 17, layout);
    Strided u = positive(dtype, 18, layout);
    Strided largest = positive(dtype, 18, layout);
    KERNELS.adamStep(new Strided[] {p}, new Strided[] {g}, new Strided[] {m}, new Strided[] {v}, amsgrad ? new Strided[] {u} : null,
        Operand.scalar(DType.FLOAT64, 0.1), Operand.scalar(DType.FLOAT32, 3), 0.8, 0.9, 1e-3, 0.05, decoupled, true);
    for (long i = 0; i < p.numel(); i++) {
      double x = Operand.get(before, i);
      double direction = -Operand.get(g, i) + (decoupled ? 0 : 0.05 * x);
      double moved = 0.8 * Operand.get(average, i) + 0.2 * direction;
      double squared = 0.9 * Operand.get(square, i) + 0.1 * direction * direction;
      double divisor = amsgrad ? Math.max(Operand.get(largest, i), squared) : squared;
      double root = Math.sqrt(divisor) / Math.sqrt(1 - Math.pow(0.9, 3)) + 1e-3;
      double kept = decoupled ? x * (1 - 0.1 * 0.05) : x;
      assertNear(kept - 0.1 / (1 - Math.pow(0.8, 3)) * moved / root, p, i, 5, "parameter");
      assertNear(moved, m, i, 5, "average");
      assertNear(squared, v, i, 5, "square");
      if (amsgrad) {
        assertNear(divisor, u, i, 5, "largest");
      }
    }
  }

  /// One step of an optimizer over a parameter, its gradient and its states.
  private interface Step {
    void run(Strided... operands);
  }

  @Test
  void stepsOnHalvesAreThoseOfFloatsRoundedOnce() {
    for (boolean plain : new boolean[] {true, false}) {
      double decay = plain ? 0 : 0.01;
      checkRounding(2, x -> sgd(x, null, false, 0, decay, !plain), "descent");
      for (boolean first : new boolean[] {true, false}) {
        checkRounding(3, x -> sgd(x, x[2], first, 0.9, decay, !plain), "momentum");
      }
      for (double beta1 : new double[] {0, 0.3, 0.9}) {
        checkRounding(4, x -> adam(x, null, beta1, decay, plain), "Adam");
        checkRounding(5, x -> adam(x, x[4], beta1, decay, plain), "AMSGrad");
      }
    }
  }

  private static void sgd(Strided[] x, @Nullable Strided velocity, boolean first, double momentum, double decay, boolean opposite) {
    KERNELS.sgdStep(new Strided[] {x[0]}, new Strided[] {x[1]}, velocity == null ? null : new Strided[] {velocity}, first,
        Operand.scalar(DType.FLOAT64, 0.1), momentum, 0, decay, opposite && momentum != 0, opposite);
  }

  private static void adam(Strided[] x, @Nullable Strided largest, double beta1, double decay, boolean decoupled) {
    KERNELS.adamStep(new Strided[] {x[0]}, new Strided[] {x[1]}, new Strided[] {x[2]}, new Strided[] {x[3]},
        largest == null ? null : new Strided[] {largest}, Operand.scalar(DType.FLOAT64, 0.1), Operand.scalar(DType.FLOAT32, 3), beta1, 0.9,
        1e-3,
        decay, decoupled, !decoupled);
  }

  /// Runs the step on halves, and on halves with a float32 gradient, beside the same numbers as floats.
  private static void checkRounding(int operands, Step step, String what) {
    for (DType dtype : List.of(DType.BFLOAT16, DType.FLOAT16)) {
      for (boolean mixed : new boolean[] {false, true}) {
        Strided[] halves = new Strided[operands];
        Strided[] floats = new Strided[operands];
        for (int k = 0; k < operands; k++) {
          Strided half = positive(dtype, k, Operand.Layout.contiguous(2 * Scratch.TILE + 1037));
          floats[k] = Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(half.numel())), i -> Operand.get(half, i));
          halves[k] = mixed && k == 1 ? Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(half.numel())),
              i -> Operand.get(half, i)) : half;
        }
        step.run(halves);
        step.run(floats);
        for (int k = 0; k < operands; k++) {
          for (long i = 0; i < halves[k].numel(); i++) {
            assertEquals(Operand.rounded(halves[k].dtype(), Operand.get(floats[k], i)), Operand.get(halves[k], i),
                what + " of " + dtype.label() + ", operand " + k + ", element " + i);
          }
        }
      }
    }
  }
}
