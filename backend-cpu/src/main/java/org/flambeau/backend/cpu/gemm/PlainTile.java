package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;

/// [Tile] without vectors, of the dtypes that [LaneTile] has; sums of floats are formed in double.
record PlainTile(DType dtype) implements Tile {
  private static final int COLUMNS = 8;

  @Override
  public int elementSize() {
    return dtype.size();
  }

  @Override
  public int columns() {
    return COLUMNS;
  }

  @Override
  public void multiply(int depth, long a, long b, long c, long pitch) {
    for (int i = 0; i < ROWS; i++) {
      for (int j = 0; j < COLUMNS; j++) {
        double real = 0;
        long whole = 0;
        for (int k = 0; k < depth; k++) {
          long left = a + ((long) k * ROWS + i) * elementSize();
          long right = b + ((long) k * COLUMNS + j) * elementSize();
          if (dtype.isFloating()) {
            real += real(left) * real(right);
          } else {
            whole += whole(left) * whole(right);
          }
        }
        add(c + i * pitch + (long) j * elementSize(), real, whole);
      }
    }
  }

  @Override
  public void add(long tile, long c, long pitch, int rows, int columns) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long from = tile + ((long) i * COLUMNS + j) * elementSize();
        add(c + i * pitch + (long) j * elementSize(), dtype.isFloating() ? real(from) : 0, dtype.isFloating() ? 0 : whole(from));
      }
    }
  }

  private double real(long address) {
    return dtype == DType.FLOAT64 ? ALL.get(DOUBLE, address) : ALL.get(FLOAT, address);
  }

  private long whole(long address) {
    return dtype == DType.INT64 ? ALL.get(LONG, address) : ALL.get(INT, address);
  }

  /// Adds one of the two to the element at `address`.
  private void add(long address, double real, long whole) {
    switch (dtype) {
      case FLOAT64 -> ALL.set(DOUBLE, address, ALL.get(DOUBLE, address) + real);
      case FLOAT32 -> ALL.set(FLOAT, address, (float) (ALL.get(FLOAT, address) + real));
      case INT64 -> ALL.set(LONG, address, ALL.get(LONG, address) + whole);
      default -> ALL.set(INT, address, (int) (ALL.get(INT, address) + whole));
    }
  }
}
