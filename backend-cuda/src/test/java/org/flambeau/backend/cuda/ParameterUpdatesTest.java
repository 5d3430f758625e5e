package org.flambeau.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.FusedOp;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Optimizers' steps on the simulated GPU beside the formulas in float64.
class ParameterUpdatesTest extends KernelTest {
  private static Kernels kernels() {
    return gpu.kernels();
  }

  /// Elements of `depth` operands of several tensors, and the same on the GPU, some of them not aligned.
  private static final class Operands {
    private final double[][][] values;
    private final Strided[][] there;

    Operands(DType dtype, int depth, int... sizes) {
      Random random = new Random(5);
      values = new double[depth][sizes.length][];
      there = new Strided[depth][sizes.length];
      for (int k = 0; k < depth; k++) {
        for (int t = 0; t < sizes.length; t++) {
          int least = k < 3 ? -1 : 0; // averages of squares are not negative
          values[k][t] = random.doubles(sizes[t], least, 1).map(x -> DeviceArrays.stored(dtype, x)).toArray();
          there[k][t] = arrays.write(arrays.strided(dtype, t % 3, new long[] {sizes[t]}, new long[] {1}), values[k][t]);
        }
      }
    }

    private double[] each(int k) {
      return Arrays.stream(values[k]).flatMapToDouble(Arrays::stream).toArray();
    }

    void check(DType dtype, String what) {
      double tolerance = switch (dtype) {
        case FLOAT64 -> 1e-14;
        case FLOAT32 -> 2e-6;
        case FLOAT16 -> 2e-3;
        default -> 1.6e-2;
      };
      for (int k = 0; k < values.length; k++) {
        double[] ours = Arrays.stream(there[k]).flatMapToDouble(x -> Arrays.stream(arrays.read(x))).toArray();
        assertArrayEquals(each(k), ours, k == 1 ? 0 : tolerance, what + ", operand " + k);
      }
    }
  }

  private static Strided host(double value) {
    byte[] bytes = new byte[8];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putDouble(value);
    return Strided.contiguous(new Storage(Device.CPU, bytes), DType.FLOAT64, new long[0]);
  }

  private static Strided device(DType dtype, double value) {
    return arrays.of(dtype, new long[0], value);
  }

  private static void sgd(Operands x, boolean first, double lr, double momentum, double dampening, double decay, boolean nesterov,
      boolean maximize) {
    for (int t = 0; t < x.values[0].length; t++) {
      for (int i = 0; i < x.values[0][t].length; i++) {
        double p = x.values[0][t][i];
        double g = (maximize ? -1 : 1) * x.values[1][t][i] + decay * p;
        double way = g;
        if (x.values.length > 2) {
          double v = first ? g : momentum * x.values[2][t][i] + (1 - dampening) * g;
          x.values[2][t][i] = v;
          way = nesterov ? g + momentum * v : v;
        }
        x.values[0][t][i] = p - lr * way;
      }
    }
  }

  private static void adam(Operands x, double lr, double step, double beta1, double beta2, double eps, double decay, boolean decoupled,
      boolean maximize) {
    for (int t = 0; t < x.values[0].length; t++) {
      for (int i = 0; i < x.values[0][t].length; i++) {
        double p = x.values[0][t][i];
        double g = (maximize ? -1 : 1) * x.values[1][t][i] + (decoupled ? 0 : decay * p);
        double m = x.values[2][t][i] += (1 - beta1) * (g - x.values[2][t][i]);
        double u = x.values[3][t][i] = beta2 * x.values[3][t][i] + (1 - beta2) * g * g;
        if (x.values.length > 4) {
          u = x.values[4][t][i] = Math.max(x.values[4][t][i], u);
        }
        p *= decoupled ? 1 - lr * decay : 1;
        x.values[0][t][i] = p - lr / (1 - Math.pow(beta1, step)) * m / (Math.sqrt(u) / Math.sqrt(1 - Math.pow(beta2, step)) + eps);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void descentOfEveryDtypeAndKindFollowsItsFormula(DType dtype) {
    int[] sizes = {1, 7, 8192, 8193, 20000, 0, 64};
    Operands plain = new Operands(dtype, 2, sizes);
    kernels().sgdStep(plain.there[0], plain.there[1], null, true, host(0.1), 0, 0, 0.01, false, true);
    sgd(plain, true, 0.1, 0, 0, 0.01, false, true);
    plain.check(dtype, "plain");
    Operands moved = new Operands(dtype, 3, sizes);
    kernels().sgdStep(moved.there[0], moved.there[1], moved.there[2], true, host(0.1), 0.9, 0.5, 0.01, false, false);
    sgd(moved, true, 0.1, 0.9, 0.5, 0.01, false, false);
    moved.check(dtype, "first step");
    Operands further = new Operands(dtype, 3, sizes);
    kernels().sgdStep(further.there[0], further.there[1], further.there[2], false, device(DType.FLOAT32, 0.125), 0.9, 0.5, 0.01, true,
        false);
    sgd(further, false, 0.125, 0.9, 0.5, 0.01, true, false);
    further.check(dtype, "nesterov");
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void adamOfEveryDtypeAndKindFollowsItsFormula(DType dtype) {
    int[] sizes = {1, 7, 8192, 8193, 20000, 0, 64};
    Operands plain = new Operands(dtype, 4, sizes);
    kernels().adamStep(plain.there[0], plain.there[1], plain.there[2], plain.there[3], null, host(0.01), host(3), 0.9, 0.99, 1e-3, 0.1,
        false,
        true);
    adam(plain, 0.01, 3, 0.9, 0.99, 1e-3, 0.1, false, true);
    plain.check(dtype, "Adam");
    Operands largest = new Operands(dtype, 5, sizes);
    kernels().adamStep(largest.there[0], largest.there[1], largest.there[2], largest.there[3], largest.there[4],
        device(DType.FLOAT64, 0.01),
        device(DType.INT64, 3), 0.9, 0.99, 1e-3, 0.1, true, false);
    adam(largest, 0.01, 3, 0.9, 0.99, 1e-3, 0.1, true, false);
    largest.check(dtype, "AdamW with amsgrad");
  }

  @Test
  void moreTensorsThanOneLaunchTakesAreAllUpdated() {
    int[] sizes = IntStream.range(0, 300).map(i -> i % 9).toArray();
    for (int depth = 2; depth <= 5; depth++) {
      Operands x = new Operands(DType.FLOAT32, depth, sizes);
      if (depth < 4) {
        kernels().sgdStep(x.there[0], x.there[1], depth == 2 ? null : x.there[2], false, host(0.1), 0.5, 0, 0, false, false);
        sgd(x, false, 0.1, 0.5, 0, 0, false, false);
      } else {
        kernels().adamStep(x.there[0], x.there[1], x.there[2], x.there[3], depth == 4 ? null : x.there[4], host(0.1), host(1), 0.9, 0.99,
            1e-3,
            0, false, false);
        adam(x, 0.1, 1, 0.9, 0.99, 1e-3, 0, false, false);
      }
      x.check(DType.FLOAT32, depth + " operands");
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64", "INT64", "INT32"})
  void theLearningRateAndTheStepAreReadOnTheDeviceInTheirDtype(DType dtype) {
    Operands x = new Operands(DType.FLOAT64, 4, 10);
    kernels().adamStep(x.there[0], x.there[1], x.there[2], x.there[3], null, device(dtype, 2), device(dtype, 5), 0.9, 0.99, 1e-3, 0, false,
        false);
    adam(x, 2, 5, 0.9, 0.99, 1e-3, 0, false, false);
    x.check(DType.FLOAT64, "step in " + dtype);
  }

  @Test
  void onlyRealParametersAndNumbersAreTaken() {
    assertEquals(true, kernels().supports(FusedOp.ADAM_STEP, arrays.empty(DType.BFLOAT16, 1)));
    assertEquals(false, kernels().supports(FusedOp.SGD_STEP, arrays.empty(DType.INT32, 1)));
    Strided[] x = {arrays.empty(DType.FLOAT32, 1)};
    assertThrows(IllegalArgumentException.class, () -> kernels().sgdStep(x, x, null, true, device(DType.BOOL, 1), 0, 0, 0, false, false));
  }
}
