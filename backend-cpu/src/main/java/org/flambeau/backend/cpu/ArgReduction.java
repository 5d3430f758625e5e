package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Where along a dimension the largest or smallest element first stands: folds a piece of the line at a time, and looks for
/// the position only in a piece that holds a better one.
final class ArgReduction {
  private ArgReduction() {}

  static void run(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim) {
    if (indices.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open()) {
      long from = staging.read(x);
      long to = staging.write(indices);
      long valuesTo = values == null ? 0 : staging.write(values);
      long length = x.rank() == 0 ? 1 : x.size(dim);
      long stride = x.rank() == 0 ? 0 : x.stride(dim) * x.dtype().size();
      Compute compute = Compute.of(x.dtype());
      Conversion conversion = Conversion.of(x.dtype());
      Reducer reducer = Reduction.reducer(compute, largest ? Fold.MAX : Fold.MIN);
      Strided valuesOrIndices = values == null ? indices : values;
      new LineSpace(dim, x, indices, valuesOrIndices).forEach((source, index, value) -> {
        Scratch scratch = Scratch.current();
        long tile = scratch.tile(0);
        long best = 0;
        long position = -1;
        for (long at = 0; at < length; at += Scratch.TILE) {
          int n = (int) Math.min(Scratch.TILE, length - at);
          long piece = from + source + at * stride;
          if (!compute.is(x.dtype()) || stride != compute.size()) {
            conversion.load(compute, piece, stride, tile, n);
            piece = tile;
          }
          long candidate = reducer.row(piece, n, 0);
          if (position < 0 || isBetter(compute, largest, candidate, best)) {
            best = candidate;
            position = at + find(compute, piece, best);
          }
        }
        ALL.set(LONG, to + index, position);
        if (values != null) {
          ALL.set(LONG, tile, best);
          conversion.store(compute == Compute.LONG ? Compute.LONG : Compute.DOUBLE, tile, valuesTo + value, 0, 1);
        }
      });
    }
  }

  /// NaN is beyond all.
  private static boolean isBetter(Compute compute, boolean largest, long candidate, long best) {
    if (compute == Compute.LONG) {
      return largest ? candidate > best : candidate < best;
    }
    double a = Double.longBitsToDouble(candidate);
    double b = Double.longBitsToDouble(best);
    return !Double.isNaN(b) && (Double.isNaN(a) || (largest ? a > b : a < b));
  }

  private static int find(Compute compute, long piece, long bits) {
    int i = 0;
    if (compute == Compute.LONG) {
      while (ALL.get(LONG, piece + 8L * i) != bits) {
        i++;
      }
      return i;
    }
    double value = Double.longBitsToDouble(bits);
    while (true) {
      double x = compute == Compute.FLOAT ? ALL.get(FLOAT, piece + 4L * i) : ALL.get(DOUBLE, piece + 8L * i);
      if (x == value || Double.isNaN(x) && Double.isNaN(value)) {
        return i;
      }
      i++;
    }
  }
}
