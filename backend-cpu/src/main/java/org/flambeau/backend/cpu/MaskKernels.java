package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// What is not zero: how many, where, and the elements that a mask selects. Two passes over pieces of the operand, first
/// to count, then, each piece knowing where its share begins, to write; both in parallel.
final class MaskKernels {
  /// Positions in a piece.
  private static final long PIECE = 1 << 13;

  private MaskKernels() {}

  /// As [org.flambeau.spi.Kernels#countNonzero].
  static long countNonzero(Strided x) {
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long[] starts = starts(Nest.inMemoryOrder(truth(x, workspace)));
      return starts[starts.length - 1];
    }
  }

  /// As [org.flambeau.spi.Kernels#nonzero].
  static void nonzero(Strided out, Strided x) {
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      nonzeroOf(out, truth(x, workspace));
    }
  }

  /// Whether each element differs from zero, contiguously; a mask itself.
  private static Strided truth(Strided x, Workspace workspace) {
    if (x.dtype() == DType.BOOL) {
      return x;
    }
    Storage room = new Storage(x.device(), workspace.take(Math.max(1, x.numel())), x.numel());
    Strided mask = Strided.of(room, DType.BOOL, 0, x.sizes(), Strided.contiguousStrides(x.sizes()));
    Copy.copy(mask, x);
    return mask;
  }

  private static void nonzeroOf(Strided out, Strided mask) {
    Nest nest = Nest.of(mask);
    long[] starts = starts(nest);
    if (starts[starts.length - 1] != out.size(0)) {
      throw new IllegalStateException("[nonzero] counted " + out.size(0) + " elements before, " + starts[starts.length - 1] + " now");
    }
    if (mask.rank() == 0) {
      return;
    }
    long step = nest.step(0);
    long row = out.stride(0) * Long.BYTES;
    long column = out.stride(1) * Long.BYTES;
    forEachPiece(nest, (piece, begin, end) -> {
      int[] found = new int[(int) (end - begin) + 1];
      int[] seen = new int[2];
      nest.forEachRun(begin, end, (at, n) -> {
        int count = seen[0];
        for (int i = 0; i < n; i++) {
          found[count] = seen[1] + i;
          count += ALL.get(BYTE, at[0] + i * step) != 0 ? 1 : 0;
        }
        seen[0] = count;
        seen[1] += (int) n;
      });
      long to = out.address() + starts[piece] * row;
      writeCoordinates(mask.sizes(), begin, found, seen[0], to, row, column);
    });
  }

  /// Of the first `count` positions `begin + found[i]`, which ascend: only where one is in another row than the one before, all its coordinates are
  /// divided out.
  private static void writeCoordinates(long[] sizes, long begin, int[] found, int count, long to, long row, long column) {
    int last = sizes.length - 1;
    long[] outer = new long[last];
    long start = begin;
    long end = begin;
    for (int i = 0; i < count; i++) {
      long position = begin + found[i];
      long at = to + i * row;
      if (position >= end) {
        start = position - position % sizes[last];
        end = start + sizes[last];
        long rest = start / sizes[last];
        for (int d = last - 1; d >= 0; d--) {
          outer[d] = rest % sizes[d];
          rest /= sizes[d];
        }
      }
      for (int d = 0; d < last; d++) {
        ALL.set(LONG, at + d * column, outer[d]);
      }
      ALL.set(LONG, at + last * column, position - start);
    }
  }

  /// As [org.flambeau.spi.Kernels#maskedSelect].
  static void maskedSelect(Strided out, Strided x, Strided mask) {
    Nest nest = Nest.of(mask, x);
    long[] starts = starts(nest);
    requirePlaces(out.numel(), starts);
    int width = x.dtype().size();
    long step = out.numel() == 0 ? 0 : out.stride(0) * width;
    long maskStep = nest.step(0);
    long fromStep = nest.step(1);
    forEachPiece(nest, (piece, begin, end) -> {
      long[] to = {out.address() + starts[piece] * step};
      long last = out.address() + starts[piece + 1] * step;
      nest.forEachRun(begin, end, (at, n) -> {
        // Writes every element and steps on only behind the chosen ones: chance decides nothing that is predicted.
        long next = to[0];
        for (long i = 0; i < n && next != last; i++) {
          Runs.move(width, next, at[1] + i * fromStep);
          next += ALL.get(BYTE, at[0] + i * maskStep) != 0 ? step : 0;
        }
        to[0] = next;
      });
    });
  }

  /// As [org.flambeau.spi.Kernels#maskedScatter].
  static void maskedScatter(Strided out, Strided mask, Strided source) {
    Nest nest = Nest.of(mask, out);
    long[] starts = starts(nest);
    requirePlaces(source.numel(), starts);
    int width = out.dtype().size();
    long step = source.numel() == 0 ? 0 : source.stride(0) * width;
    long maskStep = nest.step(0);
    long toStep = nest.step(1);
    forEachPiece(nest, (piece, begin, end) -> {
      long[] from = {source.address() + starts[piece] * step};
      nest.forEachRun(begin, end, (at, n) -> {
        long next = from[0];
        for (long i = 0; i < n; i++) {
          if (ALL.get(BYTE, at[0] + i * maskStep) != 0) {
            Runs.move(width, at[1] + i * toStep, next);
            next += step;
          }
        }
        from[0] = next;
      });
    });
  }

  private static void requirePlaces(long size, long[] starts) {
    if (starts[starts.length - 1] > size) {
      throw new IndexOutOfBoundsException("index " + size + " is out of bounds for dimension 0 with size " + size);
    }
  }

  // ---- pieces ----

  private interface Piece {
    void run(int piece, long begin, long end);
  }

  private static void forEachPiece(Nest nest, Piece body) {
    long numel = nest.numel();
    CpuPool.SHARED.parallelFor(0, (numel + PIECE - 1) / PIECE, 1, (first, last) -> {
      for (long piece = first; piece < last; piece++) {
        body.run((int) piece, piece * PIECE, Math.min(numel, (piece + 1) * PIECE));
      }
    });
  }

  /// How many elements of operand 0 before each piece are not zero, and at last how many there are in all.
  private static long[] starts(Nest nest) {
    long step = nest.step(0);
    long[] starts = new long[(int) ((nest.numel() + PIECE - 1) / PIECE) + 1];
    forEachPiece(nest, (piece, begin, end) -> {
      long[] count = {0};
      nest.forEachRun(begin, end, (at, n) -> count[0] += count(at[0], step, n));
      starts[piece + 1] = count[0];
    });
    for (int piece = 1; piece < starts.length; piece++) {
      starts[piece] += starts[piece - 1];
    }
    return starts;
  }

  private static long count(long at, long step, long n) {
    long count = 0;
    long i = 0;
    if (step == 1) {
      for (; i + Long.BYTES <= n; i += Long.BYTES) {
        count += Long.bitCount(ALL.get(LONG, at + i));
      }
    }
    for (; i < n; i++) {
      count += ALL.get(BYTE, at + i * step) != 0 ? 1 : 0;
    }
    return count;
  }
}
