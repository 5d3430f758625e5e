package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.backend.cuda.binding.SimulatedDriver;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What the op table cannot ask: results that no output shows.
class BatchNormTest extends KernelTest {
  /// Gradients of the parameters are multiplied by it.
  @Test
  void evaluationOfNoImagesLeavesTheirScaleAllTheSame() {
    for (long[] none : new long[][] {{0, 2, 4, 4}, {3, 2, 0, 4}, {0, 2}}) {
      Strided x = arrays.empty(DType.FLOAT32, none);
      Strided rstd = arrays.of(DType.FLOAT32, new long[] {2}, Double.NaN, Double.NaN);
      Strided mean = arrays.of(DType.FLOAT32, new long[] {2}, 5, 6);
      Strided var = arrays.of(DType.FLOAT32, new long[] {2}, 4, 16);
      Strided eps = Strided.contiguous(new Storage(Device.CPU, new byte[Double.BYTES]), DType.FLOAT64, new long[0]);

      gpu.kernels().batchNormEvaluate(x, rstd, x, mean, var, null, null, null, Activation.NONE, eps);

      assertArrayEquals(new double[] {0.5, 0.25}, arrays.read(rstd));
    }
  }

  /// Their squares are not finite in float32. Channels, images and pixels are enough for several blocks of each.
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void largeImagesThatAreAllTheSameHaveNoVariance(boolean channelsLast) {
    long[] sizes = {2, 4, 128, 128};
    double[] values = new double[2 * 4 * 128 * 128];
    Arrays.fill(values, 0x1p67);
    Strided x = arrays.write(arrays.strided(DType.FLOAT32, 0, sizes,
        channelsLast ? new long[] {4 * 128 * 128, 1, 4 * 128, 4} : Strided.contiguousStrides(sizes)), values);
    Strided mean = arrays.empty(DType.FLOAT32, 4);
    Strided rstd = arrays.empty(DType.FLOAT32, 4);

    gpu.kernels().batchNormStatistics(mean, rstd, x, null, null, null, 0.1, 0.25);

    assertArrayEquals(new double[] {0x1p67, 0x1p67, 0x1p67, 0x1p67}, arrays.read(mean));
    assertArrayEquals(new double[] {2, 2, 2, 2}, arrays.read(rstd));
  }

  @Test
  void movingTheStatisticsOfManyChannelsIsCountedOnceWithoutAKernelOfItsOwn() {
    Strided x = arrays.write(arrays.empty(DType.FLOAT32, 2, 40, 1, 1), IntStream.range(0, 80).asDoubleStream().toArray());
    Strided mean = arrays.empty(DType.FLOAT32, 40);
    Strided running = arrays.of(DType.FLOAT32, new long[] {40}, new double[40]);
    Strided batches = arrays.of(DType.INT64, new long[0], (1L << 40) - 1);

    var work = SimulatedDriver.work(() -> gpu.kernels().batchNormStatistics(mean, mean, x, running, running, batches, 0.1, 1e-5));

    assertEquals(2, work.kernels());
    assertArrayEquals(new double[] {1L << 40}, arrays.read(batches));
  }

  /// It is neither copied nor looked at.
  @Test
  void withGivenStatisticsAndNoGradientsOfParametersOnlyTheGradientIsRead() {
    Strided x = arrays.strided(DType.FLOAT32, 1, new long[] {2, 3, 4, 4}, new long[] {1, 128, 2, 16});
    Strided grad = arrays.of(DType.FLOAT32, new long[] {2, 3, 4, 4}, IntStream.range(0, 96).asDoubleStream().toArray());
    Strided gradX = arrays.empty(DType.FLOAT32, 2, 3, 4, 4);
    Strided mean = arrays.of(DType.FLOAT32, new long[] {3}, 5, 6, 7);
    Strided rstd = arrays.of(DType.FLOAT32, new long[] {3}, 2, 2, 2);

    var work = SimulatedDriver.work(() -> gpu.kernels().batchNormBackward(gradX, null, null, null, grad, null, x, mean, rstd, null, false));

    assertEquals(1, work.kernels());
    assertArrayEquals(IntStream.range(0, 96).mapToDouble(i -> 2 * i).toArray(), arrays.read(gradX));
  }

  /// What ReLU lets through is found as the gradient is first read, and kept for the residual.
  @Test
  void theGradientThroughReluTakesNoKernelOfItsOwn() {
    Strided x = arrays.of(DType.FLOAT32, new long[] {2, 1, 1, 2}, 1, 2, 3, 4);
    Strided grad = arrays.of(DType.FLOAT32, new long[] {2, 1, 1, 2}, 5, 6, 7, 8);
    Strided y = arrays.of(DType.FLOAT32, new long[] {2, 1, 1, 2}, 1, 0, -0.0, Double.NaN);
    Strided gradX = arrays.empty(DType.FLOAT32, 2, 1, 1, 2);
    Strided gradResidual = arrays.empty(DType.FLOAT32, 2, 1, 1, 2);
    Strided gradBias = arrays.empty(DType.FLOAT32, 1);
    Strided mean = arrays.of(DType.FLOAT32, new long[] {1}, 2.5);
    Strided rstd = arrays.of(DType.FLOAT32, new long[] {1}, 1);

    var work = SimulatedDriver
        .work(() -> gpu.kernels().batchNormBackward(gradX, null, gradBias, gradResidual, grad, y, x, mean, rstd, null, true));

    assertEquals(3, work.kernels());
    assertArrayEquals(new double[] {5, 0, 0, 8}, arrays.read(gradResidual));
    assertArrayEquals(new double[] {13}, arrays.read(gradBias));
    assertArrayEquals(new double[] {3.4375, -2.6875, -3.8125, 3.0625}, arrays.read(gradX));
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void imagesWithoutChannelsHaveNothingToBeNormalised(boolean training) {
    Strided x = arrays.empty(DType.FLOAT32, 3, 0, 4, 4);
    Strided none = arrays.empty(DType.FLOAT32, 0);

    assertDoesNotThrow(() -> {
      gpu.kernels().batchNormStatistics(none, none, x, none, none, null, 0.1, 1e-5);
      gpu.kernels().batchNormApply(x, x, none, none, none, none, null, Activation.NONE);
      gpu.kernels().batchNormBackward(x, none, none, x, x, x, x, none, none, none, training);
      gpu.synchronize();
    });
  }
}
