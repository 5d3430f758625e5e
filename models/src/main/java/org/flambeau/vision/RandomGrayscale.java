package org.flambeau.vision;

import org.flambeau.Generator;

/// The image, or with probability p the same in shades of grey, in as many channels.
public record RandomGrayscale(double p) implements Transform<Image, Image> {
  public RandomGrayscale {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[RandomGrayscale] expected p between 0 and 1, got " + p);
    }
  }

  /// With probability 1/10.
  public RandomGrayscale() {
    this(0.1);
  }

  @Override
  public Image apply(Image image, Generator random) {
    return Draws.unit(random) < p ? new Grayscale(image.channels()).apply(image, random) : image;
  }

  @Override
  public String toString() {
    return "RandomGrayscale(p=" + p + ")";
  }
}
