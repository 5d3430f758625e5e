package org.flambeau.backend.cpu;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.flambeau.spi.Pool2d;

/// The input lines under a row of pooling windows, as float32 with padding on both sides; lines that the next row of
/// windows needs again stay.
///
/// Windows begin at every column here, whatever the stride: neighbours then lie one beside the other, and a vector holds
/// one element of each of them. That computes windows nobody asked for, and is many times faster all the same.
final class SlidingRows {
  static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;

  final Pool2d spec;
  final int pixel;
  /// Columns at which a window may begin, up to the last one that is needed.
  final int starts;

  private final Lines x;
  private final float[][] slots;
  private final long[] held;
  private int top;
  private int first;
  private int last;

  SlidingRows(Lines x, Pool2d spec, int outWidth, float padding) {
    this.x = x;
    this.spec = spec;
    this.pixel = x.pixel;
    this.starts = (outWidth - 1) * spec.strideW() + 1;
    this.slots = new float[spec.kernelH()][columns() * pixel + F.length()];
    this.held = new long[spec.kernelH()];
    Arrays.fill(held, -1);
    for (float[] slot : slots) {
      Arrays.fill(slot, padding);
    }
  }

  private int columns() {
    return starts + (spec.kernelW() - 1) * spec.dilationW();
  }

  /// Brings the lines under output row `row` of a group.
  void moveTo(int group, int row) {
    int dilation = spec.dilationH();
    top = row * spec.strideH() - spec.padH();
    first = top < 0 ? Math.ceilDiv(-top, dilation) : 0;
    last = Math.min(spec.kernelH(), Math.ceilDiv(x.height - top, dilation));
    for (int k = first; k < last; k++) {
      int h = height(k);
      int slot = slot(k);
      long line = (long) group * x.height + h;
      if (held[slot] != line) {
        int n = Math.max(0, Math.min(x.width, columns() - spec.padW())) * pixel;
        Runs.load(x.dtype, x.address(group, h), x.step, slots[slot], spec.padW() * pixel, n);
        held[slot] = line;
      }
    }
  }

  /// The first row of the window that lies in the image.
  int first() {
    return first;
  }

  /// The first row of the window that lies below the image, or the window's height.
  int last() {
    return last;
  }

  /// The image row that row k of the window covers.
  int height(int k) {
    return top + k * spec.dilationH();
  }

  float[] line(int k) {
    return slots[slot(k)];
  }

  private int slot(int k) {
    return height(k) / spec.dilationH() % slots.length;
  }
}
