package org.flambeau.backend.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.flambeau.spi.Strided;

/// One step of an optimizer: the parameter, its gradient and its states, in one pass over their memory, tile by tile.
abstract class ParameterUpdate {
  private static final int GRADIENT = 1;
  private static final long TILE_BYTES = (long) Scratch.TILE * Float.BYTES;

  /// A row of −0, which leaves the sign of what it is added to.
  private static final MemorySegment ZEROS = Arena.global().allocateFrom(ValueLayout.JAVA_FLOAT, negativeZeros());

  private final boolean decays;

  private static float[] negativeZeros() {
    float[] zeros = new float[Scratch.TILE];
    Arrays.fill(zeros, -0f);
    return zeros;
  }

  /// @param decays whether the gradient gets a part of the parameter
  ParameterUpdate(boolean decays) {
    this.decays = decays;
  }

  /// Updates `n` elements in place: those of the parameter at `rows[0]` and of its states from `rows[2]` on. The gradient at `rows[1]` may
  /// not change; `spare` has room for as many. What a gradient gets a part of is at `decaying`: the parameter, or zeros, of which a gradient
  /// gets nothing even where the parameter is infinite.
  abstract void tile(long[] rows, long decaying, long spare, int n);

  /// All have the parameter's sizes.
  final void update(Strided parameter, Strided gradient, Strided... states) {
    Strided[] operands = new Strided[2 + states.length];
    operands[0] = parameter;
    operands[GRADIENT] = gradient;
    System.arraycopy(states, 0, operands, 2, states.length);
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      Strided[] flat = lieAlike(operands) ? operands : contiguous(operands, workspace);
      long[] at = new long[flat.length];
      for (int i = 0; i < flat.length; i++) {
        at[i] = i == GRADIENT ? staging.read(flat[i]) : staging.update(flat[i]);
      }
      CpuPool.SHARED.parallelFor(0, parameter.numel(), Elementwise.GRAIN, (begin, end) -> {
        long room = Scratch.current().rows((flat.length + 1) * TILE_BYTES);
        long[] rows = new long[flat.length];
        int n;
        for (long from = begin; from < end; from += n) {
          n = (int) Math.min(Scratch.TILE, end - from);
          for (int i = 0; i < rows.length; i++) {
            int size = flat[i].dtype().size();
            rows[i] = Rows.read(flat[i].dtype(), at[i] + from * size, size, room + i * TILE_BYTES, n);
          }
          tile(rows, decays ? rows[0] : ZEROS.address(), room + rows.length * TILE_BYTES, n);
          for (int i = 0; i < rows.length; i++) {
            if (i != GRADIENT) {
              int size = flat[i].dtype().size();
              Rows.write(flat[i].dtype(), rows[i], at[i] + from * size, size, n);
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
