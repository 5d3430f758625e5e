package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.DType;

/// Finds the element at a place in a row's order without sorting the row: counts the values of the first digit in which keys differ, keeps
/// the elements of the digit that the place falls into, and goes on with those.
final class RadixSelection {
  private static final int TILE = Scratch.TILE;
  /// Of so few elements the one at a place is found by insertion.
  private static final int SHORT = 32;
  private static final int SHORT_DIGIT = 8;
  private static final int LONG_DIGIT = 11;

  private final DType dtype;
  private final long step;
  private final int length;
  private final boolean reversed;
  private final long nan;
  private final int[] counts;
  private final long[] tile;
  /// Keys of elements that may still be it, with their positions in ascending order.
  private long[] keys;
  private int[] positions;
  private int count;
  private long from;

  /// @param reversed whether the greatest come first
  RadixSelection(DType dtype, int length, long step, boolean reversed) {
    this.dtype = dtype;
    this.step = step;
    this.length = length;
    this.reversed = reversed;
    int least = Math.min(length, TILE);
    this.counts = new int[1 << (length <= TILE ? SHORT_DIGIT : LONG_DIGIT)];
    this.tile = new long[least];
    this.keys = new long[least];
    this.positions = new int[least];
    this.nan = OrderKeys.greatest(dtype);
  }

  RadixSelection of(long row) {
    from = row;
    return this;
  }

  /// The position of the element before which k others come.
  int find(int k) {
    if (length <= TILE) {
      load(keys, 0, length);
      for (int i = 0; i < length; i++) {
        positions[i] = i;
      }
      count = length;
      return narrowed(k);
    }
    return narrowed(k - keepDigit(k));
  }

  int median() {
    if (dtype.isFloating()) {
      for (int at = 0; at < length; at += TILE) {
        int n = load(tile, at, Math.min(TILE, length - at));
        for (int i = 0; i < n; i++) {
          if (tile[i] == nan) {
            return at + i;
          }
        }
      }
    }
    return find((length - 1) / 2);
  }

  int nanmedian() {
    int numbers = length;
    if (dtype.isFloating()) {
      for (int at = 0; at < length; at += TILE) {
        int n = load(tile, at, Math.min(TILE, length - at));
        for (int i = 0; i < n; i++) {
          numbers -= tile[i] == nan ? 1 : 0;
        }
      }
    }
    return find(Math.max(0, numbers - 1) / 2);
  }

  private int load(long[] to, int at, int n) {
    OrderKeys.load(dtype, reversed, from + at * step, step, n, to, 0);
    return n;
  }

  /// Makes those elements the candidates that share the first digit with the one at place k. Returns how many come before them all.
  private int keepDigit(int k) {
    long all = -1;
    long any = 0;
    for (int at = 0; at < length; at += TILE) {
      int n = load(tile, at, Math.min(TILE, length - at));
      for (int i = 0; i < n; i++) {
        all &= tile[i];
        any |= tile[i];
      }
    }
    int shift = shift(any ^ all, LONG_DIGIT);
    int mask = (1 << LONG_DIGIT) - 1;
    Arrays.fill(counts, 0);
    for (int at = 0; at < length; at += TILE) {
      int n = load(tile, at, Math.min(TILE, length - at));
      for (int i = 0; i < n; i++) {
        counts[(int) (tile[i] >>> shift) & mask]++;
      }
    }
    int before = 0;
    int digit = 0;
    while (before + counts[digit] <= k) {
      before += counts[digit++];
    }
    if (keys.length < counts[digit]) {
      keys = new long[counts[digit]];
      positions = new int[counts[digit]];
    }
    count = 0;
    for (int at = 0; at < length; at += TILE) {
      int n = load(tile, at, Math.min(TILE, length - at));
      for (int i = 0; i < n; i++) {
        if (((int) (tile[i] >>> shift) & mask) == digit) {
          keys[count] = tile[i];
          positions[count++] = at + i;
        }
      }
    }
    return before;
  }

  /// Where a digit begins that ends, or begins, with the first bit that varies.
  private static int shift(long varying, int bits) {
    return Math.max(0, Long.SIZE - Long.numberOfLeadingZeros(varying) - bits);
  }

  /// The position of the candidate at place k.
  private int narrowed(int place) {
    int k = place;
    while (count > SHORT) {
      long all = -1;
      long any = 0;
      for (int i = 0; i < count; i++) {
        all &= keys[i];
        any |= keys[i];
      }
      if (all == any) {
        return positions[k];
      }
      int shift = shift(any ^ all, SHORT_DIGIT);
      int mask = (1 << SHORT_DIGIT) - 1;
      Arrays.fill(counts, 0, mask + 1, 0);
      for (int i = 0; i < count; i++) {
        counts[(int) (keys[i] >>> shift) & mask]++;
      }
      int digit = 0;
      while (counts[digit] <= k) {
        k -= counts[digit++];
      }
      int kept = 0;
      for (int i = 0; i < count; i++) {
        long key = keys[i];
        keys[kept] = key;
        positions[kept] = positions[i];
        kept += ((int) (key >>> shift) & mask) == digit ? 1 : 0;
      }
      count = kept;
    }
    for (int i = 1; i < count; i++) {
      long key = keys[i];
      int position = positions[i];
      int j = i;
      for (; j > 0 && Long.compareUnsigned(keys[j - 1], key) > 0; j--) {
        keys[j] = keys[j - 1];
        positions[j] = positions[j - 1];
      }
      keys[j] = key;
      positions[j] = position;
    }
    return positions[k];
  }
}
