package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.spi.Strided;

/// The largest or smallest of all elements up to each along a dimension, and the last position of one; NaN, once met, stays.
///
/// Elements are compared as doubles or longs, which hold those of any dtype exactly.
final class RunningExtremum {
  private RunningExtremum() {}

  static void run(boolean largest, Strided values, Strided indices, Strided x, int dim) {
    if (x.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open()) {
      long valuesTo = staging.write(values);
      long indicesTo = staging.write(indices);
      long from = staging.read(x);
      Conversion conversion = Conversion.of(x.dtype());
      Compute compute = x.dtype().isFloating() ? Compute.DOUBLE : Compute.LONG;
      long length = x.size(dim);
      long fromStride = x.stride(dim) * x.dtype().size();
      long valuesStride = values.stride(dim) * x.dtype().size();
      long indicesStride = indices.stride(dim) * Long.BYTES;
      new LineSpace(dim, values, indices, x).forEach((value, index, source) -> {
        Scratch scratch = Scratch.current();
        long tile = scratch.tile(0);
        long positions = scratch.tile(1);
        long best = 0;
        long position = 0;
        int n;
        for (long at = 0; at < length; at += n) {
          n = (int) Math.min(Scratch.TILE, length - at);
          conversion.load(compute, from + source + at * fromStride, fromStride, tile, n);
          if (at == 0) {
            best = ALL.get(LONG, tile);
          }
          if (compute == Compute.LONG) {
            longs(largest, best, position, at, tile, positions, n);
          } else {
            doubles(largest, best, position, at, tile, positions, n);
          }
          best = ALL.get(LONG, tile + 8L * (n - 1));
          position = ALL.get(LONG, positions + 8L * (n - 1));
          conversion.store(compute, tile, valuesTo + value + at * valuesStride, valuesStride, n);
          Copy.row(Long.BYTES, indicesTo + index + at * indicesStride, indicesStride, positions, Long.BYTES, n);
        }
      });
    }
  }

  private static void doubles(boolean largest, long best, long position, long at, long tile, long positions, int n) {
    double value = Double.longBitsToDouble(best);
    long found = position;
    for (int i = 0; i < n; i++) {
      double next = ALL.get(DOUBLE, tile + 8L * i);
      if ((largest ? next >= value : next <= value) || Double.isNaN(next)) {
        value = next;
        found = at + i;
      }
      ALL.set(DOUBLE, tile + 8L * i, value);
      ALL.set(LONG, positions + 8L * i, found);
    }
  }

  private static void longs(boolean largest, long best, long position, long at, long tile, long positions, int n) {
    long value = best;
    long found = position;
    for (int i = 0; i < n; i++) {
      long next = ALL.get(LONG, tile + 8L * i);
      if (largest ? next >= value : next <= value) {
        value = next;
        found = at + i;
      }
      ALL.set(LONG, tile + 8L * i, value);
      ALL.set(LONG, positions + 8L * i, found);
    }
  }
}
