package org.flambeau.backend.cpu.gemm;

import static java.lang.Double.doubleToRawLongBits;
import static java.lang.Double.longBitsToDouble;
import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;

/// [Tile] without vectors, of the dtypes that [LaneTile] has. Sums are formed in double or long, and go by as their bits.
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
        long sum = 0;
        for (int k = 0; k < depth; k++) {
          long left = load(a + ((long) k * ROWS + i) * elementSize());
          long right = load(b + ((long) k * COLUMNS + j) * elementSize());
          sum = dtype.isFloating()
              ? doubleToRawLongBits(longBitsToDouble(sum) + longBitsToDouble(left) * longBitsToDouble(right))
              : sum + left * right;
        }
        add(c + i * pitch + (long) j * elementSize(), sum);
      }
    }
  }

  @Override
  public void add(long tile, long c, long pitch, int rows, int columns) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < columns; j++) {
        long from = tile + ((long) i * COLUMNS + j) * elementSize();
        add(c + i * pitch + (long) j * elementSize(), load(from));
      }
    }
  }

  private long load(long address) {
    return switch (dtype) {
      case FLOAT32 -> doubleToRawLongBits(ALL.get(FLOAT, address));
      case FLOAT64, INT64 -> ALL.get(LONG, address);
      default -> ALL.get(INT, address);
    };
  }

  private void add(long address, long sum) {
    switch (dtype) {
      case FLOAT64 -> ALL.set(DOUBLE, address, ALL.get(DOUBLE, address) + longBitsToDouble(sum));
      case FLOAT32 -> ALL.set(FLOAT, address, (float) (ALL.get(FLOAT, address) + longBitsToDouble(sum)));
      case INT64 -> ALL.set(LONG, address, ALL.get(LONG, address) + sum);
      default -> ALL.set(INT, address, (int) (ALL.get(INT, address) + sum));
    }
  }
}
