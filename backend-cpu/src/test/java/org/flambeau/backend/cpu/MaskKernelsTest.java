package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.coordinates;
import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.scrambled;
import static org.flambeau.backend.cpu.TestMemory.wholes;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MaskKernelsTest {
  /// Large enough for several pieces.
  private static final long[] SIZES = {3, 29, 331};

  private static boolean chosen(int i) {
    return i % 7 == 2 || i % 5 == 0;
  }

  private static int[] positions(int numel) {
    return IntStream.range(0, numel).filter(MaskKernelsTest::chosen).toArray();
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void whatIsNotZeroIsCountedAndFound(DType dtype) {
    for (Strided x : new Strided[] {zeros(dtype, SIZES), scrambled(dtype, SIZES), zeros(dtype, 1003), zeros(dtype, 2, 2)}) {
      wholes(x, i -> chosen(i) ? 1 + i % 3 : 0);
      int[] expected = positions((int) x.numel());
      assertEquals(expected.length, MaskKernels.countNonzero(x));
      for (Strided out : new Strided[] {zeros(DType.INT64, expected.length, x.rank()), scrambled(DType.INT64, expected.length, x.rank())}) {
        MaskKernels.nonzero(out, x);
        assertArrayEquals(Arrays.stream(expected).mapToObj(i -> coordinates(x.sizes(), i)).flatMapToLong(Arrays::stream).toArray(),
            wholes(out));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(value = DType.class, names = {"FLOAT16", "BFLOAT16", "FLOAT32", "FLOAT64"})
  void notANumberIsNotZeroButNegativeZeroIs(DType dtype) {
    Strided x = reals(zeros(dtype, 5), i -> new double[] {-0.0, Double.NaN, 0, Double.NEGATIVE_INFINITY, 1}[i]);
    assertEquals(3, MaskKernels.countNonzero(x));
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void aMaskSelectsAndScattersInRowMajorOrder(DType dtype) {
    for (Strided mask : new Strided[] {zeros(DType.BOOL, SIZES), scrambled(DType.BOOL, SIZES)}) {
      wholes(mask, i -> chosen(i) ? 1 : 0);
      Strided x = wholes(scrambled(dtype, SIZES), i -> i % 101);
      long[] expected = LongStream.of(wholes(x)).toArray();
      int[] positions = positions(expected.length);
      Strided selected = zeros(dtype, positions.length);
      MaskKernels.maskedSelect(selected, x, mask);
      assertArrayEquals(Arrays.stream(positions).mapToLong(i -> expected[i]).toArray(), wholes(selected));

      Strided source = wholes(TestMemory.strided(dtype, new long[] {positions.length}, new long[] {2}), i -> i % 97);
      for (int k = 0; k < positions.length; k++) {
        expected[positions[k]] = wholes(source)[k];
        if (k > 300) {
          break;
        }
      }
      Strided few = wholes(zeros(DType.BOOL, SIZES), i -> chosen(i) && i <= positions[301] ? 1 : 0);
      MaskKernels.maskedScatter(x, few, source);
      assertArrayEquals(expected, wholes(x));
    }
  }

  @Test
  void aScalarHasOnePositionWithoutCoordinates() {
    assertEquals(1, MaskKernels.countNonzero(wholes(zeros(DType.INT32), i -> 4)));
    MaskKernels.nonzero(zeros(DType.INT64, 1, 0), wholes(zeros(DType.INT32), i -> 4));
  }

  @Test
  void whatIsLeftOfTheSelectedStaysAsItWas() {
    Strided mask = wholes(zeros(DType.BOOL, 4), i -> i % 2);
    Strided out = wholes(zeros(DType.INT32, 3), _ -> 7);
    MaskKernels.maskedSelect(out, wholes(zeros(DType.INT32, 4), i -> i), mask);
    assertArrayEquals(new long[] {1, 3, 7}, wholes(out));
  }

  @Test
  void tooSmallASourceIsRefused() {
    Strided mask = wholes(zeros(DType.BOOL, 4), i -> 1);
    Strided out = zeros(DType.INT32, 4);
    var thrown = assertThrows(IndexOutOfBoundsException.class,
        () -> MaskKernels.maskedScatter(out, mask, wholes(zeros(DType.INT32, 3), i -> 9)));
    assertEquals("index 3 is out of bounds for dimension 0 with size 3", thrown.getMessage());
    assertArrayEquals(new long[4], wholes(out));
  }
}
