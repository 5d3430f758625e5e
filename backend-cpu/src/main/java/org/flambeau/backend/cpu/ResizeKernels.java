package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.spi.ResizeSpec;
import org.flambeau.spi.Strided;

/// Rows, images and volumes in other sizes, and the gradients of that, which are sums of the same kind.
///
/// A line of the result is a weighted sum of lines, and each of its elements a weighted sum of elements: one is done first on whichever are
/// fewer lines. Lines that were read, and summed up within, stay for as long as lines of the result need them.
final class ResizeKernels {
  /// Elements that are worth a thread.
  private static final long GRAIN = 1 << 13;

  private final Volume to;
  private final Volume from;
  private final Taps planes;
  private final Taps rows;
  private final Taps columns;
  /// Whether elements are summed up before lines are.
  private final boolean elementsFirst;

  private ResizeKernels(Volume to, Volume from, Taps planes, Taps rows, Taps columns) {
    this.to = to;
    this.from = from;
    this.planes = planes;
    this.rows = rows;
    this.columns = columns;
    this.elementsFirst = (long) to.sizes[0] * to.sizes[1] >= (long) from.sizes[0] * from.sizes[1];
  }

  /// As [org.flambeau.spi.Kernels#resize].
  static void resize(Strided out, Strided x, ResizeSpec resize) {
    run(out, x, resize, false);
  }

  /// As [org.flambeau.spi.Kernels#resizeBackward].
  static void resizeBackward(Strided gradX, Strided grad, ResizeSpec resize) {
    run(gradX, grad, resize, true);
  }

  private static void run(Strided out, Strided x, ResizeSpec resize, boolean backward) {
    if (out.numel() == 0) {
      return;
    }
    boolean channelsLast = Volume.isChannelsLast(out) && Volume.isChannelsLast(x);
    Volume to = new Volume(out, channelsLast);
    Volume from = new Volume(x, channelsLast);
    boolean wide = out.dtype() == DType.FLOAT64;
    int missing = 5 - out.rank();
    Taps[] taps = new Taps[3];
    for (int d = 0; d < 3; d++) {
      int small = from.sizes[d];
      int large = to.sizes[d];
      taps[d] = d < missing ? Taps.copies(1, 1)
          : backward ? Taps.of(resize, d - missing, large, small, wide).transposed(large)
          : Taps.of(resize, d - missing, small, large, wide);
    }
    ResizeKernels kernel = new ResizeKernels(to, from, taps[0], taps[1], taps[2]);
    CpuPool.SHARED.parallelFor(0, to.lines(), Math.max(1, GRAIN / to.length()), kernel::lines);
  }

  /// The lines of the result from `begin` to before `end`.
  private void lines(long begin, long end) {
    Sums sums = new Sums();
    Line result = Line.of(to.dtype, to.length());
    for (long line = begin; line < end; line++) {
      int row = (int) (line % to.sizes[1]);
      int plane = (int) (line / to.sizes[1] % to.sizes[0]);
      long group = line / ((long) to.sizes[0] * to.sizes[1]);
      Line sum = sums.of(group, plane, row);
      if (!elementsFirst) {
        result.resize(sum, columns, to.pixel);
        sum = result;
      }
      sum.store(to.address(group, plane, row), to.step, 0, to.length());
    }
  }

  /// A thread's sums of lines, and the lines that they are of.
  private final class Sums {
    private final int length = elementsFirst ? to.length() : from.length();
    private final Line read = Line.of(from.dtype, from.length());
    private final Line sum = Line.of(to.dtype, length);
    private final Line[] kept = new Line[planes.span * rows.span];
    private final long[] keys = new long[kept.length];

    Sums() {
      Arrays.setAll(kept, _ -> Line.of(from.dtype, length));
      Arrays.fill(keys, -1);
    }

    Line of(long group, int plane, int row) {
      int terms = 0;
      for (int p = planes.start[plane]; p < planes.start[plane + 1]; p++) {
        for (int r = rows.start[row]; r < rows.start[row + 1]; r++) {
          Line line = line(group, planes.from[p], rows.from[r]);
          double weight = planes.weight[p] * rows.weight[r];
          if (terms++ > 0) {
            sum.addScaled(0, line, 0, weight, length);
          } else if (weight == 1 && planes.isOnly(plane) && rows.isOnly(row)) {
            return line;
          } else {
            sum.scale(line, weight, length);
          }
        }
      }
      if (terms == 0) {
        sum.clear();
      }
      return sum;
    }

    /// Fewer lines than there is room for lie between those that are needed at once, so that none takes the place of another.
    private Line line(long group, int plane, int row) {
      int place = plane % planes.span * rows.span + row % rows.span;
      long key = (group * from.sizes[0] + plane) * from.sizes[1] + row;
      Line line = kept[place];
      if (keys[place] != key) {
        keys[place] = key;
        Line target = elementsFirst ? read : line;
        target.load(from.address(group, plane, row), from.step, 0, from.length());
        if (elementsFirst) {
          line.resize(read, columns, from.pixel);
        }
      }
      return line;
    }
  }

  /// (n, c, …) as lines along the last dimension: of one channel, or, channels-last, of pixels of all.
  private static final class Volume {
    final DType dtype;
    /// Planes, rows, columns.
    final int[] sizes = {1, 1, 1};
    /// Elements of one column of a line.
    final int pixel;
    /// Bytes between neighbours in a line.
    final long step;

    private final long base;
    private final long batch;
    private final long channels;
    private final long stepN;
    private final long stepC;
    private final long[] steps = new long[2];

    Volume(Strided x, boolean channelsLast) {
      dtype = x.dtype();
      int size = dtype.size();
      int missing = 5 - x.rank();
      for (int d = missing; d < 3; d++) {
        sizes[d] = Math.toIntExact(x.size(d + 2 - missing));
        if (d < 2) {
          steps[d] = x.stride(d + 2 - missing) * size;
        }
      }
      pixel = channelsLast ? Math.toIntExact(x.size(1)) : 1;
      batch = x.size(0);
      channels = channelsLast ? 1 : x.size(1);
      base = x.address();
      stepN = x.stride(0) * size;
      stepC = x.stride(1) * size;
      step = channelsLast ? size : x.stride(x.rank() - 1) * size;
      Math.multiplyExact(sizes[2], pixel);
    }

    static boolean isChannelsLast(Strided x) {
      return x.size(1) > 3 && x.stride(1) == 1 && x.stride(x.rank() - 1) == x.size(1);
    }

    int length() {
      return sizes[2] * pixel;
    }

    long lines() {
      return batch * channels * sizes[0] * sizes[1];
    }

    long address(long group, int plane, int row) {
      return base + group / channels * stepN + group % channels * stepC + plane * steps[0] + row * steps[1];
    }
  }
}
