package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;

import org.flambeau.backend.cpu.amx.BlockProduct;
import org.flambeau.backend.cpu.amx.TileUnit;
import org.flambeau.spi.HalfPrecision;

/// What computes with tiles, by loops: the oracle of the processor's, and a stand-in where there is none.
final class PlainTiles implements BlockProduct, PairLayouts {
  static TileUnit unit() {
    PlainTiles tiles = new PlainTiles();
    return new TileUnit(tiles, tiles);
  }

  @Override
  public void run(long c, long a, long b, long steps, long adding, long aRow, long count) {
    for (int block = 0; block < count; block++) {
      long rows = ALL.get(LONG, a + 8L * block);
      for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
          long at = c + block * BYTES + 4L * (i * SIDE + j);
          double sum = adding == 0 ? 0 : ALL.get(FLOAT, at);
          for (long k = 0; k < steps * SIDE; k++) {
            sum += (double) value(rows + i * aRow + 2 * k) * value(b + (k / 2 * SIDE + j) * 4 + k % 2 * 2);
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
}
