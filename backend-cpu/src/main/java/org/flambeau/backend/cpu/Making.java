package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.spi.Strided;

/// Sequences and triangles.
final class Making {
  private static final boolean VECTORS = Vectorization.PRESENT != null;

  private Making() {}

  static void arange(Strided out, double start, double step) {
    try (Staging staging = Staging.open()) {
      long to = staging.write(out);
      long stride = out.stride(0) * out.dtype().size();
      Compute compute = Compute.of(out.dtype()) == Compute.LONG ? Compute.LONG : Compute.DOUBLE;
      Conversion conversion = Conversion.of(out.dtype());
      boolean inPlace = compute.is(out.dtype()) && stride == Long.BYTES;
      CpuPool.SHARED.parallelFor(0, out.numel(), Elementwise.GRAIN, (begin, end) -> {
        long tile = Scratch.current().tile(0);
        for (long at = begin; at < end; at += Scratch.TILE) {
          int n = (int) Math.min(Scratch.TILE, end - at);
          long target = inPlace ? to + at * stride : tile;
          if (compute == Compute.LONG) {
            sequence(target, (long) start + at * (long) step, (long) step, n);
          } else {
            sequence(target, start, step, at, n);
          }
          if (!inPlace) {
            conversion.store(compute, tile, to + at * stride, stride, n);
          }
        }
      });
    }
  }

  private static void sequence(long to, long first, long step, int n) {
    int done = VECTORS ? Vectors.sequence(to, first, step, n) : 0;
    for (int i = done; i < n; i++) {
      ALL.set(LONG, to + 8L * i, first + i * step);
    }
  }

  private static void sequence(long to, double start, double step, long at, int n) {
    int done = VECTORS ? Vectors.sequence(to, start, step, at, n) : 0;
    for (int i = done; i < n; i++) {
      ALL.set(DOUBLE, to + 8L * i, start + (at + i) * step);
    }
  }

  /// Apart, since it is there only where vectors are. Each returns how many of n elements filled whole vectors.
  private static final class Vectors {
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_PREFERRED;

    static int sequence(long to, long first, long step, int n) {
      int whole = LONGS.loopBound(n);
      LongVector next = LongVector.broadcast(LONGS, first).add(LongVector.zero(LONGS).addIndex(1).mul(step));
      for (int i = 0; i < whole; i += LONGS.length()) {
        next.intoMemorySegment(ALL, to + 8L * i, ByteOrder.LITTLE_ENDIAN);
        next = next.add(step * LONGS.length());
      }
      return whole;
    }

    static int sequence(long to, double start, double step, long at, int n) {
      int whole = DOUBLES.loopBound(n);
      DoubleVector index = DoubleVector.broadcast(DOUBLES, at).add(DoubleVector.zero(DOUBLES).addIndex(1));
      for (int i = 0; i < whole; i += DOUBLES.length()) {
        index.mul(step).add(start).intoMemorySegment(ALL, to + 8L * i, ByteOrder.LITTLE_ENDIAN);
        index = index.add(DOUBLES.length());
      }
      return whole;
    }
  }

  static void triangle(Strided out, Strided x, long diagonal, boolean upper) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open()) {
      int size = out.dtype().size();
      int rowDimension = out.rank() - 2;
      int columnDimension = out.rank() - 1;
      long columns = out.size(columnDimension);
      long toStride = out.stride(columnDimension) * size;
      long fromStride = x.stride(columnDimension) * size;
      long toRow = out.stride(rowDimension) * size;
      long fromRow = x.stride(rowDimension) * size;
      long to = staging.write(out);
      long from = staging.read(x);
      long zero = staging.reserve(Long.BYTES);
      ALL.set(LONG, zero, 0);
      Strided outPlanes = firstColumn(out, columnDimension);
      Strided planes = firstColumn(x, columnDimension);
      new LineSpace(rowDimension, outPlanes, planes).forEach((target, source, _) -> {
        for (long i = 0; i < out.size(rowDimension); i++) {
          long begin = upper ? Math.clamp(i + diagonal, 0, columns) : 0;
          long end = upper ? columns : Math.clamp(i + diagonal + 1, 0, columns);
          long toI = to + target + i * toRow;
          long fromI = from + source + i * fromRow;
          Copy.row(size, toI, toStride, zero, 0, begin);
          Copy.row(size, toI + begin * toStride, toStride, fromI + begin * fromStride, fromStride, end - begin);
          Copy.row(size, toI + end * toStride, toStride, zero, 0, columns - end);
        }
      });
    }
  }

  private static Strided firstColumn(Strided x, int dim) {
    long[] sizes = x.sizes().clone();
    sizes[dim] = 1;
    return x.with(x.offset(), sizes, x.strides());
  }
}
