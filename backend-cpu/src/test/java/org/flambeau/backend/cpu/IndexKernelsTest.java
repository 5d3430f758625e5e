package org.flambeau.backend.cpu;

import static org.flambeau.backend.cpu.TestMemory.address;
import static org.flambeau.backend.cpu.TestMemory.coordinates;
import static org.flambeau.backend.cpu.TestMemory.indices;
import static org.flambeau.backend.cpu.TestMemory.reals;
import static org.flambeau.backend.cpu.TestMemory.scrambled;
import static org.flambeau.backend.cpu.TestMemory.wholes;
import static org.flambeau.backend.cpu.TestMemory.zeros;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class IndexKernelsTest {
  /// Row-major, or inside out with gaps.
  enum Layout {
    CONTIGUOUS,
    SCRAMBLED;

    Strided make(DType dtype, long... sizes) {
      return this == CONTIGUOUS ? zeros(dtype, sizes) : scrambled(dtype, sizes);
    }

    /// Small whole numbers, negative ones among them where the dtype has them.
    Strided filled(DType dtype, int seed, long... sizes) {
      int low = dtype == DType.BOOL || dtype == DType.UINT8 ? 0 : -6;
      return wholes(make(dtype, sizes), i -> low + Math.floorMod((i + seed) * 7919, 13));
    }
  }

  static Stream<Arguments> layouts() {
    return Stream.of(DType.values()).flatMap(dtype -> Stream.of(Layout.values())
        .map(layout -> Arguments.of(dtype, layout)));
  }

  private static double at(Strided operand, long... coordinates) {
    return Element.of(operand.dtype()).getDouble(address(operand, coordinates));
  }

  private static void set(Strided operand, double value, long... coordinates) {
    Element.of(operand.dtype()).setDouble(address(operand, coordinates), value);
  }

  private static Strided index(Layout layout, long bound, long... sizes) {
    return wholes(layout.make(DType.INT64, sizes), i -> Math.floorMod(i * 31 + 7, (int) bound));
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void gatherPicksOneElementForEachIndex(DType dtype, Layout layout) {
    Strided x = layout.filled(dtype, 0, 3, 4, 5);
    for (int dim = 0; dim < 3; dim++) {
      long[] sizes = {2, 3, 4};
      sizes[dim] = 6;
      Strided index = index(layout, x.size(dim), sizes);
      Strided out = layout.make(dtype, sizes);
      IndexKernels.gather(out, x, dim, index);
      for (int i = 0; i < out.numel(); i++) {
        long[] here = coordinates(sizes, i);
        long[] there = here.clone();
        there[dim] = wholes(index)[i];
        assertEquals(at(x, there), at(out, here));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void scatterMeetsWhatIsThereInOrder(DType dtype, Layout layout) {
    for (ScatterOp op : ScatterOp.values()) {
      for (int dim = 0; dim < 3; dim++) {
        long[] sizes = {2, 3, 4};
        sizes[dim] = 6;
        Strided index = index(layout, 3, sizes);
        Strided source = layout.filled(dtype, 5, sizes);
        Strided out = layout.filled(dtype, 0, 3, 4, 5);
        Strided expected = Layout.CONTIGUOUS.filled(dtype, 0, 3, 4, 5);
        for (int i = 0; i < source.numel(); i++) {
          long[] there = coordinates(sizes, i);
          double value = at(source, there);
          there[dim] = wholes(index)[i];
          double old = at(expected, there);
          set(expected, switch (op) {
            case ASSIGN -> value;
            case ADD -> old + value;
            case MUL -> old * value;
            case AMAX -> Math.max(old, value);
            case AMIN -> Math.min(old, value);
          }, there);
        }
        IndexKernels.scatter(op, out, dim, index, source);
        assertArrayEquals(reals(expected), reals(out), op + " along " + dim);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void indexSelectAndIndexAddTreatWholeRows(DType dtype, Layout layout) {
    for (int dim = 0; dim < 3; dim++) {
      Strided x = layout.filled(dtype, 0, 3, 4, 5);
      Strided index = indices(2, 0, 1, 2, 2);
      long[] sizes = x.sizes().clone();
      sizes[dim] = 5;
      Strided selected = layout.make(dtype, sizes);
      IndexKernels.indexSelect(selected, x, dim, index);
      Strided sum = layout.filled(dtype, 3, 3, 4, 5);
      Strided expected = Layout.CONTIGUOUS.filled(dtype, 3, 3, 4, 5);
      for (int i = 0; i < selected.numel(); i++) {
        long[] there = coordinates(sizes, i);
        double value = at(selected, there);
        there[dim] = wholes(index)[(int) there[dim]];
        assertEquals(at(x, there), value);
        set(expected, at(expected, there) + 2 * value, there);
      }
      IndexKernels.indexAdd(sum, dim, index, selected, 2);
      assertArrayEquals(reals(expected), reals(sum), "along " + dim);
    }
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void indexAndIndexPutTakeSeveralIndices(DType dtype, Layout layout) {
    Strided first = wholes(layout.make(DType.INT64, 2, 3), i -> new long[] {0, -1, 2, 1, -3, 2}[i]);
    Strided second = wholes(TestMemory.strided(DType.INT64, new long[] {2, 3}, new long[] {0, 1}), i -> new long[] {-4, 3, 1}[i % 3]);
    for (int picks = 1; picks <= 2; picks++) {
      Strided[] indices = picks == 1 ? new Strided[] {first} : new Strided[] {first, second};
      for (long[] sizes : new long[][] {{3, 4}, {3, 4, 5}, {3, 4, 2, 3}}) {
        Strided x = layout.filled(dtype, 0, sizes);
        long[] outSizes = LongStream
            .concat(LongStream.of(2, 3), Arrays.stream(sizes).skip(picks)).toArray();
        Strided out = layout.make(dtype, outSizes);
        IndexKernels.index(out, x, indices);
        Strided put = layout.filled(dtype, 3, sizes);
        Strided accumulated = layout.filled(dtype, 3, sizes);
        Strided expectedPut = Layout.CONTIGUOUS.filled(dtype, 3, sizes);
        Strided expectedSum = Layout.CONTIGUOUS.filled(dtype, 3, sizes);
        for (int i = 0; i < out.numel(); i++) {
          long[] here = coordinates(outSizes, i);
          long[] there = new long[sizes.length];
          System.arraycopy(here, 2, there, picks, sizes.length - picks);
          for (int k = 0; k < picks; k++) {
            there[k] = Math.floorMod((long) at(indices[k], here[0], here[1]), sizes[k]);
          }
          assertEquals(at(x, there), at(out, here));
          set(expectedPut, at(out, here), there);
          set(expectedSum, at(expectedSum, there) + at(out, here), there);
        }
        IndexKernels.indexPut(put, indices, out, false);
        assertArrayEquals(reals(expectedPut), reals(put));
        IndexKernels.indexPut(accumulated, indices, out, true);
        assertArrayEquals(reals(expectedSum), reals(accumulated));
      }
    }
  }

  @Test
  void sumsAreTheSameHoweverManyThreadsShareThem() {
    int rows = 3000;
    int columns = 257;
    Strided source = reals(zeros(DType.FLOAT32, rows, columns), i -> Math.sin(i) * Math.pow(10, i % 7));
    Strided index = wholes(zeros(DType.INT64, rows, columns), i -> i / columns % 5);
    Strided rowIndex = wholes(zeros(DType.INT64, rows), i -> i % 5);
    float[][] expected = new float[5][columns];
    double[] values = reals(source);
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        expected[i % 5][j] += (float) values[i * columns + j];
      }
    }
    double[] flat = new double[5 * columns];
    Arrays.setAll(flat, i -> expected[i / columns][i % columns]);
    Strided out = zeros(DType.FLOAT32, 5, columns);
    IndexKernels.scatter(ScatterOp.ADD, out, 0, index, source);
    assertArrayEquals(flat, reals(out), "scatter");
    out = zeros(DType.FLOAT32, 5, columns);
    IndexKernels.indexAdd(out, 0, rowIndex, source, 1);
    assertArrayEquals(flat, reals(out), "indexAdd");
    out = zeros(DType.FLOAT32, 5, columns);
    IndexKernels.indexPut(out, new Strided[] {rowIndex}, source, true);
    assertArrayEquals(flat, reals(out), "indexPut");
  }

  @Test
  void largeSelectionsAreSplitAndStillExact() {
    Strided x = wholes(zeros(DType.INT32, 500, 300), i -> i);
    Strided index = index(Layout.CONTIGUOUS, 500, 2000);
    Strided out = zeros(DType.INT32, 2000, 300);
    IndexKernels.indexSelect(out, x, 0, index);
    long[] picked = wholes(index);
    long[] got = wholes(out);
    for (int i = 0; i < got.length; i++) {
      assertEquals(picked[i / 300] * 300 + i % 300, got[i]);
    }
  }

  /// As in `x[:, :, index]`.
  @Test
  void whatIndicesNameMayLieInnermostInTheResult() {
    Strided rows = wholes(zeros(DType.INT64, 7, 30), i -> i * 7919 % 18 - 9);
    Strided columns = wholes(zeros(DType.INT64, 7, 30), i -> i * 31 % 6);
    for (int picks = 1; picks <= 2; picks++) {
      Strided[] indices = picks == 1 ? new Strided[] {rows} : new Strided[] {rows, columns};
      Strided x = wholes(scrambled(DType.INT32, 9, 6, 40), i -> i);
      Strided result = picks == 1 ? zeros(DType.INT32, 6, 40, 7, 30) : zeros(DType.INT32, 40, 7, 30);
      Strided out = picks == 1 ? result.with(0, new long[] {7, 30, 6, 40}, new long[] {30, 1, 40 * 210, 210})
          : result.with(0, new long[] {7, 30, 40}, new long[] {30, 1, 210});
      IndexKernels.index(out, x, indices);
      long[] row = wholes(rows);
      long[] column = wholes(columns);
      long[] got = wholes(result);
      for (int i = 0; i < got.length; i++) {
        int position = i % 210;
        int rest = i / 210;
        long first = Math.floorMod(row[position], 9) * 240;
        assertEquals(picks == 1 ? first + rest : first + column[position] * 40 + rest, got[i]);
      }
    }
    assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.index(zeros(DType.INT32, 6, 40, 7, 30).with(0,
        new long[] {7, 30, 6, 40}, new long[] {30, 1, 40 * 210, 210}), zeros(DType.INT32, 8, 6, 40), new Strided[] {rows}));
  }

  @Test
  void scalarsCountAsOneDimension() {
    Strided x = reals(zeros(DType.FLOAT32), i -> 3);
    Strided out = zeros(DType.FLOAT32);
    IndexKernels.gather(out, x, 0, zeros(DType.INT64));
    assertEquals(3, at(out));
    IndexKernels.scatter(ScatterOp.ADD, out, 0, zeros(DType.INT64), x);
    assertEquals(6, at(out));
    IndexKernels.indexAdd(out, 0, zeros(DType.INT64), x, -1);
    assertEquals(3, at(out));
  }

  @Test
  void nothingHappensOverNothing() {
    Strided x = wholes(zeros(DType.FLOAT32, 3, 4), i -> i);
    IndexKernels.indexSelect(zeros(DType.FLOAT32, 0, 4), x, 0, zeros(DType.INT64, 0));
    IndexKernels.gather(zeros(DType.FLOAT32, 3, 0), x, 1, zeros(DType.INT64, 3, 0));
    IndexKernels.scatter(ScatterOp.ADD, x, 1, zeros(DType.INT64, 3, 0), zeros(DType.FLOAT32, 3, 0));
    IndexKernels.indexPut(x, new Strided[] {zeros(DType.INT64, 0)}, zeros(DType.FLOAT32, 0, 4), true);
    assertEquals(11, at(x, 2, 3));
  }

  @ParameterizedTest
  @EnumSource(ScatterOp.class)
  void anIndexOutOfRangeIsNamedAndWritesNothing(ScatterOp op) {
    for (long bad : new long[] {3, -1, Long.MAX_VALUE, Long.MIN_VALUE}) {
      Strided out = wholes(zeros(DType.FLOAT32, 3, 2), i -> 7);
      Strided index = wholes(zeros(DType.INT64, 1, 2), i -> bad);
      var thrown = assertThrows(IndexOutOfBoundsException.class,
          () -> IndexKernels.scatter(op, out, 0, index, wholes(zeros(DType.FLOAT32, 1, 2), i -> 1)));
      assertEquals("index " + bad + " is out of bounds for dimension 0 with size 3", thrown.getMessage());
      assertArrayEquals(new long[] {7, 7, 7, 7, 7, 7}, wholes(out));
    }
  }

  @ParameterizedTest
  @EnumSource(Layout.class)
  void aLongGatherPicksEveryElementAndNamesTheWrongIndex(Layout layout) {
    int n = 2 * Scratch.TILE + 13;
    Strided x = layout.filled(DType.FLOAT32, 0, 7, n);
    Strided index = index(layout, 7, 1, n);
    Strided out = layout.make(DType.FLOAT32, 1, n);
    IndexKernels.gather(out, x, 0, index);
    for (int i = 0; i < n; i++) {
      assertEquals(at(x, wholes(index)[i], i), at(out, 0, i));
    }
    for (int place : new int[] {0, Scratch.TILE + 3, n - 1}) {
      for (long bad : new long[] {7, -1, Long.MIN_VALUE, 1L << 62}) {
        long right = wholes(index)[place];
        set(index, bad, 0, place);
        assertEquals("index " + bad + " is out of bounds for dimension 0 with size 7",
            assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.gather(out, x, 0, index)).getMessage());
        set(index, right, 0, place);
      }
    }
  }

  @Test
  void everyKernelChecksItsIndices() {
    Strided x = zeros(DType.FLOAT32, 4, 3);
    Strided row = zeros(DType.FLOAT32, 1, 3);
    String text = "index 4 is out of bounds for dimension 0 with size 4";
    assertEquals(text, assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.indexSelect(row, x, 0, indices(4))).getMessage());
    assertEquals(text, assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.indexAdd(x, 0, indices(4), row, 1)).getMessage());
    assertEquals(text,
        assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.index(row, x, new Strided[] {indices(4)})).getMessage());
    assertEquals(text,
        assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.indexPut(x, new Strided[] {indices(4)}, row, false)).getMessage());
    assertEquals("index -5 is out of bounds for dimension 0 with size 4",
        assertThrows(IndexOutOfBoundsException.class, () -> IndexKernels.index(row, x, new Strided[] {indices(-5)})).getMessage());
    Strided one = zeros(DType.FLOAT32, 4, 1);
    assertEquals("index 3 is out of bounds for dimension 1 with size 3", assertThrows(IndexOutOfBoundsException.class,
        () -> IndexKernels.gather(one, x, 1, wholes(zeros(DType.INT64, 4, 1), i -> i))).getMessage());
  }
}
