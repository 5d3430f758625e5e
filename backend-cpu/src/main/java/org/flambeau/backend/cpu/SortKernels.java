package org.flambeau.backend.cpu;

import org.flambeau.spi.OrderStatistic;
import org.flambeau.spi.Strided;

/// Sorting and selection along one dimension, on integer keys in the elements' order: one code for all dtypes. [SortedRow] sorts,
/// [RadixSelection] finds an element by its place without sorting.
final class SortKernels {
  /// Elements that are worth a thread.
  private static final long GRAIN = 1 << 13;

  /// Up to so many best elements are kept in a heap while the row passes by.
  private static final int FEW = 16;

  private SortKernels() {}

  /// As [org.flambeau.spi.Kernels#sort]: equal elements keep their order, ascending as descending.
  static void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    forEachRow(values, indices, x, dim, descending, row -> {
      row.load();
      row.sort();
      row.store(row.length());
    });
  }

  /// As [org.flambeau.spi.Kernels#topk]: of equal elements, the first ones.
  static void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    int k = values.rank() == 0 ? 1 : (int) values.size(dim);
    if (k == 0) {
      return;
    }
    forEachRow(values, indices, x, dim, largest, row -> {
      if (k <= FEW) {
        row.loadBest(k);
      } else if (k > row.length() / 2) {
        row.load();
        row.sort();
      } else {
        row.loadUpTo(row.selection().find(k - 1), k);
        row.sort();
      }
      row.store(k);
    });
  }

  /// As [org.flambeau.spi.Kernels#orderStatistic].
  static void orderStatistic(OrderStatistic statistic, long k, Strided values, Strided indices, Strided x, int dim) {
    forEachRow(values, indices, x, dim, false, row -> row.storeOne(switch (statistic) {
      case KTH -> row.selection().find((int) k);
      case MEDIAN -> row.selection().median();
      case NANMEDIAN -> row.selection().nanmedian();
      case MODE -> {
        row.load();
        row.sort();
        yield row.mode();
      }
    }));
  }

  private interface RowTask {
    void run(SortedRow row);
  }

  /// Calls `task` for every row along `dim`, the greatest coming first where `reversed`.
  private static void forEachRow(Strided values, Strided indices, Strided x, int dim, boolean reversed, RowTask task) {
    long length = x.rank() == 0 ? 1 : x.size(dim);
    if (length > Integer.MAX_VALUE - 8) {
      throw new IllegalArgumentException("[sort] a row may have at most " + (Integer.MAX_VALUE - 8) + " elements, got " + length);
    }
    long[] sizes = x.sizes().clone();
    if (sizes.length > 0 && length > 0) {
      sizes[dim] = 1;
    }
    Nest rows = Nest.of(sizes, new long[] {values.address(), indices.address(), x.address()}, Nest.stepsOf(values), Nest.stepsOf(indices),
        Nest.stepsOf(x));
    CpuPool.SHARED.parallelFor(0, rows.numel(), Math.max(1, GRAIN / Math.max(1, length)), (begin, end) -> {
      SortedRow row = new SortedRow((int) length, x.dtype(), stepAlong(values, dim), stepAlong(indices, dim), stepAlong(x, dim), reversed);
      rows.forEachRun(begin, end, (at, n) -> {
        for (long i = 0; i < n; i++) {
          row.moveTo(at[0] + i * rows.step(0), at[1] + i * rows.step(1), at[2] + i * rows.step(2));
          task.run(row);
        }
      });
    });
  }

  private static long stepAlong(Strided operand, int dim) {
    return operand.rank() == 0 ? 0 : operand.stride(dim) * operand.dtype().size();
  }
}
