package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.address;
import static org.flambeau.backend.cpu.TestMemory.channelsLast;
import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.scrambled;
import static org.flambeau.backend.cpu.TestMemory.wholes;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PoolKernelsTest {
  private static final int N = 2;
  private static final int C = 19;
  private static final int H = 9;
  private static final int W = 11;

  private static final PoolSpec[] SPECS = {
    new PoolSpec(3, 3, 2, 2, 1, 1, 1, 1, false, true, 0),
    new PoolSpec(2, 2, 2, 2, 0, 0, 1, 1, true, true, 0),
    new PoolSpec(3, 2, 1, 3, 1, 1, 1, 1, true, false, 0),
    new PoolSpec(1, 1, 1, 1, 0, 0, 1, 1, false, true, 0),
    new PoolSpec(4, 5, 3, 4, 2, 2, 1, 1, true, false, 7),
    new PoolSpec(9, 11, 9, 11, 0, 0, 1, 1, false, true, 0)};

  enum Layout {
    CONTIGUOUS,
    CHANNELS_LAST,
    SCRAMBLED;

    Strided make(DType dtype, long n, long c, long h, long w) {
      return switch (this) {
        case CONTIGUOUS -> zeros(dtype, n, c, h, w);
        case CHANNELS_LAST -> channelsLast(dtype, n, c, h, w);
        case SCRAMBLED -> scrambled(dtype, n, c, h, w);
      };
    }
  }

  static Stream<Arguments> cases() {
    return Stream.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.FLOAT16, DType.INT64)
        .flatMap(dtype -> Stream.of(Layout.values()).map(layout -> Arguments.of(dtype, layout)));
  }

  private static long outSize(long in, int kernel, int stride, int pad, int dilation, boolean ceil) {
    long size = ceil ? ConvSpec.outputSize(in + stride - 1, kernel, stride, pad, dilation)
        : ConvSpec.outputSize(in, kernel, stride, pad, dilation);
    return ceil && (size - 1) * stride >= in + pad ? size - 1 : size;
  }

  private static Strided result(Layout layout, DType dtype, Strided x, PoolSpec p) {
    return layout.make(dtype, x.size(0), x.size(1), outSize(x.size(2), p.kernelH(), p.strideH(), p.padH(), p.dilationH(), p.ceilMode()),
        outSize(x.size(3), p.kernelW(), p.strideW(), p.padW(), p.dilationW(), p.ceilMode()));
  }

  private static double get(Strided operand, long... at) {
    return Element.of(operand.dtype()).getDouble(address(operand, at));
  }

  private static void add(double[] sums, Strided like, double value, long... at) {
    sums[(int) (((at[0] * like.size(1) + at[1]) * like.size(2) + at[2]) * like.size(3) + at[3])] += value;
  }

  /// Ties everywhere, since so few values are possible.
  private static Strided fill(Strided x, int seed, boolean nan) {
    Random random = new Random(seed);
    return reals(x, i -> nan && random.nextInt(9) == 0 ? Double.NaN : nan && random.nextInt(3) == 0 ? Double.NEGATIVE_INFINITY
        : random.nextInt(7) - 3);
  }

  private static double tolerance(DType dtype) {
    return dtype == DType.FLOAT64 ? 1e-14 : dtype == DType.FLOAT32 ? 1e-6 : dtype == DType.INT64 ? 0 : 0.02;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void maxPoolTakesTheFirstOfEqualsAndTheLastNan(DType dtype, Layout layout) {
    for (PoolSpec spec : SPECS) {
      for (PoolSpec p : new PoolSpec[] {spec, new PoolSpec(2, 3, spec.strideH(), spec.strideW(), 1, 1, 3, 2, spec.ceilMode(), true, 0),
        new PoolSpec(4, 3, spec.strideH(), spec.strideW(), 2, 1, 2, 3, spec.ceilMode(), true, 0)}) {
        Strided x = fill(layout.make(dtype, N, C, H, W), 1, dtype.isFloating());
        Strided out = result(layout, dtype, x, p);
        Strided indices = result(layout, DType.INT64, x, p);
        MaxPoolKernels.maxPool2d(out, indices, x, p);
        Strided alone = result(layout, dtype, x, p);
        MaxPoolKernels.maxPool2d(alone, null, x, p);
        Strided grad = fill(result(layout, dtype, x, p), 2, false);
        double[] expectedGrad = new double[N * C * H * W];
        for (long i = 0; i < out.numel(); i++) {
          long[] at = TestMemory.coordinates(out.sizes(), i);
          double best = Double.NEGATIVE_INFINITY;
          long place = -1;
          for (int k = 0; k < p.kernelH(); k++) {
            for (int j = 0; j < p.kernelW(); j++) {
              long h = at[2] * p.strideH() - p.padH() + (long) k * p.dilationH();
              long w = at[3] * p.strideW() - p.padW() + (long) j * p.dilationW();
              if (h >= 0 && h < H && w >= 0 && w < W) {
                double value = get(x, at[0], at[1], h, w);
                if (place < 0 || value > best || Double.isNaN(value)) {
                  best = value;
                  place = h * W + w;
                }
              }
            }
          }
          assertEquals(best, get(out, at), p + " at " + i);
          assertEquals(best, get(alone, at), p + " without places, at " + i);
          assertEquals(place, (long) get(indices, at), p + " at " + i);
          add(expectedGrad, x, get(grad, at), at[0], at[1], place / W, place % W);
        }
        Strided gradX = layout.make(dtype, N, C, H, W);
        MaxPoolGradients.scatter(gradX, grad, indices);
        assertArrayEquals(expectedGrad, reals(gradX), p.toString());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void avgPoolDividesByWhatItCounts(DType dtype, Layout layout) {
    for (PoolSpec p : SPECS) {
      Strided x = fill(layout.make(dtype, N, C, H, W), 3, false);
      Strided out = result(layout, dtype, x, p);
      AvgPoolKernels.avgPool2d(out, x, p);
      Strided grad = fill(result(layout, dtype, x, p), 4, false);
      double[] expectedGrad = new double[N * C * H * W];
      for (long i = 0; i < out.numel(); i++) {
        long[] at = TestMemory.coordinates(out.sizes(), i);
        long top = at[2] * p.strideH() - p.padH();
        long left = at[3] * p.strideW() - p.padW();
        long bottom = Math.min(top + p.kernelH(), H + p.padH());
        long right = Math.min(left + p.kernelW(), W + p.padW());
        double divisor = (bottom - top) * (right - left);
        top = Math.max(top, 0);
        left = Math.max(left, 0);
        bottom = Math.min(bottom, H);
        right = Math.min(right, W);
        divisor = p.divisor() != 0 ? p.divisor() : p.countIncludePad() ? divisor : (bottom - top) * (right - left);
        double sum = 0;
        for (long h = top; h < bottom; h++) {
          for (long w = left; w < right; w++) {
            sum += get(x, at[0], at[1], h, w);
            add(expectedGrad, x, get(grad, at) / divisor, at[0], at[1], h, w);
          }
        }
        double expected = dtype == DType.INT64 ? (long) (sum / divisor) : sum / divisor;
        assertEquals(expected, get(out, at), tolerance(dtype), p + " at " + i);
      }
      if (dtype.isFloating()) {
        Strided gradX = layout.make(dtype, N, C, H, W);
        AvgPoolKernels.avgPool2dBackward(gradX, grad, p);
        assertArrayEquals(expectedGrad, reals(gradX), 5 * tolerance(dtype), p.toString());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void adaptiveWindowsShareTheImage(DType dtype, Layout layout) {
    if (!dtype.isFloating()) {
      return;
    }
    for (int[] size : new int[][] {{1, 1}, {4, 3}, {9, 11}, {13, 2}}) {
      Strided x = fill(layout.make(dtype, N, C, H, W), 5, false);
      Strided out = layout.make(dtype, N, C, size[0], size[1]);
      AvgPoolKernels.adaptiveAvgPool2d(out, x);
      Strided grad = fill(layout.make(dtype, N, C, size[0], size[1]), 6, false);
      double[] expectedGrad = new double[N * C * H * W];
      for (long i = 0; i < out.numel(); i++) {
        long[] at = TestMemory.coordinates(out.sizes(), i);
        long top = at[2] * H / size[0];
        long bottom = Math.ceilDiv((at[2] + 1) * H, size[0]);
        long left = at[3] * W / size[1];
        long right = Math.ceilDiv((at[3] + 1) * W, size[1]);
        double area = (bottom - top) * (right - left);
        double sum = 0;
        for (long h = top; h < bottom; h++) {
          for (long w = left; w < right; w++) {
            sum += get(x, at[0], at[1], h, w);
            add(expectedGrad, x, get(grad, at) / area, at[0], at[1], h, w);
          }
        }
        assertEquals(sum / area, get(out, at), tolerance(dtype), "at " + i);
      }
      Strided gradX = layout.make(dtype, N, C, H, W);
      AvgPoolKernels.adaptiveAvgPool2dBackward(gradX, grad);
      assertArrayEquals(expectedGrad, reals(gradX), 5 * tolerance(dtype));
    }
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT32", "FLOAT64"})
  void imagesWithoutABatchAndWindowsOfNothingButMinusInfinity(DType dtype) {
    Strided x = reals(zeros(dtype, 1, 4, 4), i -> Double.NEGATIVE_INFINITY);
    Strided out = zeros(dtype, 1, 2, 2);
    Strided indices = zeros(DType.INT64, 1, 2, 2);
    MaxPoolKernels.maxPool2d(out, indices, x, SPECS[0]);
    assertArrayEquals(new long[] {0, 1, 4, 5}, wholes(indices));
    assertEquals(Double.NEGATIVE_INFINITY, reals(out)[3]);
  }

  /// The expected numbers are PyTorch's for `(torch.arange(35) * 17 % 23).view(1, 1, 5, 7)`.
  @Test
  void theNumbersArePyTorchs() {
    Strided x = reals(zeros(DType.FLOAT32, 1, 1, 5, 7), i -> i * 17 % 23);
    Strided indices;
    Strided out;
    out = zeros(DType.FLOAT32, 1, 1, 3, 4);
    indices = zeros(DType.INT64, 1, 1, 3, 4);
    MaxPoolKernels.maxPool2d(out, indices, x, new PoolSpec(3, 3, 2, 2, 1, 1, 1, 1, true, true, 0));
    assertArrayEquals(new double[] {21, 21, 22, 20, 21, 21, 20, 22, 16, 21, 21, 22}, reals(out));
    assertArrayEquals(new long[] {8, 8, 4, 12, 8, 8, 12, 27, 28, 31, 31, 27}, wholes(indices));
    out = zeros(DType.FLOAT32, 1, 1, 5, 3);
    indices = zeros(DType.INT64, 1, 1, 5, 3);
    MaxPoolKernels.maxPool2d(out, indices, x, new PoolSpec(2, 3, 1, 2, 1, 1, 2, 2, false, true, 0));
    assertArrayEquals(new double[] {21, 21, 20, 17, 17, 16, 21, 21, 20, 21, 21, 21, 17, 17, 17}, reals(out));
    assertArrayEquals(new long[] {8, 8, 12, 1, 1, 5, 8, 8, 12, 31, 31, 31, 24, 24, 24}, wholes(indices));
    out = zeros(DType.FLOAT32, 1, 1, 3, 3);
    AvgPoolKernels.avgPool2d(out, x, new PoolSpec(3, 2, 2, 3, 1, 1, 1, 1, true, true, 0));
    assertArrayEquals(
        new double[] {0.6666666865348816, 6.666666507720947, 10, 4, 12.166666984558105, 13.333333015441895, 4.666666507720947, 7, 6.5},
        reals(out), 1e-6);
    out = zeros(DType.FLOAT32, 1, 1, 3, 3);
    AvgPoolKernels.avgPool2d(out, x, new PoolSpec(3, 2, 2, 3, 1, 1, 1, 1, true, false, 0));
    assertArrayEquals(new double[] {2, 10, 15, 8, 12.166666984558105, 13.333333015441895, 14, 10.5, 9.75}, reals(out), 1e-6);
    out = zeros(DType.FLOAT32, 1, 1, 3, 3);
    AvgPoolKernels.avgPool2d(out, x, new PoolSpec(3, 2, 2, 3, 1, 1, 1, 1, true, true, 4));
    assertArrayEquals(new double[] {1, 10, 15, 6, 18.25, 20, 7, 10.5, 9.75}, reals(out), 1e-6);
    out = zeros(DType.FLOAT32, 1, 1, 3, 4);
    AvgPoolKernels.adaptiveAvgPool2d(out, x);
    assertArrayEquals(new double[] {10.5, 13, 12.5, 15, 8.833333015441895, 11.333333015441895, 9.55555534362793, 13.333333015441895, 11,
      9.666666984558105,
      13, 9.75}, reals(out), 1e-6);
  }

  @Test
  void aPositionOutsideOfThePlaneIsRefused() {
    Strided indices = wholes(zeros(DType.INT64, 1, 1, 1, 1), i -> 4);
    Strided gradX = zeros(DType.FLOAT32, 1, 1, 2, 2);
    Strided grad = zeros(DType.FLOAT32, 1, 1, 1, 1);
    assertThrows(IndexOutOfBoundsException.class, () -> MaxPoolGradients.scatter(gradX, grad, indices));
  }
}
