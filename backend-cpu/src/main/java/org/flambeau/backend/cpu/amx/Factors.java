package org.flambeau.backend.cpu.amx;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.DType;
import org.flambeau.backend.cpu.PairLayouts;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.backend.cpu.gemm.Copies;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// What [PairLayouts#finish] multiplies each column of the sums with and adds to it, in the order of [PairLayouts#place].
final class Factors {
  private static final int SIDE = BlockProduct.SIDE;
  /// Those of 32 columns.
  static final long BYTES = 2L * SIDE * Float.BYTES;

  private final long address;

  /// @param scale one for each column, or null for 1
  /// @param shift one for each column, or null for what changes no sum
  Factors(Workspace workspace, long columns, @Nullable Strided scale, @Nullable Strided shift) {
    address = workspace.take(columns / SIDE * BYTES);
    write(0, columns, 1, scale == null ? null : Copies.input(workspace, DType.FLOAT32, scale));
    write(SIDE, columns, -0f, shift == null ? null : Copies.input(workspace, DType.FLOAT32, shift));
  }

  private void write(int first, long columns, float otherwise, @Nullable Strided values) {
    for (int i = 0; i < columns; i++) {
      float value = values == null ? otherwise : ALL.get(FLOAT, values.address() + (long) i * Float.BYTES);
      ALL.set(FLOAT, of(i / SIDE) + (long) (first + PairLayouts.place(i % SIDE)) * Float.BYTES, value);
    }
  }

  /// Where those of a block of 32 columns are.
  long of(long block) {
    return address + block * BYTES;
  }
}
