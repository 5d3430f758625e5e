package org.flambeau.vision;

import org.flambeau.Generator;

/// In shades of grey, L = 0.299 R + 0.587 G + 0.114 B, in one channel or the same in three.
public record Grayscale(int channels) implements Transform<Image, Image> {
  public Grayscale {
    if (channels != 1 && channels != 3) {
      throw new IllegalArgumentException("[Grayscale] num_output_channels should be either 1 or 3, got " + channels);
    }
  }

  /// In one channel.
  public Grayscale() {
    this(1);
  }

  @Override
  public Image apply(Image image, Generator random) {
    byte[] from = image.pixels();
    int area = image.width() * image.height();
    byte[] to = new byte[area * channels];
    for (int i = 0; i < area; i++) {
      byte grey = image.channels() == 1 ? from[i] : luminance(from[3 * i] & 0xff, from[3 * i + 1] & 0xff, from[3 * i + 2] & 0xff);
      for (int c = 0; c < channels; c++) {
        to[channels * i + c] = grey;
      }
    }
    return Image.of(image.width(), image.height(), channels, to);
  }

  /// In Pillow's fixed-point arithmetic of 16 fractional bits.
  private static byte luminance(int red, int green, int blue) {
    return (byte) (red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16);
  }

  @Override
  public String toString() {
    return "Grayscale(num_output_channels=" + channels + ")";
  }
}
