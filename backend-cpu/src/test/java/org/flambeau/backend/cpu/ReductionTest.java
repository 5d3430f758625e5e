package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ReductionTest {
  private static final Kernels KERNELS = new CpuBackend().kernels(0);

  /// Layouts of up to three dimensions, reduced over every subset of them.
  private static final List<Operand.Layout> LAYOUTS = List.of(Operand.Layout.contiguous(), Operand.Layout.contiguous(1),
      Operand.Layout.contiguous(37),
      Operand.Layout.contiguous(3, 70), Operand.Layout.contiguous(70, 3), Operand.Layout.contiguous(5, 40, 33),
      Operand.Layout.contiguous(9, 2, 4),
      Operand.Layout.contiguous(4, 0, 3), Operand.Layout.contiguous(2, 1100), Operand.Layout.contiguous(130, 20),
      new Operand.Layout("transposed", new long[] {40, 50}, new long[] {1, 40}, 0),
      new Operand.Layout("permuted", new long[] {5, 33, 40}, new long[] {40, 200, 1}, 1),
      new Operand.Layout("every second", new long[] {6, 40}, new long[] {80, 2}, 1),
      new Operand.Layout("broadcast", new long[] {6, 40}, new long[] {0, 1}, 0),
      new Operand.Layout("rows apart", new long[] {5, 270}, new long[] {300, 1}, 3));

  @ParameterizedTest
  @EnumSource(ReduceOp.class)
  void everyReductionOfEveryLayoutOverAnyDimensionsAgreesWithItsDefinition(ReduceOp op) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.INT32, DType.INT64, DType.UINT8, DType.BOOL)) {
      if (!dtype.isFloating() && (op == ReduceOp.MEAN || op == ReduceOp.VAR || op == ReduceOp.NORM)) {
        continue; // float dtypes only
      }
      for (Operand.Layout layout : LAYOUTS) {
        for (int subset = 0; subset < 1 << layout.sizes().length; subset++) {
          for (double parameter : op == ReduceOp.NORM ? new double[] {0, 1, 2, 3, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}
              : new double[] {1}) {
            check(op, dtype, layout, subset, parameter);
          }
        }
      }
    }
  }

  private static void check(ReduceOp op, DType dtype, Operand.Layout layout, int subset, double parameter) {
    Random random = new Random(7);
    Strided x = Operand.filled(Operand.natively(dtype, layout), i -> dtype.isFloating()
        ? op == ReduceOp.PROD ? 1 + 0.01 * random.nextGaussian() : 3 + random.nextGaussian()
        : (double) (random.nextInt(op == ReduceOp.ALL ? 40 : 5) - (op == ReduceOp.ANY ? 2 : 0)));
    long[] sizes = layout.sizes().clone();
    long count = 1;
    for (int d = 0; d < sizes.length; d++) {
      if ((subset >> d & 1) != 0) {
        count *= sizes[d];
        sizes[d] = 1;
      }
    }
    boolean predicate = op == ReduceOp.ANY || op == ReduceOp.ALL;
    Strided out = Operand.natively(op.resultOf(dtype), Operand.Layout.contiguous(sizes));
    if (count == 0 && (op == ReduceOp.AMAX || op == ReduceOp.AMIN)) {
      return; // core refuses it
    }
    KERNELS.reduce(op, out, x, parameter);
    double[] expected = expected(op, x, sizes, out.numel(), count, parameter);
    for (int i = 0; i < expected.length; i++) {
      String what = op + " " + parameter + " of " + dtype.label() + " " + layout.name() + " " + java.util.Arrays.toString(layout.sizes())
          + " over "
          + Integer.toBinaryString(subset);
      if (dtype.isFloating() && !predicate) {
        double rounded = Operand.rounded(dtype, expected[i]);
        double tolerance = Double.isNaN(rounded) || Double.isInfinite(rounded) ? 0
            : dtype == DType.FLOAT64 ? 1e-12 * Math.abs(rounded) + 1e-28
            : dtype == DType.FLOAT32 ? (op == ReduceOp.PROD ? 1e-5 : 1e-6) * Math.abs(rounded) + 1e-7 : Operand.ulp(dtype, rounded) + 1e-28;
        assertEquals(rounded, Operand.get(out, i), tolerance, what);
      } else {
        assertEquals((long) expected[i], Operand.getLong(out, i), what);
      }
    }
  }

  private static double[] expected(ReduceOp op, Strided x, long[] outSizes, long outputs, long n, double p) {
    double[] sum = new double[(int) outputs];
    double[] mean = new double[(int) outputs];
    boolean integral = x.dtype().isIntegral();
    double init = switch (op) {
      case PROD, ALL -> 1;
      case AMAX -> Double.NEGATIVE_INFINITY;
      case AMIN -> Double.POSITIVE_INFINITY;
      case NORM -> p == Double.NEGATIVE_INFINITY ? Double.POSITIVE_INFINITY : 0;
      default -> 0;
    };
    java.util.Arrays.fill(sum, init);
    for (int pass = 0; pass < 2; pass++) {
      for (long i = 0; i < x.numel(); i++) {
        double v = integral ? Operand.getLong(x, i) : Operand.get(x, i);
        int o = output(x, outSizes, i);
        if (pass == 0) {
          mean[o] += v / n;
        } else {
          sum[o] = switch (op) {
            case SUM, MEAN -> sum[o] + v;
            case PROD -> integral ? (double) ((long) sum[o] * (long) v) : sum[o] * v;
            case AMAX -> Math.max(sum[o], v);
            case AMIN -> Math.min(sum[o], v);
            case VAR -> sum[o] + (v - mean[o]) * (v - mean[o]);
            case ANY -> sum[o] != 0 || v != 0 ? 1 : 0;
            case ALL -> sum[o] != 0 && v != 0 ? 1 : 0;
            case NORM -> p == 0 ? sum[o] + (v != 0 ? 1 : 0)
                : p == Double.POSITIVE_INFINITY ? Math.max(sum[o], Math.abs(v))
                : p == Double.NEGATIVE_INFINITY ? Math.min(sum[o], Math.abs(v))
                : sum[o] + Math.pow(Math.abs(v), p);
          };
        }
      }
    }
    for (int o = 0; o < outputs; o++) {
      if (op == ReduceOp.MEAN) {
        sum[o] /= n;
      } else if (op == ReduceOp.VAR) {
        sum[o] /= Math.max(0, n - p);
      } else if (op == ReduceOp.NORM && p != 0 && !Double.isInfinite(p)) {
        sum[o] = Math.pow(sum[o], 1 / p);
      }
    }
    return sum;
  }

  private static int output(Strided x, long[] outSizes, long i) {
    long rest = i;
    long output = 0;
    long step = 1;
    for (int d = x.rank() - 1; d >= 0; d--) {
      long index = rest % x.size(d);
      rest /= x.size(d);
      if (outSizes[d] == x.size(d)) {
        output += index * step;
      }
      step *= outSizes[d];
    }
    return (int) output;
  }

  @Test
  void sumsOfAMillionFloatsAreAsPreciseAsPairwiseOnes() {
    int n = 1_000_003;
    Random random = new Random(1);
    double[] exact = new double[1];
    Strided x = Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(n)), i -> {
      double v = (float) random.nextDouble();
      exact[0] += v;
      return v;
    });
    Strided out = Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(1));
    KERNELS.reduce(ReduceOp.SUM, out, x, 0);
    assertEquals(exact[0], Operand.get(out, 0), 2 * Math.ulp((float) exact[0]));
    Strided tall = x.with(0, new long[] {333_334, 3}, new long[] {3, 1});
    Strided columns = Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(1, 3));
    KERNELS.reduce(ReduceOp.SUM, columns, tall, 0);
    double sum = Operand.get(columns, 0) + Operand.get(columns, 1) + Operand.get(columns, 2) + Operand.get(x, n - 1);
    assertEquals(exact[0], sum, 4 * Math.ulp((float) exact[0]));
  }

  /// Large numbers, whose exponentials overflow, and some outputs that are infinite or not a number.
  @Test
  void theLogarithmOfSummedExponentialsAgreesWithItsDefinition() {
    List<Operand.Layout> layouts = Stream.concat(LAYOUTS.stream().filter(layout -> layout.extent() > 0),
        Stream.of(Operand.Layout.contiguous(3, 5001), Operand.Layout.contiguous(5001, 3), Operand.Layout.contiguous(40, 1100))).toList();
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16)) {
      for (Operand.Layout layout : layouts) {
        for (int subset = 0; subset < 1 << layout.sizes().length; subset++) {
          checkLogSumExp(dtype, layout, subset);
        }
      }
    }
  }

  private static void checkLogSumExp(DType dtype, Operand.Layout layout, int subset) {
    Random random = new Random(7);
    Strided x = Operand.filled(Operand.natively(dtype, layout), i -> i == 5 ? Double.NaN
        : i == 8 ? Double.POSITIVE_INFINITY : i % 7 == 3 ? Double.NEGATIVE_INFINITY : 300 + 5 * random.nextGaussian());
    long[] sizes = layout.sizes().clone();
    for (int d = 0; d < sizes.length; d++) {
      sizes[d] = (subset >> d & 1) != 0 ? 1 : sizes[d];
    }
    Strided out = Operand.natively(dtype, Operand.Layout.contiguous(sizes));
    KERNELS.logSumExp(out, x);
    double[] largest = new double[(int) out.numel()];
    double[] sum = new double[largest.length];
    java.util.Arrays.fill(largest, Double.NEGATIVE_INFINITY);
    for (long i = 0; i < x.numel(); i++) {
      int o = output(x, sizes, i);
      largest[o] = Math.max(largest[o], Operand.get(x, i));
    }
    for (long i = 0; i < x.numel(); i++) {
      int o = output(x, sizes, i);
      sum[o] += Math.exp(Operand.get(x, i) - largest[o]);
    }
    for (int o = 0; o < sum.length; o++) {
      double expected = Double.isInfinite(largest[o]) ? largest[o] : Operand.rounded(dtype, largest[o] + Math.log(sum[o]));
      double tolerance = !Double.isFinite(expected) ? 0 : dtype == DType.FLOAT64 ? 1e-12 * expected : Operand.ulp(dtype, expected);
      assertEquals(expected, Operand.get(out, o), tolerance, dtype.label() + " " + layout + " over " + Integer.toBinaryString(subset));
    }
  }

  @Test
  void theVarianceOfValuesFarFromZeroKeepsItsDigits() {
    Random random = new Random(1);
    Strided x = Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(100_000)), i -> 10_000 + random.nextGaussian());
    double mean = 0;
    for (int i = 0; i < 100_000; i++) {
      mean += Operand.get(x, i) / 100_000;
    }
    double squares = 0;
    for (int i = 0; i < 100_000; i++) {
      squares += Math.pow(Operand.get(x, i) - mean, 2);
    }
    Strided out = Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(1));
    KERNELS.reduce(ReduceOp.VAR, out, x, 1);
    assertEquals(squares / 99_999, Operand.get(out, 0), 1e-6);
  }

  @Test
  void nanIsBeyondAll() {
    Strided x = Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(100)), i -> i == 57 || i == 80 ? Double.NaN : i);
    Strided out = Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(1));
    Strided index = Operand.onHeap(DType.INT64, Operand.Layout.contiguous(1));
    for (boolean largest : new boolean[] {true, false}) {
      KERNELS.reduce(largest ? ReduceOp.AMAX : ReduceOp.AMIN, out, x, 0);
      assertTrue(Double.isNaN(Operand.get(out, 0)));
      KERNELS.argReduce(largest, out, index, x, 0);
      assertTrue(Double.isNaN(Operand.get(out, 0)));
      assertEquals(57, Operand.getLong(index, 0));
    }
  }

  @Test
  void theFirstOfEqualElementsIsFoundAlongAnyDimension() {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.INT32, DType.INT64, DType.UINT8)) {
      Random random = new Random(3);
      Strided x = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(3, 1500, 4)), i -> (double) random.nextInt(100));
      for (int dim = 0; dim < 3; dim++) {
        for (boolean largest : new boolean[] {true, false}) {
          long[] sizes = x.sizes().clone();
          sizes[dim] = 1;
          Strided values = Operand.natively(dtype, Operand.Layout.contiguous(sizes));
          Strided indices = Operand.natively(DType.INT64, Operand.Layout.contiguous(sizes));
          KERNELS.argReduce(largest, values, indices, x, dim);
          long inner = x.stride(dim);
          for (long i = 0; i < indices.numel(); i++) {
            long start = i / inner * inner * x.size(dim) + i % inner;
            long best = 0;
            for (long j = 1; j < x.size(dim); j++) {
              double candidate = Operand.get(x, start + j * inner);
              double soFar = Operand.get(x, start + best * inner);
              best = largest ? candidate > soFar ? j : best : candidate < soFar ? j : best;
            }
            assertEquals(best, Operand.getLong(indices, i), dtype.label() + " along " + dim);
            assertEquals(Operand.get(x, start + best * inner), Operand.get(values, i));
          }
        }
      }
    }
  }

  @Test
  void resultsDoNotDependOnTheOutputsPlace() {
    Strided x = Operand.random(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(40, 50)), 1);
    Operand.filled(x, i -> (double) i);
    Strided out = Operand.onHeap(DType.FLOAT32, new Operand.Layout("every third", new long[] {40, 1}, new long[] {3, 1}, 2));
    KERNELS.reduce(ReduceOp.SUM, out, x, 0);
    for (int i = 0; i < 40; i++) {
      assertEquals(50.0 * 50 * i + 49 * 25, Operand.get(out, i));
    }
  }
}
