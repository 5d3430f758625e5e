package org.flambeau.vision;

import org.flambeau.Generator;

/// A border of the given widths around an image.
///
/// @param fill the value of all channels where the mode is [Mode#CONSTANT]
public record Pad(int left, int top, int right, int bottom, int fill, Mode mode) implements Transform<Image, Image> {
  /// What a border shows.
  public enum Mode {
    /// One value.
    CONSTANT,
    /// The outermost pixels.
    EDGE,
    /// The image mirrored at its outermost pixels, which are not repeated.
    REFLECT,
    /// The image mirrored at its edge.
    SYMMETRIC;

    /// The pixel of n that position `i`, which may lie outside, shows.
    int source(int i, int n) {
      return switch (this) {
        case CONSTANT, EDGE -> Math.clamp(i, 0, n - 1);
        case REFLECT -> {
          int k = n == 1 ? 0 : Math.floorMod(i, 2 * n - 2);
          yield Math.min(k, 2 * n - 2 - k);
        }
        case SYMMETRIC -> {
          int k = Math.floorMod(i, 2 * n);
          yield Math.min(k, 2 * n - 1 - k);
        }
      };
    }
  }

  public Pad {
    if (left < 0 || top < 0 || right < 0 || bottom < 0 || fill < 0 || fill > 255) {
      throw new IllegalArgumentException(
          "[Pad] expected widths from 0 and a fill between 0 and 255, got " + left + ", " + top + ", " + right
              + ", " + bottom + " and " + fill);
    }
  }

  /// The same black border on all sides.
  public Pad(int padding) {
    this(padding, padding, padding, padding, 0, Mode.CONSTANT);
  }

  static Image black(Image image, int left, int top, int right, int bottom) {
    return new Pad(left, top, right, bottom, 0, Mode.CONSTANT).pad(image);
  }

  @Override
  public Image apply(Image image, Generator random) {
    return pad(image);
  }

  private Image pad(Image image) {
    if ((left | top | right | bottom) == 0) {
      return image;
    }
    int channels = image.channels();
    int width = Math.addExact(image.width(), Math.addExact(left, right));
    int height = Math.addExact(image.height(), Math.addExact(top, bottom));
    byte[] from = image.pixels();
    byte[] to = new byte[Math.multiplyExact(Math.multiplyExact(width, height), channels)];
    for (int y = 0, at = 0; y < height; y++) {
      int row = mode.source(y - top, image.height());
      boolean inside = y >= top && y < top + image.height();
      for (int x = 0; x < width; x++) {
        int pixel = (row * image.width() + mode.source(x - left, image.width())) * channels;
        boolean outside = !inside || x < left || x >= left + image.width();
        for (int c = 0; c < channels; c++) {
          to[at++] = outside && mode == Mode.CONSTANT ? (byte) fill : from[pixel + c];
        }
      }
    }
    return Image.of(width, height, channels, to);
  }

  @Override
  public String toString() {
    return "Pad(padding=(" + left + ", " + top + ", " + right + ", " + bottom + "), fill=" + fill + ", padding_mode=" + switch (mode) {
      case CONSTANT -> "constant";
      case EDGE -> "edge";
      case REFLECT -> "reflect";
      case SYMMETRIC -> "symmetric";
    } + ")";
  }
}
