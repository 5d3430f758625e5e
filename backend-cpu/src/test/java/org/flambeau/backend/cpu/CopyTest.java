package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.SHORT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.spi.HalfPrecision;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CopyTest {
  private static final Kernels KERNELS = new CpuBackend().kernels(0);

  @Test
  void everyLayoutIsCopiedToEveryOther() {
    for (DType dtype : DType.values()) {
      for (Operand.Layout layout : Operand.layouts()) {
        for (Operand.Layout input : Operand.inputLayouts(layout)) {
          Strided x = Operand.filled(Operand.natively(dtype, input), i -> (double) (i % 120));
          Strided out = Operand.natively(dtype, layout);
          KERNELS.copy(out, x);
          for (long i = 0; i < out.numel(); i++) {
            assertEquals(Operand.get(x, i), Operand.get(out, i), dtype.label() + " " + input.name() + " to " + layout.name());
          }
        }
      }
    }
  }

  @Test
  void largeTranspositionsMoveEveryElement() {
    for (long[] size : new long[][] {{300, 257}, {64, 64}, {9, 5000}, {1000, 8}}) {
      for (DType dtype : List.of(DType.UINT8, DType.BFLOAT16, DType.FLOAT32, DType.FLOAT64)) {
        Operand.Layout turned = new Operand.Layout("transposed", new long[] {3, size[0], size[1]},
            new long[] {size[0] * size[1], 1, size[0]}, 0);
        Strided x = Operand.filled(Operand.natively(dtype, turned), i -> (double) (i % 251));
        Strided out = Operand.natively(dtype, Operand.Layout.contiguous(3, size[0], size[1]));
        KERNELS.copy(out, x);
        for (long i = 0; i < out.numel(); i++) {
          assertEquals(Operand.get(x, i), Operand.get(out, i), dtype.label() + " element " + i);
        }
      }
    }
  }

  @Test
  void flipsReverseRowsOfAnyLengthAndTheirOrder() {
    for (long n : new long[] {1, 7, 64, 65, 131, 3000}) {
      for (DType dtype : List.of(DType.UINT8, DType.BFLOAT16, DType.FLOAT32, DType.FLOAT64)) {
        Strided x = Operand.filled(Operand.natively(dtype, Operand.Layout.contiguous(5, n)), i -> (double) (i % 251));
        for (int[] dims : new int[][] {{}, {0}, {1}, {0, 1}}) {
          Strided out = Operand.natively(dtype, Operand.Layout.contiguous(5, n));
          KERNELS.flip(out, x, dims);
          for (long i = 0; i < out.numel(); i++) {
            long row = Arrays.stream(dims).anyMatch(d -> d == 0) ? 4 - i / n : i / n;
            long column = Arrays.stream(dims).anyMatch(d -> d == 1) ? n - 1 - i % n : i % n;
            assertEquals(Operand.get(x, row * n + column), Operand.get(out, i), dtype.label() + " " + n + " " + Arrays.toString(dims));
          }
        }
      }
    }
  }

  @Test
  void castsRoundTruncateAndWrapAsPyTorchDoes() {
    double[] values = {3e9, -3e9, 1e10, 1e20, -1e20, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 300.7, -1.5, -129,
      255.9, 70000, 3000000007.0, 0x1.8p62, -0x1.8p62};
    long least = Long.MIN_VALUE;
    long leastInt = Integer.MIN_VALUE;
    assertCast(values, DType.INT64, 3000000000L, -3000000000L, 10000000000L, least, least, least, least, least, 300, -1, -129, 255, 70000,
        3000000007L, 3L << 61, -3L << 61);
    assertCast(values, DType.INT32, leastInt, leastInt, leastInt, leastInt, leastInt, leastInt, leastInt, leastInt, 300, -1, -129, 255,
        70000, leastInt, leastInt, leastInt);
    assertCast(values, DType.INT16, 0, 0, 0, 0, 0, 0, 0, 0, 300, -1, -129, 255, 4464, 0, 0, 0);
    assertCast(values, DType.INT8, 0, 0, 0, 0, 0, 0, 0, 0, 44, -1, 127, -1, 112, 0, 0, 0);
    assertCast(values, DType.UINT8, 0, 0, 0, 0, 0, 0, 0, 0, 44, 255, 127, 255, 112, 7, 0, 0);
    assertCast(values, DType.BOOL, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
  }

  @Test
  void aNumberIsTrueUnlessItIsZero() {
    double[] values = {0, -0.0, Float.MIN_VALUE, -Float.MIN_VALUE, 0.3, -0.3, Double.NaN, Double.POSITIVE_INFINITY};
    int n = 5 * values.length + 3;
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16)) {
      for (Operand.Layout layout : Operand.inputLayouts(Operand.Layout.contiguous(3, n))) {
        Strided x = Operand.filled(Operand.natively(dtype, layout), i -> values[(int) (i % values.length)]);
        Strided out = Operand.natively(DType.BOOL, Operand.Layout.contiguous(3, n));
        KERNELS.copy(out, x);
        for (int i = 0; i < 3 * n; i++) {
          assertEquals(Operand.get(x, i) == 0 ? 0 : 1, Operand.getLong(out, i), dtype.label() + " " + Operand.get(x, i));
        }
      }
    }
  }

  @Test
  void aWholeNumberIsTrueByAnyOfItsBits() {
    Strided x = Operand.filled(Operand.natively(DType.INT64, Operand.Layout.contiguous(40)), i -> i % 2 == 0 ? 0x1p32 : 0x1p62);
    Strided out = Operand.natively(DType.BOOL, Operand.Layout.contiguous(40));
    KERNELS.copy(out, x);
    for (int i = 0; i < 40; i++) {
      assertEquals(1, Operand.getLong(out, i));
    }
    KERNELS.fill(out, Operand.scalar(DType.INT64, 0x1p32));
    assertEquals(1, Operand.getLong(out, 39));
  }

  private static void assertCast(double[] values, DType dtype, long... expected) {
    int n = 5 * values.length; // so that some fill vectors, and some do not
    Strided out = Operand.natively(dtype, Operand.Layout.contiguous(n));
    KERNELS.copy(out,
        Operand.filled(Operand.natively(DType.FLOAT64, Operand.Layout.contiguous(n)), i -> values[(int) (i % values.length)]));
    for (int i = 0; i < n; i++) {
      assertEquals(expected[i % values.length], Operand.getLong(out, i), values[i % values.length] + " to " + dtype.label());
    }
  }

  @Test
  void everyDtypeIsCastToEveryOther() {
    double[] values = {0, 1, 2, 100, 3.75, -1.5, 0.1};
    for (DType from : DType.values()) {
      for (DType to : DType.values()) {
        int n = 7 * values.length; // so that some fill vectors, and some do not
        Strided x = Operand.filled(Operand.natively(from, Operand.Layout.contiguous(n)), i -> values[(int) (i % values.length)]);
        Strided out = Operand.natively(to, Operand.Layout.contiguous(n));
        KERNELS.copy(out, x);
        for (int i = 0; i < n; i++) {
          double value = Operand.get(x, i);
          double expected = to.isFloating() ? Operand.rounded(to, value)
              : to == DType.BOOL ? (value != 0 ? 1 : 0)
              : to == DType.UINT8 ? (long) value & 0xff
              : to == DType.INT8 ? (byte) value
              : (long) value;
          assertEquals(expected, Operand.get(out, i), from.label() + " " + value + " to " + to.label());
        }
      }
    }
  }

  @Test
  void halfPrecisionRoundsToNearestEven() {
    Strided x = Operand.of(DType.FLOAT32, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-20, Float.MAX_VALUE, 1e-41);
    Strided out = Operand.natively(DType.BFLOAT16, Operand.Layout.contiguous(5));
    KERNELS.copy(out, x);
    assertEquals(List.of(1.0, 1 + 0x1p-6, 1 + 0x1p-7, Double.POSITIVE_INFINITY),
        List.of(Operand.get(out, 0), Operand.get(out, 1), Operand.get(out, 2), Operand.get(out, 3)));
    Strided half = Operand.natively(DType.FLOAT16, Operand.Layout.contiguous(3));
    KERNELS.copy(half, Operand.of(DType.FLOAT32, 1 + 0x1p-11, 65520, 65519));
    assertEquals(List.of(1.0, Double.POSITIVE_INFINITY, 65504.0),
        List.of(Operand.get(half, 0), Operand.get(half, 1), Operand.get(half, 2)));
  }

  /// All numbers that there are, and what lies half-way between neighbours, just below and just above.
  @ParameterizedTest
  @EnumSource(names = {"FLOAT16", "BFLOAT16"})
  void everyHalfIsReadAndRoundedTo(DType dtype) {
    int n = 1 << 16;
    Strided halves = Operand.natively(dtype, Operand.Layout.contiguous(n));
    Strided floats = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(n));
    for (int i = 0; i < n; i++) {
      ALL.set(SHORT, halves.address() + 2L * i, (short) i);
    }
    KERNELS.copy(floats, halves);
    for (int i = 0; i < n; i++) {
      assertEquals(widened(dtype, i), ALL.get(FLOAT, floats.address() + 4L * i), dtype + " " + Integer.toHexString(i));
    }
    for (int beside = -1; beside <= 1; beside++) {
      for (int i = 0; i < n; i++) {
        double middle = ((double) widened(dtype, i) + widened(dtype, i + 1)) / 2;
        ALL.set(FLOAT, floats.address() + 4L * i, Float.intBitsToFloat(Float.floatToRawIntBits((float) middle) + beside));
      }
      KERNELS.copy(halves, floats);
      for (int i = 0; i < n; i++) {
        float x = ALL.get(FLOAT, floats.address() + 4L * i);
        short expected = dtype == DType.FLOAT16 ? Float.floatToFloat16(x) : HalfPrecision.bfloat16(x);
        assertEquals(widened(dtype, expected), widened(dtype, ALL.get(SHORT, halves.address() + 2L * i)), x + " as " + dtype);
      }
    }
  }

  private static float widened(DType dtype, int half) {
    return dtype == DType.FLOAT16 ? Float.float16ToFloat((short) half) : Float.intBitsToFloat(half << 16);
  }

  @Test
  void int64BecomesFloatInOneRounding() {
    Strided x = Operand.natively(DType.INT64, Operand.Layout.contiguous(1));
    Operand.setLong(x, 0, (1L << 60) + (1L << 36) + 1); // by way of double it would be half-way, and round to even
    Strided out = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(1));
    KERNELS.copy(out, x);
    assertEquals((float) ((1L << 60) + (1L << 36) + 1), Operand.get(out, 0));
  }

  @Test
  void copiesKeepTheBitsOfNaN() {
    Strided x = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(1));
    org.flambeau.spi.NativeMemory.ALL.set(org.flambeau.spi.NativeMemory.INT, x.address(), 0x7fa12345);
    Strided out = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(1));
    KERNELS.copy(out, x);
    assertEquals(0x7fa12345, org.flambeau.spi.NativeMemory.ALL.get(org.flambeau.spi.NativeMemory.INT, out.address()));
  }

  @Test
  void everyLayoutIsFilled() {
    for (DType dtype : DType.values()) {
      for (Operand.Layout layout : Operand.layouts()) {
        for (Strided out : List.of(Operand.natively(dtype, layout), Operand.onHeap(dtype, layout))) {
          KERNELS.fill(out, Operand.scalar(DType.FLOAT64, 1.75));
          double expected = dtype.isFloating() ? 1.75 : 1;
          for (long i = 0; i < out.numel(); i++) {
            assertEquals(expected, Operand.get(out, i), dtype.label() + " " + layout.name());
          }
        }
      }
    }
  }

  @Test
  void bytesTravelFromTheHostAndBack() {
    byte[] bytes = {1, 2, 3, 4, 5, 6, 7, 8};
    for (Strided x : List.of(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(2)),
        Operand.onHeap(DType.FLOAT32, Operand.Layout.contiguous(2)))) {
      KERNELS.copyFromHost(x, MemorySegment.ofArray(bytes));
      byte[] back = new byte[8];
      KERNELS.copyToHost(MemorySegment.ofArray(back), x);
      assertArrayEquals(bytes, back);
    }
  }

  @Test
  void sequencesAndTriangles() {
    Strided sequence = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(100_000));
    KERNELS.arange(sequence, 0.5, 0.25);
    assertEquals((float) (0.5 + 0.25 * 99_999), Operand.get(sequence, 99_999));
    Strided whole = Operand.natively(DType.INT16, Operand.Layout.contiguous(5));
    KERNELS.arange(whole, 10, -3);
    assertEquals(-2, Operand.getLong(whole, 4));
    Strided x = Operand.filled(Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(2, 4, 5)), i -> i + 1.0);
    for (boolean upper : new boolean[] {true, false}) {
      for (long diagonal = -6; diagonal <= 6; diagonal++) {
        Strided out = Operand.natively(DType.FLOAT32, Operand.Layout.contiguous(2, 4, 5));
        KERNELS.triangle(out, x, diagonal, upper);
        for (long i = 0; i < out.numel(); i++) {
          long row = i / 5 % 4;
          long column = i % 5;
          boolean keep = upper ? column - row >= diagonal : column - row <= diagonal;
          assertEquals(keep ? i + 1.0 : 0, Operand.get(out, i), "diagonal " + diagonal);
        }
      }
    }
  }
}
