package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Random;
import org.flambeau.Reduction;
import org.flambeau.Tensor;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.nn.Functional;
import org.flambeau.nn.NormalizedSum;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// What goes over rows, and over channels, gives on the simulated GPU what it gives on the CPU: for rows that a warp holds and for longer
/// ones, in packs and one by one, wherever the elements lie.
class RowsTest {
  /// Rows that a warp holds, one by one and in packs, and rows that it does not; each takes kernels of its own, which take time to compile.
  private static final Map<DType, int[]> LENGTHS = new EnumMap<>(Map.of(DType.FLOAT32, new int[] {5, 197, 768, 1500, 2047}, DType.BFLOAT16,
      new int[] {768, 1001, 2000}, DType.FLOAT64, new int[] {33}));

  @BeforeAll
  static void install() throws Exception {
    SimulatedDriver.install();
    SimulatedDriver.order(SimulatedDriver.Order.RANDOM);
    Random.manualSeed(3);
  }

  @Test
  void softmaxOfRowsOfAnyLength() {
    LENGTHS.forEach((dtype, lengths) -> {
      for (int n : lengths) {
        assertSame("softmax " + n, x -> x[0].softmax(1), random(dtype, 3, n));
        assertSame("log_softmax " + n, x -> x[0].logSoftmax(1), random(dtype, 3, n));
      }
    });
  }

  @Test
  void softmaxAlongAnyDimension() {
    for (int n : new int[] {3, 300, 2000}) {
      assertSame("first of two " + n, x -> x[0].softmax(0), random(DType.FLOAT32, n, 7));
      assertSame("middle " + n, x -> x[0].logSoftmax(1), random(DType.FLOAT32, 2, n, 5));
      assertSame("every second " + n, x -> x[0].t().slice(1, 0, 4, 2).softmax(0), random(DType.FLOAT32, 4, n));
    }
  }

  @Test
  void infinitiesBecomeWhatTheyAreInPyTorch() {
    float inf = Float.POSITIVE_INFINITY;
    for (int n : new int[] {4, 1500}) {
      float[] row = new float[3 * n];
      Arrays.fill(row, 0, n, -inf);
      row[n] = -inf;
      row[2 * n] = inf;
      float[] there = Tensor.of(row).reshape(3, n).to(Device.cuda(0)).softmax(1).toFloatArray();

      for (int i = 0; i < n; i++) {
        assertTrue(Float.isNaN(there[i]));
        assertEquals(i == 0 ? 0 : 1f / (n - 1), there[n + i], 1e-6f);
        assertTrue(Float.isNaN(there[2 * n + i]));
      }
    }
  }

  @Test
  void layerNormOfRowsOfAnyLength() {
    LENGTHS.forEach((dtype, lengths) -> {
      for (int n : lengths) {
        long[] shape = {n};
        assertSame("layer_norm " + n, x -> Functional.layerNorm(x[0], shape, x[1], x[2]), random(dtype, 70, n), random(dtype, n),
            random(dtype, n));
      }
      assertSame("without weight", x -> Functional.layerNorm(x[0], new long[] {33}, null, null), random(dtype, 9, 33));
    });
  }

  @Test
  void sumsOfRowsOfAnyLengthAndTheirLayerNorm() {
    LENGTHS.forEach((dtype, lengths) -> {
      for (int n : lengths) {
        assertSame("add_layer_norm " + n, x -> {
          NormalizedSum both = Functional.addLayerNorm(x[0], x[1], new long[] {n}, x[2], x[3], 1e-5);
          return both.sum().mul(0.5).add(both.normalized());
        }, random(dtype, 41, n), random(dtype, 41, n), random(dtype, n), random(dtype, n));
      }
    });
  }

  @Test
  void layerNormOfRowsFarFromZeroKeepsItsDigits() {
    assertSame("far away", x -> Functional.layerNorm(x[0].add(1000), new long[] {768}, null, null), random(DType.FLOAT32, 3, 768));
  }

  @Test
  void crossEntropyOfAnyNumberOfClasses() {
    for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16)) {
      for (int classes : new int[] {10, 1000, 3000}) {
        Tensor target = Tensor.of(0L, classes - 1L, -100L, 1L, classes / 2L);
        for (Reduction reduction : List.of(Reduction.NONE, Reduction.MEAN, Reduction.SUM)) {
          assertSame("cross_entropy " + classes, x -> Functional.crossEntropy(x[0], target.to(x[0].device()), reduction),
              random(dtype, 5, classes));
        }
      }
    }
  }

  @Test
  void lossesOfSeveralBlocksAreAddedUp() {
    Tensor target = Tensor.arange(3 * 41 * 43).remainder(7).sub(1).reshape(3, 41, 43);
    for (DType dtype : List.of(DType.FLOAT64, DType.FLOAT32, DType.BFLOAT16)) {
      Tensor weight = Tensor.arange(6).add(1).to(dtype);
      for (Reduction reduction : List.of(Reduction.NONE, Reduction.MEAN, Reduction.SUM)) {
        Function<Tensor, Function<Tensor[], Tensor>> nll = each -> x -> Functional.nllLoss(x[0].mul(0.1),
            target.to(x[0].device()), each == weight ? weight.to(x[0].device()) : null, reduction, -1);
        assertSame("nll_loss " + reduction, nll.apply(target), random(dtype, 3, 6, 41, 43));
        assertSame("nll_loss with weights " + reduction, nll.apply(weight), random(dtype, 3, 6, 41, 43));
        assertSame("nll_loss of channels last " + reduction, x -> nll.apply(weight).apply(new Tensor[] {x[0].permute(0, 3, 1, 2)}),
            random(dtype, 3, 41, 43, 6));
        assertSame("cross_entropy " + reduction,
            x -> Functional.crossEntropy(x[0], target.flatten().to(x[0].device()), null, reduction, -1, 0),
            random(dtype, 3 * 41 * 43, 6));
      }
    }
  }

  @Test
  void logarithmsBesideLargeNumbersAreKept() {
    for (int classes : new int[] {10, 3000}) {
      Tensor target = Tensor.of(0L, classes - 1L, 1L);
      Tensor large = Tensor.full(1e8, 3, classes);
      assertSame("cross_entropy", x -> Functional.crossEntropy(x[0], target.to(x[0].device()), Reduction.NONE), large);
      assertSame("log_softmax", x -> x[0].logSoftmax(1), large);
    }
  }

  @Test
  void batchNormOfPlanesAndOfChannelsLast() {
    for (long[] sizes : new long[][] {{4, 3, 47, 49}, {2, 8, 12, 12}, {300, 12}}) {
      long c = sizes[1];
      Tensor mean = random(DType.FLOAT32, c);
      Tensor var = random(DType.FLOAT32, c).abs();
      for (boolean training : new boolean[] {true, false}) {
        Function<Tensor[], Tensor> f = x -> {
          Tensor moved = mean.clone().to(x[0].device());
          return Functional.batchNorm(x[0], moved, var.clone().to(x[0].device()), x[1], x[2], training, 0.1, 1e-5).add(moved.sum());
        };
        for (DType dtype : List.of(DType.FLOAT32, DType.BFLOAT16)) {
          Tensor x = random(dtype, sizes);
          assertSame("planes", f, x, random(DType.FLOAT32, c), random(DType.FLOAT32, c));
          if (sizes.length == 4) {
            assertSame("channels last", in -> f.apply(new Tensor[] {in[0].permute(0, 3, 1, 2), in[1], in[2]}),
                x.permute(0, 2, 3, 1).contiguous(), random(DType.FLOAT32, c), random(DType.FLOAT32, c));
          }
        }
      }
    }
  }

  @AfterAll
  static void restore() {
    SimulatedDriver.order(SimulatedDriver.Order.FORWARD);
  }

  private static Tensor random(DType dtype, long... sizes) {
    return Tensor.randn(sizes).to(dtype);
  }

  /// The result and all gradients.
  static void assertSame(String what, Function<Tensor[], Tensor> f, Tensor... inputs) {
    List<Tensor> here = resultAndGradients(f, Device.CPU, inputs);
    List<Tensor> there = resultAndGradients(f, Device.cuda(0), inputs);
    DType dtype = inputs[0].dtype();
    double tolerance = dtype == DType.FLOAT64 ? 1e-10 : dtype == DType.FLOAT32 ? 2e-5 : 0.03;
    for (int k = 0; k < here.size(); k++) {
      double distance = here.get(k).sub(there.get(k)).abs().amax().toDouble() / Math.max(1, here.get(k).abs().amax().toDouble());
      assertTrue(distance <= tolerance,
          String.format(Locale.ROOT, "%s of %s: %s differs by %.3g", what, dtype, k == 0 ? "the result" : "gradient " + (k - 1), distance));
    }
  }

  private static List<Tensor> resultAndGradients(Function<Tensor[], Tensor> f, Device device, Tensor... inputs) {
    Tensor[] leaves = Arrays.stream(inputs).map(x -> x.detach().to(device).requiresGrad_(true)).toArray(Tensor[]::new);
    Tensor y = f.apply(leaves);
    Tensor slopes = Tensor.arange(y.numel()).reshape(y.sizes()).to(y.dtype()).mul(7).cos();
    y.mul(slopes.to(device)).sum().backward();
    Stream<Tensor> gradients = Arrays.stream(leaves).map(leaf -> Objects.requireNonNull(leaf.grad()));
    return Stream.concat(Stream.of(y.detach()), gradients).map(x -> x.to(Device.CPU).to(DType.FLOAT64)).toList();
  }
}
