package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;

import org.flambeau.DType;
import org.flambeau.Device;
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

      gpu.kernels().batchNormEvaluate(x, rstd, x, mean, var, null, null, eps);

      assertArrayEquals(new double[] {0.5, 0.25}, arrays.read(rstd));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void imagesWithoutChannelsHaveNothingToBeNormalised(boolean training) {
    Strided x = arrays.empty(DType.FLOAT32, 3, 0, 4, 4);
    Strided none = arrays.empty(DType.FLOAT32, 0);

    assertDoesNotThrow(() -> {
      gpu.kernels().batchNormStatistics(none, none, x, none, none, 0.1, 1e-5);
      gpu.kernels().batchNormApply(x, x, none, none, none, none, null, Activation.NONE);
      gpu.kernels().batchNormBackward(x, none, none, x, x, none, none, none, training);
      gpu.synchronize();
    });
  }
}
