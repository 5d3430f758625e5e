package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.spi.Strided;

/// Sorting and selection along one dimension, on integer keys in the elements' order: one code for all dtypes.
///
/// Rows are sorted by a least-significant-digit radix sort, which is stable and takes three passes for 32 bits, fewer
/// where digits do not differ; short rows by insertion.
final class SortKernels {
  /// Elements that are worth a thread.
  private static final long GRAIN = 1 << 13;

  /// Rows up to this length are sorted by insertion.
  private static final int SHORT = 40;

  /// From this length on, digits of 11 bits pay for their larger counters.
  private static final int LONG_ROW = 4096;

  private SortKernels() {}

  /// As [org.flambeau.spi.Kernels#sort]: equal elements keep their order, ascending as descending.
  static void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    forEachRow(values, indices, x, dim, (row, at) -> {
      row.load(at[2], descending);
      row.sort();
      row.store(at[0], at[1], row.length);
    });
  }

  /// As [org.flambeau.spi.Kernels#topk]: of equal elements, the first ones.
  static void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    int k = values.rank() == 0 ? 1 : (int) values.size(dim);
    if (k == 0) {
      return;
    }
    forEachRow(values, indices, x, dim, (row, at) -> {
      row.load(at[2], largest);
      if (k > row.length / 8) {
        row.sort();
      } else {
        row.select(k);
      }
      row.store(at[0], at[1], k);
    });
  }

  private interface RowTask {
    void run(Row row, long[] at);
  }

  /// Calls `task` for every row along `dim` with the addresses of its first value, first index and first element.
  private static void forEachRow(Strided values, Strided indices, Strided x, int dim, RowTask task) {
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
      Row row = new Row((int) length, x.dtype(), stepAlong(values, dim), stepAlong(indices, dim), stepAlong(x, dim));
      rows.forEachRun(begin, end, (at, n) -> {
        for (long i = 0; i < n; i++) {
          task.run(row, at);
          for (int k = 0; k < at.length; k++) {
            at[k] += rows.step(k);
          }
        }
        for (int k = 0; k < at.length; k++) {
          at[k] -= n * rows.step(k);
        }
      });
    });
  }

  private static long stepAlong(Strided operand, int dim) {
    return operand.rank() == 0 ? 0 : operand.stride(dim) * operand.dtype().size();
  }

  /// A row's keys and where each of them came from.
  private static final class Row {
    private final int length;
    private final DType dtype;
    private final long valueStep;
    private final long indexStep;
    private final long step;
    private long from;
    private long[] keys;
    private int[] order;
    private long[] spareKeys = new long[0];
    private int[] spareOrder = new int[0];

    Row(int length, DType dtype, long valueStep, long indexStep, long step) {
      this.length = length;
      this.dtype = dtype;
      this.valueStep = valueStep;
      this.indexStep = indexStep;
      this.step = step;
      this.keys = new long[length];
      this.order = new int[length];
    }

    void load(long from, boolean reversed) {
      this.from = from;
      OrderKeys.load(dtype, from, step, length, keys);
      if (reversed) {
        OrderKeys.reverse(dtype, keys, length);
      }
    }

    /// Writes the first n in order: the elements themselves, since keys do not tell a zero's sign, and their positions.
    void store(long values, long indices, int n) {
      int width = dtype.size();
      for (int i = 0; i < n; i++) {
        Runs.move(width, values + i * valueStep, from + order[i] * step);
      }
      for (int i = 0; i < n; i++) {
        ALL.set(LONG, indices + i * indexStep, order[i]);
      }
    }

    void sort() {
      for (int i = 0; i < length; i++) {
        order[i] = i;
      }
      if (length <= SHORT) {
        for (int i = 1; i < length; i++) {
          insert(i, keys[i], i);
        }
        return;
      }
      if (spareKeys.length == 0) {
        spareKeys = new long[length];
        spareOrder = new int[length];
      }
      long all = -1;
      long any = 0;
      for (int i = 0; i < length; i++) {
        all &= keys[i];
        any |= keys[i];
      }
      int bits = length < LONG_ROW ? 8 : 11;
      int[] starts = new int[1 << bits];
      for (int shift = 0; shift < 8 * dtype.size(); shift += bits) {
        if (((any ^ all) >>> shift & (1 << bits) - 1) != 0) {
          pass(shift, starts);
        }
      }
    }

    /// Sorts stably by the digit of `starts.length` values at `shift`.
    private void pass(int shift, int[] starts) {
      int mask = starts.length - 1;
      Arrays.fill(starts, 0);
      for (int i = 0; i < length; i++) {
        starts[(int) (keys[i] >>> shift) & mask]++;
      }
      int start = 0;
      for (int digit = 0; digit <= mask; digit++) {
        int count = starts[digit];
        starts[digit] = start;
        start += count;
      }
      for (int i = 0; i < length; i++) {
        int to = starts[(int) (keys[i] >>> shift) & mask]++;
        spareKeys[to] = keys[i];
        spareOrder[to] = order[i];
      }
      long[] sortedKeys = spareKeys;
      spareKeys = keys;
      keys = sortedKeys;
      int[] sortedOrder = spareOrder;
      spareOrder = order;
      order = sortedOrder;
    }

    /// Puts an element that comes after the first n, which are in order, at its place among them.
    private void insert(int n, long key, int position) {
      int i = n;
      for (; i > 0 && Long.compareUnsigned(keys[i - 1], key) > 0; i--) {
        keys[i] = keys[i - 1];
        order[i] = order[i - 1];
      }
      keys[i] = key;
      order[i] = position;
    }

    /// Brings the k smallest keys to the front, in order. A heap holds the best so far, the worst of them on top; few
    /// elements get past it.
    void select(int k) {
      for (int i = 0; i < k; i++) {
        order[i] = i;
      }
      for (int i = k / 2 - 1; i >= 0; i--) {
        sink(i, k, keys[i], order[i]);
      }
      for (int i = k; i < length; i++) {
        if (Long.compareUnsigned(keys[i], keys[0]) < 0) {
          sink(0, k, keys[i], i);
        }
      }
      for (int end = k - 1; end > 0; end--) {
        long key = keys[end];
        int position = order[end];
        keys[end] = keys[0];
        order[end] = order[0];
        sink(0, end, key, position);
      }
    }

    /// Places an element at or below node i of a heap of n.
    private void sink(int i, int n, long key, int position) {
      int node = i;
      while (2 * node + 1 < n) {
        int child = 2 * node + 1;
        if (child + 1 < n && worse(child + 1, keys[child], order[child])) {
          child++;
        }
        if (!worse(child, key, position)) {
          break;
        }
        keys[node] = keys[child];
        order[node] = order[child];
        node = child;
      }
      keys[node] = key;
      order[node] = position;
    }

    /// Whether node i comes after (key, position) in the result.
    private boolean worse(int i, long key, int position) {
      int difference = Long.compareUnsigned(keys[i], key);
      return difference > 0 || difference == 0 && order[i] > position;
    }
  }
}
