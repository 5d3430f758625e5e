package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;

/// [Tile] without vectors, of float64 if `wide`, else of float32.
record PlainTile(boolean wide) implements Tile {
  private static final int COLUMNS = 8;

  private double get(long tile, long element) {
    return wide ? ALL.get(DOUBLE, tile + element * Double.BYTES) : ALL.get(FLOAT, tile + element * Float.BYTES);
  }

  private void add(long at, double value) {
    if (wide) {
      ALL.set(DOUBLE, at, ALL.get(DOUBLE, at) + value);
    } else {
      ALL.set(FLOAT, at, (float) (ALL.get(FLOAT, at) + value));
    }
  }

  @Override
  public int elementSize() {
    return wide ? Double.BYTES : Float.BYTES;
  }

  @Override
  public int columns() {
    return COLUMNS;
  }

  @Override
  public void multiply(int depth, long a, long b, long c, long pitch) {
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < COLUMNS; j++) {
        double sum = 0;
        for (int k = 0; k < depth; k++) {
          sum += get(a, (long) k * ROWS + i) * get(b, (long) k * COLUMNS + j);
        }
        add(c + i * pitch + (long) j * elementSize(), sum);
      }
    }
  }

  @Override
  public void add(long tile, long c, long pitch, int rows, int columns) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        add(c + i * pitch + (long) j * elementSize(), get(tile, (long) i * COLUMNS + j));
      }
    }
  }
}
