package org.flambeau.vision;

import java.util.Arrays;
import java.util.function.IntUnaryOperator;

/// Changes of how light values are, of each channel by a table, and of how they differ from their neighbours'; in Pillow's arithmetic.
final class Tones {
  private static final int VALUES = 256;

  private Tones() {}

  /// Only the highest `bits` of 8.
  static Image posterize(Image image, int bits) {
    int mask = -1 << 8 - bits;
    return map(image, histogram -> value -> value & mask);
  }

  /// Values from `threshold` on are turned round.
  static Image solarize(Image image, double threshold) {
    return map(image, histogram -> value -> value < threshold ? value : 255 - value);
  }

  /// The darkest value of each channel becomes 0, the lightest 255, all between them in proportion.
  static Image autoContrast(Image image) {
    return map(image, histogram -> {
      int low = 0;
      int high = VALUES - 1;
      while (low < VALUES - 1 && histogram[low] == 0) {
        low++;
      }
      while (high > 0 && histogram[high] == 0) {
        high--;
      }
      if (high <= low) {
        return value -> value;
      }
      double scale = 255.0 / (high - low);
      double offset = -low * scale;
      return value -> (int) (value * scale + offset);
    });
  }

  /// Values of each channel spread so that all are as frequent as they can be.
  static Image equalize(Image image) {
    return map(image, histogram -> {
      int last = VALUES - 1;
      while (last > 0 && histogram[last] == 0) {
        last--;
      }
      int step = (Arrays.stream(histogram).sum() - histogram[last]) / 255;
      if (step == 0) {
        return value -> value;
      }
      int[] below = new int[VALUES];
      below[0] = step / 2;
      for (int value = 1; value < VALUES; value++) {
        below[value] = below[value - 1] + histogram[value - 1];
      }
      return value -> below[value] / step;
    });
  }

  /// What a channel's values become, by how often each is there.
  private interface Table {
    IntUnaryOperator of(int[] histogram);
  }

  private static Image map(Image image, Table table) {
    int channels = image.channels();
    byte[] pixels = image.pixels().clone();
    for (int channel = 0; channel < channels; channel++) {
      int[] histogram = new int[VALUES];
      for (int i = channel; i < pixels.length; i += channels) {
        histogram[pixels[i] & 0xff]++;
      }
      IntUnaryOperator to = table.of(histogram);
      for (int i = channel; i < pixels.length; i += channels) {
        pixels[i] = (byte) Math.clamp(to.applyAsInt(pixels[i] & 0xff), 0, 255);
      }
    }
    return Image.of(image.width(), image.height(), channels, pixels);
  }

  /// Each value the mean of its neighbours' and, five times, its own; those at the edges stay.
  static Image smooth(Image image) {
    int w = image.width();
    int step = image.channels();
    byte[] from = image.pixels();
    byte[] to = from.clone();
    for (int y = 1; y < image.height() - 1; y++) {
      for (int i = (y * w + 1) * step; i < (y * w + w - 1) * step; i++) {
        int sum = 4 * (from[i] & 0xff);
        for (int row = i - w * step; row <= i + w * step; row += w * step) {
          sum += (from[row - step] & 0xff) + (from[row] & 0xff) + (from[row + step] & 0xff);
        }
        to[i] = (byte) ((2 * sum + 13) / 26);
      }
    }
    return Image.of(w, image.height(), step, to);
  }
}
