package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.spi.PoolSpec;
import org.flambeau.spi.Strided;

/// Averages of windows and their gradients. Lines are added up first, then columns: what a window is divided by is a
/// number of rows times a number of columns too.
final class AvgPoolKernels {
  private AvgPoolKernels() {}

  /// A thread's working lines, with what it does with them for one row of the result.
  private interface RowTask {
    void run(int group, int row);
  }

  private interface RowTasks {
    RowTask make();
  }

  private static void forEachRow(Lines result, int work, RowTasks tasks) {
    CpuPool.SHARED.parallelFor(0, result.count(), result.grain(work), (begin, end) -> {
      RowTask task = tasks.make();
      for (long i = begin; i < end; i++) {
        task.run((int) (i / result.height), (int) (i % result.height));
      }
    });
  }

  // ---- sliding windows ----

  /// As [org.flambeau.spi.Kernels#avgPool2d].
  static void avgPool2d(Strided out, Strided x, PoolSpec spec) {
    Lines[] lines = Lines.of(out, x);
    Lines to = lines[0];
    Lines from = lines[1];
    int pixel = to.pixel;
    int stride = spec.strideW();
    forEachRow(to, spec.kernelH() + spec.kernelW(), () -> {
      // Of one channel, windows begin at every column, whatever the stride: neighbouring sums form vectors.
      int starts = (to.width - 1) * stride + 1;
      Line line = Line.of(from.dtype, paddedWidth(to, from, spec) * pixel);
      Line rows = Line.of(from.dtype, paddedWidth(to, from, spec) * pixel);
      Line sums = Line.of(from.dtype, Math.max(starts, to.width) * pixel);
      Line widths = widths(to, from, spec);
      return (group, row) -> {
        int top = row * spec.strideH() - spec.padH();
        rows.clear();
        rows.addRows(spec.padW() * pixel, from, group, Math.max(top, 0), Math.min(top + spec.kernelH(), from.height), line);
        sums.clear();
        for (int j = 0; j < spec.kernelW(); j++) {
          if (pixel == 1) {
            sums.add(0, rows, j, starts);
          } else {
            for (int i = 0; i < to.width; i++) {
              sums.add(i * pixel, rows, (i * stride + j) * pixel, pixel);
            }
          }
        }
        if (pixel == 1) {
          sums.compact(stride, to.width);
        }
        sums.divide(widths, height(spec, top, from.height), to.length());
        sums.store(to.address(group, row), to.step, 0, to.length());
      };
    });
  }

  /// As [org.flambeau.spi.Kernels#avgPool2dBackward].
  static void avgPool2dBackward(Strided gradX, Strided grad, PoolSpec spec) {
    Lines[] lines = Lines.of(gradX, grad);
    Lines to = lines[0];
    Lines from = lines[1];
    int pixel = to.pixel;
    int stride = spec.strideW();
    forEachRow(to, spec.kernelH() + spec.kernelW(), () -> {
      int starts = (from.width - 1) * stride + 1;
      Line line = Line.of(from.dtype, from.length());
      Line rows = Line.of(from.dtype, from.length());
      Line apart = Line.of(from.dtype, starts);
      Line sums = Line.of(from.dtype, paddedWidth(from, to, spec) * pixel);
      Line widths = widths(from, to, spec);
      return (group, h) -> {
        int first = Math.max(0, Math.floorDiv(h + spec.padH() - spec.kernelH(), spec.strideH()) + 1);
        int last = Math.min(from.height - 1, (h + spec.padH()) / spec.strideH());
        rows.clear();
        for (int row = first; row <= last; row++) {
          line.load(from.address(group, row), from.step, 0, from.length());
          line.divide(widths, height(spec, row * spec.strideH() - spec.padH(), to.height), from.length());
          rows.add(0, line, 0, from.length());
        }
        if (pixel == 1) {
          apart.spread(rows, stride, from.width);
        }
        sums.clear();
        for (int j = 0; j < spec.kernelW(); j++) {
          if (pixel == 1) {
            sums.add(j, apart, 0, starts);
          } else {
            for (int i = 0; i < from.width; i++) {
              sums.add((i * stride + j) * pixel, rows, i * pixel, pixel);
            }
          }
        }
        sums.store(to.address(group, h), to.step, spec.padW() * pixel, to.length());
      };
    });
  }

  /// Columns that windows reach, or the image does, from the left padding on.
  private static int paddedWidth(Lines windows, Lines image, PoolSpec spec) {
    return Math.max((windows.width - 1) * spec.strideW() + spec.kernelW(), spec.padW() + image.width);
  }

  /// The columns that each window of a row counts.
  private static Line widths(Lines windows, Lines image, PoolSpec spec) {
    Line widths = Line.of(image.dtype, windows.length());
    for (int i = 0; i < windows.width; i++) {
      int left = i * spec.strideW() - spec.padW();
      int width = spec.divisor() != 0 ? 1 : counted(left, spec.kernelW(), image.width, spec.padW(), spec.countIncludePad());
      widths.set(i * windows.pixel, windows.pixel, width);
    }
    return widths;
  }

  /// The rows that the windows from `top` on count, or the divisor that was asked for.
  private static int height(PoolSpec spec, int top, int height) {
    return spec.divisor() != 0 ? spec.divisor() : counted(top, spec.kernelH(), height, spec.padH(), spec.countIncludePad());
  }

  /// How much of a window counts: never what lies beyond the padding, where rounding up the result's size may have put it.
  private static int counted(int begin, int kernel, int size, int padding, boolean includePadding) {
    int end = Math.min(begin + kernel, size + padding);
    return includePadding ? end - begin : Math.min(end, size) - Math.max(begin, 0);
  }

  // ---- windows that share an image evenly ----

  /// As [org.flambeau.spi.Kernels#adaptiveAvgPool2d].
  static void adaptiveAvgPool2d(Strided out, Strided x) {
    Lines[] lines = Lines.of(out, x);
    Lines to = lines[0];
    Lines from = lines[1];
    Taps columns = Taps.shares(from.width, to.width);
    int work = Math.max(1, from.height * from.width / Math.max(1, to.height * to.width));
    forEachRow(to, work, () -> {
      Line line = Line.of(from.dtype, from.length());
      Line rows = Line.of(from.dtype, from.length());
      Line sums = Line.of(from.dtype, to.length());
      Line widths = widths(columns, to);
      return (group, row) -> {
        int top = Taps.shareBegin(row, to.height, from.height);
        int bottom = Taps.shareEnd(row, to.height, from.height);
        rows.clear();
        rows.addRows(0, from, group, top, bottom, line);
        sums.resize(rows, columns, to.pixel);
        sums.divide(widths, bottom - top, to.length());
        sums.store(to.address(group, row), to.step, 0, to.length());
      };
    });
  }

  /// As [org.flambeau.spi.Kernels#adaptiveAvgPool2dBackward].
  static void adaptiveAvgPool2dBackward(Strided gradX, Strided grad) {
    Lines[] lines = Lines.of(gradX, grad);
    Lines to = lines[0];
    Lines from = lines[1];
    Taps windows = Taps.shares(to.width, from.width);
    Taps columns = windows.transposed(to.width);
    forEachRow(to, 1 + from.width / Math.max(1, to.width), () -> {
      Line line = Line.of(from.dtype, from.length());
      Line rows = Line.of(from.dtype, from.length());
      Line sums = Line.of(from.dtype, to.length());
      Line widths = widths(windows, from);
      int[] last = {-1, -1, -1};
      return (group, h) -> {
        int first = (int) ((long) h * from.height / to.height);
        while (first > 0 && Taps.shareEnd(first - 1, from.height, to.height) > h) {
          first--;
        }
        int end = first;
        while (end < from.height && Taps.shareBegin(end, from.height, to.height) <= h) {
          end++;
        }
        int[] windowRows = {group, first, end};
        if (!Arrays.equals(windowRows, last)) { // neighbours mostly have the same
          System.arraycopy(windowRows, 0, last, 0, last.length);
          rows.clear();
          for (int row = first; row < end; row++) {
            line.load(from.address(group, row), from.step, 0, from.length());
            line.divide(widths, Taps.shareEnd(row, from.height, to.height) - Taps.shareBegin(row, from.height, to.height), from.length());
            rows.add(0, line, 0, from.length());
          }
          sums.resize(rows, columns, to.pixel);
        }
        sums.store(to.address(group, h), to.step, 0, to.length());
      };
    });
  }

  /// The columns in each window's share.
  private static Line widths(Taps shares, Lines windows) {
    Line widths = Line.of(windows.dtype, windows.length());
    for (int i = 0; i < windows.width; i++) {
      widths.set(i * windows.pixel, windows.pixel, shares.start[i + 1] - shares.start[i]);
    }
    return widths;
  }
}
