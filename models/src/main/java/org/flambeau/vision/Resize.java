package org.flambeau.vision;

import java.util.Locale;
import org.flambeau.Generator;

/// To another size, equal to Pillow's result to the bit.
///
/// Given one size, the shorter edge takes it and the longer one keeps the proportion, rounded down: long = ⌊size · long / short⌋.
/// Given two, the image takes them whatever its proportion.
public final class Resize implements Transform<Image, Image> {
  private final int height;
  private final int width;
  private final boolean shortest;
  private final Interpolation interpolation;

  private Resize(int height, int width, boolean shortest, Interpolation interpolation) {
    if (height < 1 || width < 1) {
      throw new IllegalArgumentException("[Resize] expected sizes from 1, got " + height + (shortest ? "" : "x" + width));
    }
    this.height = height;
    this.width = width;
    this.shortest = shortest;
    this.interpolation = interpolation;
  }

  /// The shorter edge to `size`, bilinear.
  public Resize(int size) {
    this(size, Interpolation.BILINEAR);
  }

  /// The shorter edge to `size`.
  public Resize(int size, Interpolation interpolation) {
    this(size, size, true, interpolation);
  }

  /// To exactly `height` by `width`.
  public Resize(int height, int width, Interpolation interpolation) {
    this(height, width, false, interpolation);
  }

  @Override
  public Image apply(Image image, Generator random) {
    if (!shortest) {
      return Resampling.resize(image, width, height, interpolation);
    }
    int small = Math.min(image.width(), image.height());
    int large = Math.max(image.width(), image.height());
    long longer = (long) (height * (long) large / (double) small);
    if (longer * height > Image.MAX_PIXELS) {
      throw new ImageException("resizing the shorter edge of " + image + " to " + height + " would make the other one " + longer);
    }
    boolean tall = image.height() >= image.width();
    return Resampling.resize(image, tall ? height : (int) longer, tall ? (int) longer : height, interpolation);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "Resize(size=%s, interpolation=%s, max_size=None, antialias=True)",
        shortest ? "[" + height + "]" : "[" + height + ", " + width + "]", interpolation.label());
  }
}
