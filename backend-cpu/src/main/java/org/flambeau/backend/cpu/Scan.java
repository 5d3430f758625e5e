package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.spi.ScanOp;
import org.flambeau.spi.Strided;

/// Running sums and products, carried in double or long.
final class Scan {
  private Scan() {}

  static void scan(ScanOp op, Strided out, Strided x, int dim) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open()) {
      long to = staging.write(out);
      long from = staging.read(x);
      long length = x.rank() == 0 ? 1 : x.size(dim);
      long toStride = x.rank() == 0 ? 0 : out.stride(dim) * out.dtype().size();
      long fromStride = x.rank() == 0 ? 0 : x.stride(dim) * x.dtype().size();
      boolean sum = op == ScanOp.CUMSUM;
      Compute compute = Compute.of(out.dtype()) == Compute.LONG ? Compute.LONG : Compute.DOUBLE;
      Conversion load = Conversion.of(x.dtype());
      Conversion store = Conversion.of(out.dtype());
      new LineSpace(dim, out, x).forEach((target, source, _) -> {
        long tile = Scratch.current().tile(0);
        double real = sum ? 0 : 1;
        long whole = sum ? 0 : 1;
        for (long at = 0; at < length; at += Scratch.TILE) {
          int n = (int) Math.min(Scratch.TILE, length - at);
          load.load(compute, from + source + at * fromStride, fromStride, tile, n);
          if (compute == Compute.LONG) {
            whole = scanLongs(sum, tile, n, whole);
          } else {
            real = scanDoubles(sum, tile, n, real);
          }
          store.store(compute, tile, to + target + at * toStride, toStride, n);
        }
      });
    }
  }

  private static double scanDoubles(boolean sum, long tile, int n, double carried) {
    double value = carried;
    for (int i = 0; i < n; i++) {
      double next = ALL.get(DOUBLE, tile + 8L * i);
      value = sum ? value + next : value * next;
      ALL.set(DOUBLE, tile + 8L * i, value);
    }
    return value;
  }

  private static long scanLongs(boolean sum, long tile, int n, long carried) {
    long value = carried;
    for (int i = 0; i < n; i++) {
      long next = ALL.get(LONG, tile + 8L * i);
      value = sum ? value + next : value * next;
      ALL.set(LONG, tile + 8L * i, value);
    }
    return value;
  }
}
