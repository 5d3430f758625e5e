package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import org.flambeau.DType;
import org.jspecify.annotations.Nullable;

/// Keys of a row's elements, or of some of them, and where each came from. One object serves many rows.
///
/// A least-significant-digit radix sort is stable and takes three passes for 32 bits, fewer where digits do not differ; a few elements are
/// sorted by insertion.
final class SortedRow {
  /// So many are sorted by insertion.
  private static final int SHORT = 40;

  /// From this number on, digits of 11 bits pay for their larger counters.
  private static final int LONG_ROW = 4096;

  /// Elements of a long row that are worth a thread.
  private static final int SHARE = 1 << 15;

  private final int length;
  private final DType dtype;
  private final long valueStep;
  private final long indexStep;
  private final long step;
  private final boolean reversed;
  private final long[] tile;
  private @Nullable RadixSelection selection;
  private long values;
  private long indices;
  private long from;
  private long[] keys = {};
  private int[] order = {};
  private int count;
  private long[] spareKeys = {};
  private int[] spareOrder = {};

  /// @param reversed whether the greatest come first
  SortedRow(int length, DType dtype, long valueStep, long indexStep, long step, boolean reversed) {
    this.length = length;
    this.dtype = dtype;
    this.valueStep = valueStep;
    this.indexStep = indexStep;
    this.step = step;
    this.reversed = reversed;
    this.tile = new long[Math.min(length, Scratch.TILE)];
  }

  int length() {
    return length;
  }

  /// Goes on to the row whose first value, first index and first element are there.
  void moveTo(long values, long indices, long from) {
    this.values = values;
    this.indices = indices;
    this.from = from;
  }

  RadixSelection selection() {
    if (selection == null) {
      selection = new RadixSelection(dtype, length, step, reversed);
    }
    return selection.of(from);
  }

  private void reserve(int n) {
    if (keys.length < n) {
      keys = new long[n];
      order = new int[n];
    }
  }

  /// The keys of n elements from number `first` on, to `to[at]`.
  private int loadKeys(int first, int n, long[] to, int at) {
    OrderKeys.load(dtype, reversed, from + first * step, step, n, to, at);
    return n;
  }

  void load() {
    reserve(length);
    count = length;
    CpuPool.SHARED.parallelFor(0, length, SHARE, (begin, end) -> {
      loadKeys((int) begin, (int) (end - begin), keys, (int) begin);
      for (int i = (int) begin; i < end; i++) {
        order[i] = i;
      }
    });
  }

  /// Loads what comes before the element at `last` in order, and that itself: `n` elements.
  void loadUpTo(int last, int n) {
    reserve(n);
    loadKeys(last, 1, tile, 0);
    long limit = tile[0];
    count = 0;
    for (int at = 0; at < length; at += tile.length) {
      int read = loadKeys(at, Math.min(tile.length, length - at), tile, 0);
      for (int i = 0; i < read; i++) {
        int order = Long.compareUnsigned(tile[i], limit);
        if (order < 0 || order == 0 && at + i <= last) {
          keys[count] = tile[i];
          this.order[count++] = at + i;
        }
      }
    }
  }

  /// Writes the first n of what is loaded: the elements themselves, since keys do not tell a zero's sign, and their positions.
  void store(int n) {
    int width = dtype.size();
    int[] sorted = order;
    CpuPool.SHARED.parallelFor(0, n, SHARE, (begin, end) -> {
      for (int i = (int) begin; i < end; i++) {
        Runs.move(width, values + i * valueStep, from + sorted[i] * step);
      }
      for (int i = (int) begin; i < end; i++) {
        ALL.set(LONG, indices + i * indexStep, sorted[i]);
      }
    });
  }

  /// Writes the element at a position, and that.
  void storeOne(int position) {
    Runs.move(dtype.size(), values, from + position * step);
    ALL.set(LONG, indices, position);
  }

  /// The last position of the first of the longest runs of equal elements, once sorted.
  int mode() {
    long nan = OrderKeys.greatest(dtype);
    int longest = 0;
    int last = 0;
    int start = 0;
    for (int i = 1; i <= count; i++) {
      if (i == count || keys[i] != keys[i - 1] || dtype.isFloating() && keys[i] == nan) {
        if (i - start > longest) {
          longest = i - start;
          last = i - 1;
        }
        start = i;
      }
    }
    return order[last];
  }

  /// Sorts what was loaded, stably.
  void sort() {
    if (count <= SHORT) {
      for (int i = 1; i < count; i++) {
        insert(i, keys[i], order[i]);
      }
      return;
    }
    if (spareKeys.length < count) {
      spareKeys = new long[keys.length];
      spareOrder = new int[keys.length];
    }
    long all = -1;
    long any = 0;
    for (int i = 0; i < count; i++) {
      all &= keys[i];
      any |= keys[i];
    }
    int bits = count < LONG_ROW ? 8 : 11;
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
    for (int i = 0; i < count; i++) {
      starts[(int) (keys[i] >>> shift) & mask]++;
    }
    int start = 0;
    for (int digit = 0; digit <= mask; digit++) {
      int frequency = starts[digit];
      starts[digit] = start;
      start += frequency;
    }
    for (int i = 0; i < count; i++) {
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

  /// Loads the k first in order. A heap holds the best so far, the worst of them on top; few elements get past it.
  void loadBest(int k) {
    reserve(k);
    count = k;
    loadKeys(0, k, keys, 0);
    for (int i = 0; i < k; i++) {
      order[i] = i;
    }
    for (int i = k / 2 - 1; i >= 0; i--) {
      sink(i, k, keys[i], order[i]);
    }
    for (int at = k; at < length; at += tile.length) {
      int n = loadKeys(at, Math.min(tile.length, length - at), tile, 0);
      for (int i = 0; i < n; i++) {
        if (Long.compareUnsigned(tile[i], keys[0]) < 0) {
          sink(0, k, tile[i], at + i);
        }
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
