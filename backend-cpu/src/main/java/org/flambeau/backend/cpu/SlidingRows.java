package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.spi.PoolSpec;

/// The input lines under a row of pooling windows, as float32 with padding on both sides; lines that the next row of
/// windows needs again stay.
///
/// Windows begin at every column here, whatever the stride: neighbours then lie one beside the other, and a vector holds
/// one element of each of them. That computes windows nobody asked for, and is many times faster all the same.
final class SlidingRows {
  /// How many elements a vector may hold that begins with the last window.
  private static final int REACH = Vectorization.PRESENT == null ? 1 : Vectorization.PRESENT.lanes();

  final PoolSpec spec;
  final int pixel;
  /// Columns at which a window may begin, up to the last one that is needed.
  final int starts;

  private final Lines x;
  private final float[][] slots;
  /// Which of all lines each slot holds.
  private final long[] held;
  private final float[][] lines;
  private int first;
  private int count;

  SlidingRows(Lines x, PoolSpec spec, int outWidth, float padding) {
    this.x = x;
    this.spec = spec;
    this.pixel = x.pixel;
    this.starts = (outWidth - 1) * spec.strideW() + 1;
    this.slots = new float[spec.kernelH()][columns() * pixel + REACH];
    this.held = new long[spec.kernelH()];
    this.lines = new float[spec.kernelH()][];
    Arrays.fill(held, -1);
    for (float[] slot : slots) {
      Arrays.fill(slot, padding);
    }
  }

  /// Columns that a window may touch.
  int columns() {
    return starts + (spec.kernelW() - 1) * spec.dilationW();
  }

  /// Brings the lines under output row `row` of a group.
  void moveTo(int group, int row) {
    int dilation = spec.dilationH();
    int top = row * spec.strideH() - spec.padH();
    int skipped = top < 0 ? Math.ceilDiv(-top, dilation) : 0;
    count = Math.min(spec.kernelH(), Math.ceilDiv(x.height - top, dilation)) - skipped;
    first = top + skipped * dilation;
    for (int k = 0; k < count; k++) {
      int h = first + k * dilation;
      int slot = h / dilation % slots.length;
      long line = (long) group * x.height + h;
      if (held[slot] != line) {
        int n = Math.max(0, Math.min(x.width, columns() - spec.padW())) * pixel;
        Runs.load(x.dtype, x.address(group, h), x.step, slots[slot], spec.padW() * pixel, n);
        held[slot] = line;
      }
      lines[k] = slots[slot];
    }
  }

  /// How many rows of the windows lie in the image.
  int count() {
    return count;
  }

  /// The image row of the first of them; the others follow by the dilation.
  int first() {
    return first;
  }

  /// The k-th of them.
  float[] line(int k) {
    return lines[k];
  }
}
