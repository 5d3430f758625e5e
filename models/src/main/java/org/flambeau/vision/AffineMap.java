package org.flambeau.vision;

import java.util.Arrays;

/// Where the pixels of an image come from: the one at (x, y) shows what was at (a·x + b·y + c, d·x + e·y + f).
///
/// Positions, rounding and what is taken for outside are Pillow's of `Image.transform`, so that results are equal to the bit.
record AffineMap(double a, double b, double c, double d, double e, double f) {
  private static final int FRACTION = 16;

  /// The map that moves what is at (x, y) by (right, down) before it.
  AffineMap after(double right, double down) {
    return new AffineMap(a, b, a * right + b * down + c, d, e, d * right + e * down + f);
  }

  /// The map that moves its result by (right, down).
  AffineMap then(double right, double down) {
    return new AffineMap(a, b, c + right, d, e, f + down);
  }

  /// An image of `width` by `height` made of `image`, all channels being `fill` where there is nothing to show.
  Image apply(Image image, int width, int height, Interpolation interpolation, int fill) {
    int channels = image.channels();
    byte[] pixels = new byte[Math.multiplyExact(Math.multiplyExact(width, height), channels)];
    Arrays.fill(pixels, (byte) fill);
    if (interpolation != Interpolation.NEAREST) {
      smooth(image, width, pixels, interpolation == Interpolation.BICUBIC ? 4 : 2);
    } else if (b == 0 && d == 0) {
      stretch(image, width, pixels);
    } else {
      nearest(image, width, pixels);
    }
    return Image.of(width, height, channels, pixels);
  }

  /// In numbers of 16 fractional bits.
  private void nearest(Image image, int width, byte[] to) {
    long rowX = fixed(c + a * 0.5 + b * 0.5);
    long rowY = fixed(f + d * 0.5 + e * 0.5);
    for (int at = 0; at < to.length; at += width * image.channels(), rowX += fixed(b), rowY += fixed(e)) {
      long x = rowX;
      long y = rowY;
      for (int i = 0; i < width; i++, x += fixed(a), y += fixed(d)) {
        copy(image, x >> FRACTION, y >> FRACTION, to, at + i * image.channels());
      }
    }
  }

  private static long fixed(double value) {
    return (long) Math.floor(value * (1 << FRACTION) + 0.5);
  }

  /// Rows stay rows and columns columns.
  private void stretch(Image image, int width, byte[] to) {
    double y = f + e * 0.5;
    for (int at = 0; at < to.length; at += width * image.channels(), y += e) {
      double x = c + a * 0.5;
      for (int i = 0; i < width; i++, x += a) {
        copy(image, x < 0 ? -1 : (long) x, y < 0 ? -1 : (long) y, to, at + i * image.channels());
      }
    }
  }

  private static void copy(Image image, long x, long y, byte[] to, int at) {
    if (x >= 0 && x < image.width() && y >= 0 && y < image.height()) {
      System.arraycopy(image.pixels(), ((int) y * image.width() + (int) x) * image.channels(), to, at, image.channels());
    }
  }

  /// Each pixel from `taps`×`taps` around it: 2 for linear weights, 4 for cubic ones.
  private void smooth(Image image, int width, byte[] to, int taps) {
    int channels = image.channels();
    int[] columns = new int[taps];
    double[] values = new double[taps];
    for (int pixel = 0; pixel < to.length / channels; pixel++) {
      double outX = pixel % width + 0.5;
      double outY = pixel / width + 0.5;
      double x = a * outX + b * outY + c;
      double y = d * outX + e * outY + f;
      if (!(x >= 0 && x < image.width() && y >= 0 && y < image.height())) {
        continue;
      }
      int left = (int) Math.floor(x - 0.5);
      int top = (int) Math.floor(y - 0.5);
      double dx = x - 0.5 - left;
      double dy = y - 0.5 - top;
      for (int i = 0; i < taps; i++) {
        columns[i] = Math.clamp(left + i + 1L - taps / 2, 0, image.width() - 1);
      }
      for (int channel = 0; channel < channels; channel++) {
        double[] rows = new double[taps];
        for (int j = 0; j < taps; j++) {
          int row = Math.clamp(top + j + 1L - taps / 2, 0, image.height() - 1);
          for (int i = 0; i < taps; i++) {
            values[i] = image.pixels()[(row * image.width() + columns[i]) * channels + channel] & 0xff;
          }
          rows[j] = between(values, dx);
        }
        to[pixel * channels + channel] = (byte) Math.clamp(between(rows, dy), 0, 255);
      }
    }
  }

  /// What lies at `t` between the two middle values.
  private static double between(double[] v, double t) {
    if (v.length == 2) {
      return v[0] + (v[1] - v[0]) * t;
    }
    double p2 = -v[0] + v[2];
    double p3 = 2 * (v[0] - v[1]) + v[2] - v[3];
    double p4 = -v[0] + v[1] - v[2] + v[3];
    return v[1] + t * (p2 + t * (p3 + t * p4));
  }
}
