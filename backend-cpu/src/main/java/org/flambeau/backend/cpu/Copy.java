package org.flambeau.backend.cpu;

import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Moves elements between any two layouts, bit for bit where the dtypes agree.
public final class Copy {
  /// Edge of the squares in which a transposition works, in elements and, at least, in bytes: their rows and columns stay in the first-level
  /// cache, of whose lines the processor fetches two at a time.
  private static final int SQUARE = 32;
  private static final int SQUARE_BYTES = 128;

  /// Rows of fewer elements are not worth a loop.
  private static final int FEW = 8;

  private static final int COLUMN = 256;
  private static final long GRAIN_BYTES = 128 << 10;
  private static final ThreadLocal<Copy> CURRENT = ThreadLocal.withInitial(Copy::new);

  private final IterationSpace space = new IterationSpace(2);

  private Copy() {}

  public static void copy(Strided out, Strided x) {
    if (out.numel() == 0) {
      return;
    }
    if (out.dtype() == x.dtype()) {
      try (Staging staging = Staging.open()) {
        CURRENT.get().raw(staging.write(out), out, staging.read(x), x);
      }
    } else {
      Elementwise.run(Pass.cast(out.dtype(), x.dtype()), out, x, null, null);
    }
  }

  /// As [org.flambeau.spi.Kernels#flip].
  static void flip(Strided out, Strided x, int... dims) {
    try (Staging staging = Staging.open()) {
      copy(staging.writable(out), staging.readable(x).reversed(dims));
    }
  }

  /// Sets all elements to the one of `value`.
  static void fill(Strided out, Strided value) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open()) {
      long pattern = staging.read(value);
      if (value.dtype() != out.dtype()) {
        Compute compute = Pass.cast(out.dtype(), value.dtype()).compute();
        long tile = staging.reserve(Long.BYTES);
        Conversion.of(value.dtype()).load(compute, pattern, 0, tile, 1);
        pattern = staging.reserve(Long.BYTES);
        Conversion.of(out.dtype()).store(compute, tile, pattern, 0, 1);
      }
      CURRENT.get().raw(staging.write(out), out, pattern, null);
    }
  }

  /// `x` is null for one element at `from` that is copied everywhere.
  private void raw(long to, Strided out, long from, @Nullable Strided x) {
    int size = out.dtype().size();
    if (out.isContiguous() && (x == null || x.isContiguous() && x.numel() == out.numel())) {
      space.begin(out.numel(), size);
      space.add(x == null ? 0 : size);
    } else {
      space.begin(out);
      if (x == null) {
        space.add(0);
      } else {
        space.add(out, x);
      }
      space.collapse();
    }
    int transposed = transposedDimension(size);
    if (transposed > 0) {
      space.swap(1, transposed);
      transpose(size, to, from);
      return;
    }
    if (space.rank() > 1 && space.size(0) < FEW) {
      space.swap(1, longestDimension());
    }
    long numel = space.numel();
    long bytes = space.stride(0, 0) == size ? size : 4L * size; // what has a line of the cache to itself costs more than its bytes
    if (numel * bytes < 2 * GRAIN_BYTES) {
      rows(size, to, from, 0, numel);
    } else {
      CpuPool.SHARED.parallelFor(0, numel, GRAIN_BYTES / bytes, (begin, end) -> rows(size, to, from, begin, end));
    }
  }

  /// The dimension along which `x` is contiguous, where the output is so along the innermost; else 0.
  private int transposedDimension(int size) {
    if (space.stride(0, 0) == size && space.stride(1, 0) != size && space.stride(1, 0) != 0 && space.size(0) >= FEW) {
      for (int d = 1; d < space.rank(); d++) {
        if (space.stride(1, d) == size && space.size(d) >= FEW) {
          return d;
        }
      }
    }
    return 0;
  }

  private int longestDimension() {
    int longest = 1;
    for (int d = 2; d < space.rank(); d++) {
      if (space.size(d) > space.size(longest)) {
        longest = d;
      }
    }
    return longest;
  }

  private void rows(int size, long to, long from, long begin, long end) {
    long inner = space.size(0);
    long row = begin / inner;
    long first = begin - row * inner;
    for (long at = begin; at < end;) {
      long n = Math.min(inner - first, end - at);
      long count = n < inner || space.rank() == 1 ? 1 : Math.min(space.size(1) - row % space.size(1), (end - at) / inner);
      block(size, to + space.offset(0, row, 1) + first * space.stride(0, 0), from + space.offset(1, row, 1) + first * space.stride(1, 0),
          n, count);
      at += n * count;
      row += count;
      first = 0;
    }
  }

  /// The first n elements of `count` rows that are neighbours in dimension 1.
  private void block(int size, long to, long from, long n, long count) {
    long toStride = space.stride(0, 0);
    long fromStride = space.stride(1, 0);
    long toRow = count == 1 ? 0 : space.stride(0, 1);
    long fromRow = count == 1 ? 0 : space.stride(1, 1);
    if (toStride == size && fromStride == size && n >= FEW) {
      ByteMoves.copy(from, fromRow, to, toRow, n * size, count);
      return;
    }
    if (n < FEW && count > n) { // short rows are columns, long ones, of which the cache holds some at a time
      for (long done = 0; done < count; done += COLUMN) {
        for (long i = 0; i < n; i++) {
          row(size, to + done * toRow + i * toStride, toRow, from + done * fromRow + i * fromStride, fromRow,
              Math.min(COLUMN, count - done));
        }
      }
      return;
    }
    for (long r = 0; r < count; r++) {
      row(size, to + r * toRow, toStride, from + r * fromRow, fromStride, n);
    }
  }

  static void row(int size, long to, long toStride, long from, long fromStride, long n) {
    if (toStride == size && fromStride == 0) {
      ByteMoves.repeat(size, to, from, n);
    } else if (toStride == size && fromStride == -size) {
      ByteMoves.reverse(size, to, from, n);
    } else {
      Runs.move(size, to, toStride, from, fromStride, n);
    }
  }

  /// The output is contiguous along dimension 0, the input along dimension 1.
  private void transpose(int size, long to, long from) {
    long edge = Math.max(SQUARE, SQUARE_BYTES / size);
    long across = Math.ceilDiv(space.size(0), edge);
    long down = Math.ceilDiv(space.size(1), edge);
    IterationSpace planes = new IterationSpace(2);
    planes.begin(2);
    for (int d = 2; d < space.rank(); d++) {
      planes.append(space, d);
    }
    long squares = planes.numel() * across * down;
    long grain = Math.max(1, GRAIN_BYTES / (size * edge * edge));
    CpuPool.SHARED.parallelFor(0, squares, grain, (begin, end) -> {
      for (long square = begin; square < end; square++) {
        long plane = square / (across * down);
        long i = square / down % across * edge;
        long j = square % down * edge;
        long width = Math.min(edge, space.size(0) - i);
        long height = Math.min(edge, space.size(1) - j);
        long source = from + planes.offset(1, plane, 0) + i * space.stride(1, 0) + j * size;
        long target = to + planes.offset(0, plane, 0) + i * size + j * space.stride(0, 1);
        Transposition.move(size, target, space.stride(0, 1), height, source, space.stride(1, 0), width);
      }
    });
  }
}
