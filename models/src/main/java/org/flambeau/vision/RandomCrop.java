package org.flambeau.vision;

import org.flambeau.Generator;

/// A part of the given size from anywhere within the image, which first gets a black border of width `padding`.
///
/// Errors: an [ImageException] where the image with its border is smaller than the part.
public record RandomCrop(int height, int width, int padding) implements Transform<Image, Image> {
  public RandomCrop {
    if (height < 1 || width < 1 || padding < 0) {
      throw new IllegalArgumentException(
          "[RandomCrop] expected sizes from 1 and a padding from 0, got " + height + "x" + width + " and " + padding);
    }
  }

  /// A square, without a border.
  public RandomCrop(int size) {
    this(size, size, 0);
  }

  @Override
  public Image apply(Image image, Generator random) {
    Image padded = Pad.black(image, padding, padding, padding, padding);
    int down = padded.height() - height;
    int right = padded.width() - width;
    if (down < 0 || right < 0) {
      throw new ImageException(
          "Required crop size (" + height + ", " + width + ") is larger than input image size (" + padded.height() + ", "
              + padded.width() + ")");
    }
    if (down == 0 && right == 0) {
      return padded;
    }
    int top = Draws.below(random, down + 1);
    int left = Draws.below(random, right + 1);
    return Crops.crop(padded, left, top, width, height);
  }

  @Override
  public String toString() {
    return "RandomCrop(size=(" + height + ", " + width + "), padding=" + (padding == 0 ? "None" : padding) + ")";
  }
}
