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
    byte[] grey = luminance(image);
    if (channels == 1) {
      return Image.of(image.width(), image.height(), 1, grey);
    }
    byte[] to = new byte[3 * grey.length];
    for (int i = 0; i < to.length; i++) {
      to[i] = grey[i / 3];
    }
    return Image.of(image.width(), image.height(), 3, to);
  }

  /// L of each pixel, in Pillow's fixed-point arithmetic of 16 fractional bits; read-only where the image is grey.
  static byte[] luminance(Image image) {
    byte[] from = image.pixels();
    if (image.channels() == 1) {
      return from;
    }
    byte[] to = new byte[from.length / 3];
    for (int i = 0; i < to.length; i++) {
      int red = from[3 * i] & 0xff;
      int green = from[3 * i + 1] & 0xff;
      int blue = from[3 * i + 2] & 0xff;
      to[i] = (byte) (red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16);
    }
    return to;
  }

  @Override
  public String toString() {
    return "Grayscale(num_output_channels=" + channels + ")";
  }
}
