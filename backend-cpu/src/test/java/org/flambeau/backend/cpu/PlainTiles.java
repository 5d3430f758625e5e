package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.backend.cpu.amx.BlockProduct;
import org.flambeau.backend.cpu.amx.TileUnit;
import org.flambeau.spi.HalfPrecision;

/// What computes with tiles, by loops: the oracle of the processor's, and a stand-in where there is none.
final class PlainTiles implements BlockProduct, PairLayouts {
  static TileUnit unit() {
    PlainTiles tiles = new PlainTiles();
    return new TileUnit(tiles, tiles);
  }

  /// Those of the processor that runs this.
  static TileUnit processors() {
    boolean unit = LinearAlgebras.choose(CpuAllocator.SHARED).chosen().hasMatrixUnit(DType.BFLOAT16);
    assumeTrue(unit && TileUnit.PRESENT != null, "this processor, its operating system and the JVM have tiles of bfloat16");
    return Objects.requireNonNull(TileUnit.PRESENT);
  }

  @Override
  public void run(long c, long a, long b, long steps, long adding, long aRow, long count, long parts) {
    for (int block = 0; block < count; block++) {
      for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
          long at = c + block * BYTES + 4L * (i * SIDE + j);
          double sum = adding == 0 ? 0 : ALL.get(FLOAT, at);
          for (long k = 0; k < parts * steps * SIDE; k++) {
            long part = ALL.get(LONG, a + 8 * (block * parts + k / (steps * SIDE)));
            sum += (double) value(part + i * aRow + 2 * (k % (steps * SIDE))) * value(b + (k / 2 * SIDE + j) * 4 + k % 2 * 2);
          }
          ALL.set(FLOAT, at, (float) sum);
        }
      }
    }
  }

  private static float value(long address) {
    return Float.intBitsToFloat(ALL.get(SHORT, address) << 16);
  }

  @Override
  public void pairs(long[] rows, long offset, long to) {
    for (int i = 0; i < ROWS; i++) {
      for (int column = 0; column < ROWS; column++) {
        ALL.set(SHORT, to + i / 2 * 4L * ROWS + 4L * PairLayouts.place(column) + i % 2 * 2, ALL.get(SHORT, rows[i] + offset + 2L * column));
      }
    }
  }

  @Override
  public void transpose(long[] rows, long offset, long to, long toRow, long scratch) {
    for (int i = 0; i < ROWS; i++) {
      for (int column = 0; column < ROWS; column++) {
        ALL.set(SHORT, to + column * toRow + 2L * i, ALL.get(SHORT, rows[i] + offset + 2L * column));
      }
    }
  }

  @Override
  public void transposeRounded(long[] rows, long offset, long to, long toRow, long scratch) {
    for (int i = 0; i < ROWS; i++) {
      for (int column = 0; column < ROWS / 2; column++) {
        ALL.set(SHORT, to + column * toRow + 2L * i, HalfPrecision.bfloat16(ALL.get(FLOAT, rows[i] + offset + 4L * column)));
      }
    }
  }

  @Override
  public void columnPairs(long from, long fromRow, long to) {
    for (int row = 0; row < ROWS; row++) {
      for (int i = 0; i < ROWS; i++) {
        ALL.set(SHORT, to + i / 2 * 4L * ROWS + 4L * PairLayouts.place(row) + i % 2 * 2, ALL.get(SHORT, from + row * fromRow + 2L * i));
      }
    }
  }

  @Override
  public void finish(long sums, int rows, long to, long toRow, long factors, long plus, long plusRow, int least) {
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < ROWS; column++) {
        long place = 4L * PairLayouts.place(column);
        float y = Math.fma(ALL.get(FLOAT, sums + row * 4 * ROWS + place), ALL.get(FLOAT, factors + place),
            ALL.get(FLOAT, factors + 4 * ROWS + place));
        if (plus != 0) {
          y += value(plus + row * plusRow + 2L * column);
        }
        ALL.set(SHORT, to + row * toRow + 2L * column, HalfPrecision.bfloat16(least == 0 && y <= 0 ? 0 : y));
      }
    }
  }
}
