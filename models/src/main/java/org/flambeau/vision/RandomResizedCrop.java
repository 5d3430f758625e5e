package org.flambeau.vision;

import java.util.Locale;
import org.flambeau.Generator;

/// A part of random area and proportion from anywhere within the image, resized to a given size.
///
/// The area is a fraction of the image's between `minScale` and `maxScale`, uniformly; the proportion of width to height lies
/// between `minRatio` and `maxRatio`, uniformly in its logarithm. Where ten tries do not fit into the image, its middle is taken.
///
/// Reference: C. Szegedy et al., *Going deeper with convolutions* (2015).
public record RandomResizedCrop(int height, int width, double minScale, double maxScale, double minRatio, double maxRatio,
    Interpolation interpolation) implements Transform<Image, Image> {
  private static final int TRIES = 10;

  public RandomResizedCrop {
    if (height < 1 || width < 1 || !(minScale > 0 && minScale <= maxScale) || !(minRatio > 0 && minRatio <= maxRatio)) {
      throw new IllegalArgumentException(
          "[RandomResizedCrop] expected sizes from 1 and positive ranges of scale and ratio, got " + height + "x"
              + width + ", " + minScale + " to " + maxScale + " and " + minRatio + " to " + maxRatio);
    }
  }

  /// A square made of 8 to 100 % of the area, bilinear.
  public RandomResizedCrop(int size) {
    this(size, Interpolation.BILINEAR);
  }

  /// A square made of 8 to 100 % of the area.
  public RandomResizedCrop(int size, Interpolation interpolation) {
    this(size, size, 0.08, 1, 3.0 / 4, 4.0 / 3, interpolation);
  }

  @Override
  public Image apply(Image image, Generator random) {
    return Resampling.resize(crop(image, random), width, height, interpolation);
  }

  private Image crop(Image image, Generator random) {
    double area = (double) image.height() * image.width();
    float logMin = (float) Math.log((float) minRatio);
    float logMax = (float) Math.log((float) maxRatio);
    for (int i = 0; i < TRIES; i++) {
      double target = area * Draws.uniform(random, minScale, maxScale);
      double ratio = (float) Math.exp(Draws.uniform(random, logMin, logMax));
      int w = (int) Math.rint(Math.sqrt(target * ratio));
      int h = (int) Math.rint(Math.sqrt(target / ratio));
      if (w > 0 && w <= image.width() && h > 0 && h <= image.height()) {
        int top = Draws.below(random, image.height() - h + 1);
        int left = Draws.below(random, image.width() - w + 1);
        return Crops.crop(image, left, top, w, h);
      }
    }
    double ratio = (double) image.width() / image.height();
    int w = ratio > maxRatio ? (int) Math.rint(image.height() * maxRatio) : image.width();
    int h = ratio < minRatio ? (int) Math.rint(image.width() / minRatio) : image.height();
    return Crops.crop(image, (image.width() - w) / 2, (image.height() - h) / 2, w, h);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "RandomResizedCrop(size=(%d, %d), scale=(%s, %s), ratio=(%s, %s), interpolation=%s, antialias=True)",
        height, width, rounded(minScale), rounded(maxScale), rounded(minRatio), rounded(maxRatio), interpolation.label());
  }

  private static double rounded(double value) {
    return Math.rint(value * 1e4) / 1e4;
  }
}
