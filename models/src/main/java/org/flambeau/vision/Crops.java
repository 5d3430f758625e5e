package org.flambeau.vision;

/// Parts of images.
final class Crops {
  private Crops() {}

  /// The part of `width` by `height` whose upper left corner is (left, top), within the image.
  static Image crop(Image image, int left, int top, int width, int height) {
    if (width == image.width() && height == image.height()) {
      return image;
    }
    int channels = image.channels();
    byte[] pixels = new byte[width * height * channels];
    for (int y = 0; y < height; y++) {
      System.arraycopy(image.pixels(), ((top + y) * image.width() + left) * channels, pixels, y * width * channels, width * channels);
    }
    return Image.of(width, height, channels, pixels);
  }

  /// Its mirror image, left and right or top and bottom changing places.
  static Image flip(Image image, boolean vertical) {
    int channels = image.channels();
    int width = image.width();
    int height = image.height();
    byte[] from = image.pixels();
    byte[] to = new byte[from.length];
    int row = width * channels;
    for (int y = 0; y < height; y++) {
      if (vertical) {
        System.arraycopy(from, y * row, to, (height - 1 - y) * row, row);
      } else {
        for (int x = 0; x < width; x++) {
          for (int c = 0; c < channels; c++) {
            to[y * row + x * channels + c] = from[y * row + (width - 1 - x) * channels + c];
          }
        }
      }
    }
    return Image.of(width, height, channels, to);
  }
}
