package org.flambeau.vision;

import java.util.Arrays;

/// Resizes images as Pillow does, to the bit: rows first, then columns, each pass with weights of 22 fractional bits and
/// rounded to 8 bits.
final class Resampling {
  private static final int FRACTION = 22;
  private static final int HALF = 1 << FRACTION - 1;

  /// For each pixel of a resized row: the first pixel it is made of, and the weights from there on.
  private record Weights(int[] first, int[][] values) {
  }

  private Resampling() {}

  static Image resize(Image image, int width, int height, Interpolation interpolation) {
    if (width == image.width() && height == image.height()) {
      return image;
    }
    if (interpolation == Interpolation.NEAREST) {
      return nearest(image, width, height);
    }
    Image wide = width == image.width() ? image : alongRows(image, weights(image.width(), width, interpolation), width);
    return height == image.height() ? wide : alongColumns(wide, weights(image.height(), height, interpolation), height);
  }

  private static Weights weights(int from, int to, Interpolation interpolation) {
    double scale = (double) from / to;
    double filterScale = Math.max(scale, 1);
    double support = interpolation.support() * filterScale;
    Weights weights = new Weights(new int[to], new int[to][]);
    for (int i = 0; i < to; i++) {
      double center = (i + 0.5) * scale;
      int first = Math.max((int) (center - support + 0.5), 0);
      int last = Math.min((int) (center + support + 0.5), from);
      double[] reals = new double[last - first];
      double sum = 0;
      for (int k = 0; k < reals.length; k++) {
        reals[k] = interpolation.weight((k + first - center + 0.5) * (1 / filterScale));
        sum += reals[k];
      }
      int[] fixed = new int[reals.length];
      for (int k = 0; k < fixed.length; k++) {
        double weight = sum == 0 ? reals[k] : reals[k] / sum;
        fixed[k] = (int) ((weight < 0 ? -0.5 : 0.5) + weight * (1 << FRACTION));
      }
      weights.first[i] = first;
      weights.values[i] = fixed;
    }
    return weights;
  }

  private static Image alongRows(Image image, Weights weights, int width) {
    int channels = image.channels();
    int height = image.height();
    byte[] from = image.pixels();
    byte[] to = new byte[width * height * channels];
    for (int y = 0, at = 0; y < height; y++) {
      int row = y * image.width() * channels;
      for (int x = 0; x < width; x++) {
        int[] values = weights.values[x];
        int start = row + weights.first[x] * channels;
        if (channels == 3) {
          int red = HALF;
          int green = HALF;
          int blue = HALF;
          for (int k = 0, pixel = start; k < values.length; k++, pixel += 3) {
            red += values[k] * (from[pixel] & 0xff);
            green += values[k] * (from[pixel + 1] & 0xff);
            blue += values[k] * (from[pixel + 2] & 0xff);
          }
          to[at++] = clip(red);
          to[at++] = clip(green);
          to[at++] = clip(blue);
        } else {
          int grey = HALF;
          for (int k = 0; k < values.length; k++) {
            grey += values[k] * (from[start + k] & 0xff);
          }
          to[at++] = clip(grey);
        }
      }
    }
    return Image.of(width, height, channels, to);
  }

  private static Image alongColumns(Image image, Weights weights, int height) {
    int row = image.width() * image.channels();
    byte[] from = image.pixels();
    byte[] to = new byte[row * height];
    int[] sums = new int[row];
    for (int y = 0; y < height; y++) {
      Arrays.fill(sums, HALF);
      int[] values = weights.values[y];
      for (int k = 0; k < values.length; k++) {
        int weight = values[k];
        int start = (weights.first[y] + k) * row;
        for (int i = 0; i < row; i++) {
          sums[i] += weight * (from[start + i] & 0xff);
        }
      }
      for (int i = 0; i < row; i++) {
        to[y * row + i] = clip(sums[i]);
      }
    }
    return Image.of(image.width(), height, image.channels(), to);
  }

  private static byte clip(int sum) {
    return (byte) Math.clamp(sum >> FRACTION, 0, 255);
  }

  private static Image nearest(Image image, int width, int height) {
    int[] columns = nearest(image.width(), width);
    int[] rows = nearest(image.height(), height);
    int channels = image.channels();
    byte[] from = image.pixels();
    byte[] to = new byte[width * height * channels];
    int at = 0;
    for (int row : rows) {
      for (int column : columns) {
        int pixel = (row * image.width() + column) * channels;
        for (int c = 0; c < channels; c++) {
          to[at++] = from[pixel + c];
        }
      }
    }
    return Image.of(width, height, channels, to);
  }

  /// The pixel under the centre of each new one. Pillow adds step by step, which rounds otherwise than a product.
  private static int[] nearest(int from, int to) {
    int[] positions = new int[to];
    double step = (double) from / to;
    double at = step * 0.5;
    for (int i = 0; i < to; i++, at += step) {
      positions[i] = Math.min((int) at, from - 1);
    }
    return positions;
  }
}
