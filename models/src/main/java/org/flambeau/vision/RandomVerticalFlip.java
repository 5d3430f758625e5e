package org.flambeau.vision;

import org.flambeau.Generator;

/// The image, or with probability p its mirror image, top and bottom changing places.
public record RandomVerticalFlip(double p) implements Transform<Image, Image> {
  public RandomVerticalFlip {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[RandomVerticalFlip] expected p between 0 and 1, got " + p);
    }
  }

  /// With probability ½.
  public RandomVerticalFlip() {
    this(0.5);
  }

  @Override
  public Image apply(Image image, Generator random) {
    return Draws.unit(random) < p ? Crops.flip(image, true) : image;
  }

  @Override
  public String toString() {
    return "RandomVerticalFlip(p=" + p + ")";
  }
}
