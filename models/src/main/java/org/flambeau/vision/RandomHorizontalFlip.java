package org.flambeau.vision;

import org.flambeau.Generator;

/// The image, or with probability p its mirror image, left and right changing places.
public record RandomHorizontalFlip(double p) implements Transform<Image, Image> {
  public RandomHorizontalFlip {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[RandomHorizontalFlip] expected p between 0 and 1, got " + p);
    }
  }

  /// With probability ½.
  public RandomHorizontalFlip() {
    this(0.5);
  }

  @Override
  public Image apply(Image image, Generator random) {
    return Draws.unit(random) < p ? Crops.flip(image, false) : image;
  }

  @Override
  public String toString() {
    return "RandomHorizontalFlip(p=" + p + ")";
  }
}
