package org.flambeau.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// One step of an optimizer: the parameter, its gradient and its states, in one pass over their memory, tile by tile.
abstract class ParameterUpdate {
  private static final int GRADIENT = 1;
  private static final int STATES = 2;
  private static final long TILE_BYTES = (long) Scratch.TILE * Float.BYTES;

  /// A row of −0, which leaves the sign of what it is added to, as floats and as halves.
  private static final MemorySegment ZEROS = Arena.global().allocate(TILE_BYTES, Float.BYTES);
  private static final MemorySegment HALF_ZEROS = Arena.global().allocate(TILE_BYTES / 2, Short.BYTES);

  static {
    for (long i = 0; i < Scratch.TILE; i++) {
      ZEROS.setAtIndex(ValueLayout.JAVA_FLOAT, i, -0f);
      HALF_ZEROS.setAtIndex(ValueLayout.JAVA_SHORT, i, Short.MIN_VALUE);
    }
  }

  private final boolean decays;

  /// @param decays whether the gradient gets a part of the parameter
  ParameterUpdate(boolean decays) {
    this.decays = decays;
  }

  /// The step of one tile.
  @FunctionalInterface
  interface Tile {
    /// Updates `n` elements: the parameter at `rows[0]` in place by the gradient at `rows[1]`, and the states at `rows[2]` and behind, whose new values
    /// go to `states[2]` and behind as floats, which may be where they are. `spare` has room for as many floats. What a gradient gets a part of is at
    /// `decaying`: the parameter, or zeros, of which a gradient gets nothing even where the parameter is infinite.
    void update(long[] rows, long[] states, long decaying, long spare, int n);
  }

  /// The step on rows of `dtype`, float32 or a half precision.
  abstract Tile tile(DType dtype);

  /// All have the parameter's sizes. Where they share a half precision, the step reads it itself; else rows pass through floats.
  final void update(Strided parameter, Strided gradient, Strided... states) {
    Strided[] operands = new Strided[STATES + states.length];
    operands[0] = parameter;
    operands[GRADIENT] = gradient;
    System.arraycopy(states, 0, operands, STATES, states.length);
    boolean asTheyLie = Arrays.stream(operands).allMatch(x -> x.dtype() == parameter.dtype());
    Tile tile = tile(asTheyLie ? parameter.dtype() : DType.FLOAT32);
    MemorySegment zeros = asTheyLie && parameter.dtype() != DType.FLOAT32 ? HALF_ZEROS : ZEROS;
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      Strided[] flat = lieAlike(operands) ? operands : contiguous(operands, workspace);
      long[] at = new long[flat.length];
      for (int i = 0; i < flat.length; i++) {
        at[i] = i == GRADIENT ? staging.read(flat[i]) : staging.update(flat[i]);
      }
      CpuPool.SHARED.parallelFor(0, parameter.numel(), Elementwise.GRAIN, (begin, end) -> {
        long room = Scratch.current().rows((flat.length + 1) * TILE_BYTES);
        long[] rows = new long[flat.length];
        long[] updated = new long[flat.length];
        int n;
        for (long from = begin; from < end; from += n) {
          n = (int) Math.min(Scratch.TILE, end - from);
          for (int i = 0; i < rows.length; i++) {
            DType dtype = flat[i].dtype();
            long row = at[i] + from * dtype.size();
            long floats = room + i * TILE_BYTES;
            rows[i] = asTheyLie ? row : Rows.read(dtype, row, dtype.size(), floats, n);
            updated[i] = dtype == DType.FLOAT32 ? row : i < STATES ? rows[i] : floats;
          }
          tile.update(rows, updated, decays ? rows[0] : zeros.address(), room + rows.length * TILE_BYTES, n);
          for (int i = 0; i < rows.length; i++) {
            if (i != GRADIENT) {
              DType dtype = flat[i].dtype();
              Rows.write(dtype, updated[i], at[i] + from * dtype.size(), dtype.size(), n);
            }
          }
        }
      });
      for (int i = 0; i < flat.length; i++) {
        if (i != GRADIENT && flat[i] != operands[i]) {
          Copy.copy(operands[i], flat[i]);
        }
      }
    }
  }

  /// Whether the elements follow each other in the same order everywhere, without gaps.
  private static boolean lieAlike(Strided[] operands) {
    Strided first = operands[0];
    if (Arrays.stream(operands).allMatch(Strided::isContiguous)) {
      return true;
    }
    long span = 1;
    for (int d = 0; d < first.rank(); d++) {
      span += (first.size(d) - 1) * first.stride(d);
    }
    return span == first.numel() && Arrays.stream(operands).allMatch(x -> Arrays.equals(x.strides(), first.strides()));
  }

  private static Strided[] contiguous(Strided[] operands, Workspace workspace) {
    Strided[] copies = new Strided[operands.length];
    for (int i = 0; i < copies.length; i++) {
      Strided x = operands[i];
      copies[i] = Rows.take(x.dtype(), x.sizes(), Strided.contiguousStrides(x.sizes()), workspace);
      Copy.copy(copies[i], x);
    }
    return copies;
  }
}
