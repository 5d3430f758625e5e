package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.spi.ResizeSpec;

/// Of which elements of a line, and with which weights, each element of a resized line is the sum: those of the i-th stand from `start[i]` to
/// before `start[i + 1]`.
final class Taps {
  /// As many for each element, or 0 where they have different numbers.
  final int each;
  /// How many neighbouring elements hold all taps of any one.
  final int span;
  final int[] start;
  final int[] from;
  final double[] weight;
  final float[] single;

  private Taps(int[] start, int[] from, double[] weight) {
    this.start = start;
    this.from = from;
    this.weight = weight;
    this.single = new float[weight.length];
    for (int t = 0; t < weight.length; t++) {
      single[t] = (float) weight[t];
    }
    int same = count() == 0 ? 0 : start[1];
    int widest = 1;
    for (int i = 0; i < count(); i++) {
      same = start[i + 1] - start[i] == same ? same : 0;
      int first = Integer.MAX_VALUE;
      int last = 0;
      for (int t = start[i]; t < start[i + 1]; t++) {
        first = Math.min(first, from[t]);
        last = Math.max(last, from[t]);
      }
      widest = Math.max(widest, last - first + 1);
    }
    this.each = same;
    this.span = widest;
  }

  /// The i-th element is the i-th, as long as there are such, then the last again and again.
  static Taps copies(int in, int out) {
    double[] weight = new double[out];
    Arrays.fill(weight, 1);
    int[] start = new int[out + 1];
    Arrays.setAll(start, i -> i);
    int[] from = new int[out];
    Arrays.setAll(from, i -> Math.min(i, in - 1));
    return new Taps(start, from, weight);
  }

  /// Of each of `windows` that share a line of `in` elements evenly, all elements.
  static Taps shares(int in, int windows) {
    int[] start = new int[windows + 1];
    for (int i = 0; i < windows; i++) {
      start[i + 1] = start[i] + shareEnd(i, windows, in) - shareBegin(i, windows, in);
    }
    int[] from = new int[start[windows]];
    for (int i = 0; i < windows; i++) {
      for (int t = start[i]; t < start[i + 1]; t++) {
        from[t] = shareBegin(i, windows, in) + t - start[i];
      }
    }
    double[] weight = new double[from.length];
    Arrays.fill(weight, 1);
    return new Taps(start, from, weight);
  }

  /// Where the share of the i-th window begins.
  static int shareBegin(int i, int windows, int in) {
    return (int) ((long) i * in / windows);
  }

  static int shareEnd(int i, int windows, int in) {
    return (int) Math.ceilDiv((i + 1L) * in, windows);
  }

  /// Of the elements of a line of `out` made of one of `in` in a dimension of `resize`. Where not `wide`, all is rounded to float32.
  static Taps of(ResizeSpec resize, int dimension, int in, int out, boolean wide) {
    if (resize.copies(in, out)) {
      return copies(in, out);
    }
    int each = switch (resize.mode()) {
      case NEAREST -> 1;
      case LINEAR -> 2;
      case CUBIC -> 4;
    };
    double step = resize.step(dimension, in, out, wide);
    int[] start = new int[out + 1];
    int[] from = new int[out * each];
    double[] weight = new double[out * each];
    double[] four = new double[4];
    for (int o = 0; o < out; o++) {
      int t = o * each;
      start[o + 1] = t + each;
      boolean centred = !resize.alignCorners() && resize.mode() != ResizeSpec.Mode.NEAREST;
      double place = rounded(centred ? rounded(step * (o + 0.5), wide) - 0.5 : step * o, wide);
      if (resize.mode() == ResizeSpec.Mode.LINEAR) {
        place = Math.max(place, 0);
      }
      int before = (int) Math.min(Math.floor(place), in - 1);
      double fraction = Math.clamp(rounded(place - before, wide), 0, 1);
      switch (resize.mode()) {
        case NEAREST -> {
          from[t] = before;
          weight[t] = 1;
        }
        case LINEAR -> {
          from[t] = before;
          from[t + 1] = Math.min(before + 1, in - 1);
          weight[t] = rounded(1 - fraction, wide);
          weight[t + 1] = fraction;
        }
        case CUBIC -> {
          weighCubic(four, fraction);
          for (int j = 0; j < each; j++) {
            from[t + j] = Math.clamp(before + j - 1, 0, in - 1);
            weight[t + j] = four[j];
          }
        }
      }
    }
    return new Taps(start, from, weight);
  }

  private static double rounded(double x, boolean wide) {
    return wide ? x : (float) x;
  }

  /// The weights of the four elements around a place that is `fraction` behind the second.
  private static void weighCubic(double[] four, double fraction) {
    double a = -0.75;
    for (int j = 0; j < 4; j++) {
      double x = Math.abs(j - 1 - fraction);
      four[j] = j == 1 || j == 2 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    }
  }

  /// Elements of the resized line.
  int count() {
    return start.length - 1;
  }

  /// Whether the i-th element has one tap.
  boolean isOnly(int i) {
    return start[i + 1] - start[i] == 1;
  }

  /// For each of `count` elements of the line what it adds to, in order.
  Taps transposed(int count) {
    int[] ends = new int[count + 1];
    for (int f : from) {
      ends[f + 1]++;
    }
    for (int i = 0; i < count; i++) {
      ends[i + 1] += ends[i];
    }
    int[] next = Arrays.copyOf(ends, count);
    int[] to = new int[from.length];
    double[] weights = new double[from.length];
    for (int i = 0; i < count(); i++) {
      for (int t = start[i]; t < start[i + 1]; t++) {
        int at = next[from[t]]++;
        to[at] = i;
        weights[at] = weight[t];
      }
    }
    return new Taps(ends, to, weights);
  }
}
