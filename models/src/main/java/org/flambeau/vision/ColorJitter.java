package org.flambeau.vision;

import org.flambeau.Generator;
import org.flambeau.Tensor;

/// Brightness, contrast, saturation and hue changed a little, in random order, each by a factor of its range, uniformly. A factor of 1 changes
/// nothing; of the hue's, between −½ and ½, 0 does.
public record ColorJitter(double minBrightness, double maxBrightness, double minContrast, double maxContrast, double minSaturation,
    double maxSaturation, double minHue, double maxHue) implements Transform<Image, Image> {
  public ColorJitter {
    require("brightness", minBrightness, maxBrightness, 0, Double.POSITIVE_INFINITY);
    require("contrast", minContrast, maxContrast, 0, Double.POSITIVE_INFINITY);
    require("saturation", minSaturation, maxSaturation, 0, Double.POSITIVE_INFINITY);
    require("hue", minHue, maxHue, -0.5, 0.5);
  }

  private static void require(String name, double min, double max, double low, double high) {
    if (!(low <= min && min <= max && max <= high)) {
      throw new IllegalArgumentException("[ColorJitter] " + name + " values should be between " + low + " and " + high
          + ", the lower one first, but got " + min + " and " + max);
    }
  }

  /// Factors of brightness, contrast and saturation between 1 − x and 1 + x, none below 0, and of the hue between −x and x.
  public ColorJitter(double brightness, double contrast, double saturation, double hue) {
    this(Math.max(0, 1 - brightness), 1 + brightness, Math.max(0, 1 - contrast), 1 + contrast, Math.max(0, 1 - saturation), 1 + saturation,
        -hue, hue);
  }

  @Override
  public Image apply(Image image, Generator random) {
    long[] order = Tensor.randperm(random, 4).toLongArray();
    double[] factors = {draw(random, minBrightness, maxBrightness, 1), draw(random, minContrast, maxContrast, 1),
      draw(random, minSaturation, maxSaturation, 1), draw(random, minHue, maxHue, 0)};
    Image changed = image;
    for (long change : order) {
      double factor = factors[(int) change];
      if (!Double.isNaN(factor)) {
        changed = switch ((int) change) {
          case 0 -> Colors.brightness(changed, factor);
          case 1 -> Colors.contrast(changed, factor);
          case 2 -> Colors.saturation(changed, factor);
          default -> Colors.hue(changed, factor);
        };
      }
    }
    return changed;
  }

  /// A factor of the range, or NaN, and nothing drawn, where the range is `neutral` alone.
  private static double draw(Generator random, double min, double max, double neutral) {
    return min == neutral && max == neutral ? Double.NaN : Draws.uniform(random, min, max);
  }

  @Override
  public String toString() {
    return "ColorJitter(brightness=" + range(minBrightness, maxBrightness, 1) + ", contrast=" + range(minContrast, maxContrast, 1)
        + ", saturation=" + range(minSaturation, maxSaturation, 1) + ", hue=" + range(minHue, maxHue, 0) + ")";
  }

  private static String range(double min, double max, double neutral) {
    return min == neutral && max == neutral ? "None" : "(" + min + ", " + max + ")";
  }
}
