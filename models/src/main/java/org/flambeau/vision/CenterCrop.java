package org.flambeau.vision;

import org.flambeau.Generator;

/// The middle of an image, of the given size; where the image is smaller, black surrounds it. Half a pixel is rounded to even.
public record CenterCrop(int height, int width) implements Transform<Image, Image> {
  public CenterCrop {
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException("[CenterCrop] expected sizes from 1, got " + height + "x" + width);
    }
  }

  /// A square.
  public CenterCrop(int size) {
    this(size, size);
  }

  @Override
  public Image apply(Image image, Generator random) {
    int missingWidth = Math.max(width - image.width(), 0);
    int missingHeight = Math.max(height - image.height(), 0);
    Image padded = Pad.black(image, missingWidth / 2, missingHeight / 2, (missingWidth + 1) / 2, (missingHeight + 1) / 2);
    int top = (int) Math.rint((padded.height() - height) / 2.0);
    int left = (int) Math.rint((padded.width() - width) / 2.0);
    return Crops.crop(padded, left, top, width, height);
  }

  @Override
  public String toString() {
    return "CenterCrop(size=(" + height + ", " + width + "))";
  }
}
