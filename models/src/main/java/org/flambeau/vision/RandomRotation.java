package org.flambeau.vision;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;
import org.flambeau.Generator;

/// The image turned about its middle, counter-clockwise, by an angle between `minDegrees` and `maxDegrees`, uniformly.
///
/// @param expand whether the image grows until all of the turned one is in it; else it keeps its size, and corners are lost
/// @param fill the value of all channels where nothing is left to show, between 0 and 255
public record RandomRotation(double minDegrees, double maxDegrees, Interpolation interpolation, boolean expand, int fill)
    implements
      Transform<Image, Image> {
  private static final int DIGITS = 15;

  public RandomRotation {
    if (!(minDegrees <= maxDegrees) || fill < 0 || fill > 255) {
      throw new IllegalArgumentException(
          "[RandomRotation] expected degrees from a lower to a higher number and a fill between 0 and 255, got "
              + minDegrees + " to " + maxDegrees + " and " + fill);
    }
  }

  /// By at most `degrees` to either side, of the same size, from the nearest pixels, before black.
  public RandomRotation(double degrees) {
    this(degrees, Interpolation.NEAREST);
  }

  /// By at most `degrees` to either side, of the same size, before black.
  public RandomRotation(double degrees, Interpolation interpolation) {
    this(-degrees, degrees, interpolation, false, 0);
  }

  @Override
  public Image apply(Image image, Generator random) {
    return turn(image, Draws.uniform(random, minDegrees, maxDegrees));
  }

  /// The image turned by `angle`.
  Image turn(Image image, double angle) {
    double rest = angle % 360;
    double degrees = rest < 0 ? rest + 360 : rest;
    int w = image.width();
    int h = image.height();
    if (degrees == 0 || degrees == 180) {
      return degrees == 0 ? image : Crops.flip(Crops.flip(image, true), false);
    }
    if (degrees % 90 == 0 && (expand || w == h)) {
      AffineMap quarter = degrees == 90 ? new AffineMap(0, -1, w, 1, 0, 0) : new AffineMap(0, 1, 0, -1, 0, h);
      return quarter.apply(image, h, w, Interpolation.NEAREST, fill);
    }
    double cos = rounded(Math.cos(-Math.toRadians(degrees)));
    double sin = rounded(Math.sin(-Math.toRadians(degrees)));
    AffineMap turn = new AffineMap(cos, sin, 0, -sin, cos, 0).after(-w / 2.0, -h / 2.0).then(w / 2.0, h / 2.0);
    if (!expand) {
      return turn.apply(image, w, h, interpolation, fill);
    }
    int newWidth = extent(turn.a(), w, turn.b(), h, turn.c());
    int newHeight = extent(turn.d(), w, turn.e(), h, turn.f());
    return turn.after(-(newWidth - w) / 2.0, -(newHeight - h) / 2.0).apply(image, newWidth, newHeight, interpolation, fill);
  }

  private static double rounded(double value) {
    return new BigDecimal(value).setScale(DIGITS, RoundingMode.HALF_EVEN).doubleValue();
  }

  /// How many whole pixels lie between the outermost corners, each at p·x + q·y + r with x 0 or w and y 0 or h.
  private static int extent(double p, int w, double q, int h, double r) {
    double[] corners = {r, p * w + r, p * w + q * h + r, q * h + r};
    double low = corners[0];
    double high = corners[0];
    for (double corner : corners) {
      low = Math.min(low, corner);
      high = Math.max(high, corner);
    }
    return (int) (Math.ceil(high) - Math.floor(low));
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "RandomRotation(degrees=[%s, %s], interpolation=%s, expand=%s, fill=%d)", minDegrees, maxDegrees,
        interpolation.label(), expand ? "True" : "False", fill);
  }
}
