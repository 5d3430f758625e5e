package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.spi.Pool2d;
import org.flambeau.spi.Strided;

/// Averages of windows and their gradients, line by line in float64 whatever the dtype: memory is the limit, and one code
/// serves all.
final class AvgPoolKernels {
  private AvgPoolKernels() {}

  /// A kernel's working copy of lines, with what it does for one row of its result.
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
  static void avgPool2d(Strided out, Strided x, Pool2d spec) {
    Lines[] lines = Lines.of(out, x);
    Lines to = lines[0];
    Lines from = lines[1];
    int pixel = to.pixel;
    int stride = spec.strideW();
    forEachRow(to, spec.kernelH() * spec.kernelW(), () -> {
      // One channel: a window at every column, whatever the stride, so that neighbouring sums form vectors.
      int starts = (to.width - 1) * stride + 1;
      double[] sums = new double[Math.max(starts, to.width) * pixel];
      double[] line = new double[paddedWidth(to, from, spec) * pixel];
      return (group, row) -> {
        int top = row * spec.strideH() - spec.padH();
        Arrays.fill(sums, 0);
        for (int h = Math.max(top, 0); h < Math.min(top + spec.kernelH(), from.height); h++) {
          Runs.load(from.dtype, from.address(group, h), from.step, line, spec.padW() * pixel, from.length());
          for (int j = 0; j < spec.kernelW(); j++) {
            if (pixel == 1) {
              add(sums, 0, line, j, starts);
            } else {
              for (int i = 0; i < to.width; i++) {
                add(sums, i * pixel, line, (i * stride + j) * pixel, pixel);
              }
            }
          }
        }
        int apart = pixel == 1 ? stride : 1;
        for (int i = 0; i < to.width; i++) {
          double divisor = divisor(spec, top, i * stride - spec.padW(), from.height, from.width);
          for (int c = 0; c < pixel; c++) {
            sums[i * pixel + c] = sums[(i * apart) * pixel + c] / divisor;
          }
        }
        Runs.store(to.dtype, to.address(group, row), to.step, sums, 0, to.length());
      };
    });
  }

  /// As [org.flambeau.spi.Kernels#avgPool2dBackward].
  static void avgPool2dBackward(Strided gradX, Strided grad, Pool2d spec) {
    Lines[] lines = Lines.of(gradX, grad);
    Lines to = lines[0];
    Lines from = lines[1];
    int pixel = to.pixel;
    int stride = spec.strideW();
    forEachRow(to, spec.kernelH() * spec.kernelW(), () -> {
      double[] sums = new double[paddedWidth(from, to, spec) * pixel];
      double[] line = new double[from.length()];
      return (group, h) -> {
        Arrays.fill(sums, 0);
        int first = Math.max(0, Math.floorDiv(h + spec.padH() - spec.kernelH(), spec.strideH()) + 1);
        int last = Math.min(from.height - 1, (h + spec.padH()) / spec.strideH());
        for (int row = first; row <= last; row++) {
          Runs.load(from.dtype, from.address(group, row), from.step, line, 0, from.length());
          int top = row * spec.strideH() - spec.padH();
          for (int i = 0; i < from.width; i++) {
            double divisor = divisor(spec, top, i * stride - spec.padW(), to.height, to.width);
            for (int c = 0; c < pixel; c++) {
              line[i * pixel + c] /= divisor;
            }
            for (int j = 0; j < spec.kernelW(); j++) {
              add(sums, (i * stride + j) * pixel, line, i * pixel, pixel);
            }
          }
        }
        Runs.store(to.dtype, to.address(group, h), to.step, sums, spec.padW() * pixel, to.length());
      };
    });
  }

  /// Columns that windows reach, or the image does, from the left padding on.
  private static int paddedWidth(Lines windows, Lines image, Pool2d spec) {
    return Math.max((windows.width - 1) * spec.strideW() + spec.kernelW(), spec.padW() + image.width);
  }

  /// What the sum over the window that begins at (top, left) is divided by. A window never counts what lies beyond the
  /// padding, where rounding up the result's size may have put it.
  private static double divisor(Pool2d spec, int top, int left, int height, int width) {
    if (spec.divisor() != 0) {
      return spec.divisor();
    }
    int bottom = Math.min(top + spec.kernelH(), height + spec.padH());
    int right = Math.min(left + spec.kernelW(), width + spec.padW());
    if (spec.countIncludePad()) {
      return (double) (bottom - top) * (right - left);
    }
    return (double) (Math.min(bottom, height) - Math.max(top, 0)) * (Math.min(right, width) - Math.max(left, 0));
  }

  // ---- windows that share an image evenly ----

  /// As [org.flambeau.spi.Kernels#adaptiveAvgPool2d].
  static void adaptiveAvgPool2d(Strided out, Strided x) {
    Lines[] lines = Lines.of(out, x);
    Lines to = lines[0];
    Lines from = lines[1];
    int pixel = to.pixel;
    int work = Math.max(1, from.height * from.width / Math.max(1, to.height * to.width));
    forEachRow(to, work, () -> {
      double[] sums = new double[to.length()];
      double[] line = new double[from.length()];
      return (group, row) -> {
        int top = begin(row, to.height, from.height);
        int bottom = end(row, to.height, from.height);
        Arrays.fill(sums, 0);
        for (int h = top; h < bottom; h++) {
          Runs.load(from.dtype, from.address(group, h), from.step, line, 0, from.length());
          for (int i = 0; i < to.width; i++) {
            int right = end(i, to.width, from.width);
            for (int w = begin(i, to.width, from.width); w < right; w++) {
              add(sums, i * pixel, line, w * pixel, pixel);
            }
          }
        }
        divide(sums, pixel, to.width, from.width, bottom - top);
        Runs.store(to.dtype, to.address(group, row), to.step, sums, 0, to.length());
      };
    });
  }

  /// As [org.flambeau.spi.Kernels#adaptiveAvgPool2dBackward].
  static void adaptiveAvgPool2dBackward(Strided gradX, Strided grad) {
    Lines[] lines = Lines.of(gradX, grad);
    Lines to = lines[0];
    Lines from = lines[1];
    int pixel = to.pixel;
    forEachRow(to, 1 + from.width / Math.max(1, to.width), () -> {
      double[] sums = new double[to.length()];
      double[] line = new double[from.length()];
      return (group, h) -> {
        Arrays.fill(sums, 0);
        int row = (int) ((long) h * from.height / to.height);
        while (row > 0 && end(row - 1, from.height, to.height) > h) {
          row--;
        }
        for (; row < from.height && begin(row, from.height, to.height) <= h; row++) {
          Runs.load(from.dtype, from.address(group, row), from.step, line, 0, from.length());
          divide(line, pixel, from.width, to.width, end(row, from.height, to.height) - begin(row, from.height, to.height));
          for (int i = 0; i < from.width; i++) {
            int right = end(i, from.width, to.width);
            for (int w = begin(i, from.width, to.width); w < right; w++) {
              add(sums, w * pixel, line, i * pixel, pixel);
            }
          }
        }
        Runs.store(to.dtype, to.address(group, h), to.step, sums, 0, to.length());
      };
    });
  }

  /// Divides a line of window values by the sizes of their windows, `height` by what they share of `width`.
  private static void divide(double[] line, int pixel, int windows, int width, int height) {
    for (int i = 0; i < windows; i++) {
      double size = (double) height * (end(i, windows, width) - begin(i, windows, width));
      for (int c = 0; c < pixel; c++) {
        line[i * pixel + c] /= size;
      }
    }
  }

  private static int begin(int i, int windows, int size) {
    return (int) ((long) i * size / windows);
  }

  private static int end(int i, int windows, int size) {
    return (int) Math.ceilDiv((i + 1L) * size, windows);
  }

  private static void add(double[] sums, int at, double[] line, int from, int n) {
    for (int i = 0; i < n; i++) {
      sums[at + i] += line[from + i];
    }
  }
}
