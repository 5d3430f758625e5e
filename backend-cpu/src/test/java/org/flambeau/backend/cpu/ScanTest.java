package org.flambeau.backend.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import org.flambeau.DType;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScanTest {
  private static final Kernels KERNELS = new CpuBackend().kernels(0);

  /// Lines longer than a tile, fewer and more of them than go together, side by side and not.
  private static final List<Operand.Layout> LAYOUTS = List.of(Operand.Layout.contiguous(1), Operand.Layout.contiguous(2500),
      Operand.Layout.contiguous(7, 2500), Operand.Layout.contiguous(2500, 7), Operand.Layout.contiguous(60, 40),
      Operand.Layout.contiguous(3, 30, 20), Operand.Layout.contiguous(3, 0, 5),
      new Operand.Layout("transposed", new long[] {40, 50}, new long[] {1, 40}, 0),
      new Operand.Layout("every second", new long[] {6, 40}, new long[] {80, 2}, 1),
      new Operand.Layout("broadcast", new long[] {6, 40}, new long[] {0, 1}, 0));

  private interface Line {
    /// @param at for each element of the line, its number in row-major order
    void check(int[] at, String what);
  }

  private static void forEachLine(Strided x, int dim, String what, Line line) {
    int length = (int) x.size(dim);
    int inner = 1;
    for (int d = dim + 1; d < x.rank(); d++) {
      inner *= (int) x.size(d);
    }
    for (int i = 0; i < x.numel(); i++) {
      if (i / inner % length == 0) {
        int[] at = new int[length];
        for (int j = 0; j < length; j++) {
          at[j] = i + j * inner;
        }
        line.check(at, what);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(ScanOp.class)
  void scansAreCarriedInDoubleOrLongInTheOrderOfTheElements(ScanOp op) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.BFLOAT16, DType.INT64)) {
      for (Operand.Layout layout : LAYOUTS) {
        Random random = new Random(3);
        Strided x = Operand.filled(Operand.natively(dtype, layout),
            _ -> dtype.isFloating() ? 1 + 0.1 * random.nextGaussian() : (double) random.nextInt(1, 9));
        for (int dim = 0; dim < x.rank(); dim++) {
          Strided out = Operand.natively(dtype, Operand.Layout.contiguous(layout.sizes()));
          KERNELS.scan(op, out, x, dim);
          forEachLine(x, dim, op + " of " + dtype.label() + " " + layout + " along " + dim, (at, what) -> {
            double real = op == ScanOp.CUMSUM ? 0 : 1;
            long whole = op == ScanOp.CUMSUM ? 0 : 1;
            for (int i : at) {
              if (dtype.isFloating()) {
                real = op == ScanOp.CUMSUM ? real + Operand.get(x, i) : real * Operand.get(x, i);
                assertEquals(Operand.rounded(dtype, real), Operand.get(out, i), what);
              } else {
                whole = op == ScanOp.CUMSUM ? whole + Operand.getLong(x, i) : whole * Operand.getLong(x, i);
                assertEquals(whole, Operand.getLong(out, i), what);
              }
            }
          });
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void runningExtremaAreTheLastOfEqualOnesAndNanStays(boolean largest) {
    for (DType dtype : List.of(DType.FLOAT32, DType.FLOAT64, DType.FLOAT16, DType.INT64, DType.UINT8, DType.BOOL)) {
      for (Operand.Layout layout : LAYOUTS) {
        Random random = new Random(5);
        Strided x = Operand.filled(Operand.natively(dtype, layout),
            _ -> dtype.isFloating() && random.nextInt(500) == 0 ? Double.NaN : (double) random.nextInt(dtype == DType.BOOL ? 2 : 40));
        for (int dim = 0; dim < x.rank(); dim++) {
          Strided values = Operand.natively(dtype, Operand.Layout.contiguous(layout.sizes()));
          Strided indices = Operand.natively(DType.INT64, Operand.Layout.contiguous(layout.sizes()));
          KERNELS.runningExtremum(largest, values, indices, x, dim);
          forEachLine(x, dim, dtype.label() + " " + layout + " along " + dim, (at, what) -> {
            double best = Operand.get(x, at[0]);
            int position = 0;
            for (int j = 0; j < at.length; j++) {
              double next = Operand.get(x, at[j]);
              if (Double.isNaN(next) || (largest ? next >= best : next <= best)) {
                best = next;
                position = j;
              }
              assertEquals(best, Operand.get(values, at[j]), what);
              assertEquals(position, Operand.getLong(indices, at[j]), what);
            }
          });
        }
      }
    }
  }
}
