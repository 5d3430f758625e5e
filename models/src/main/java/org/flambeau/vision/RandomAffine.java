package org.flambeau.vision;

import org.flambeau.Generator;

/// The image turned clockwise about its middle, scaled, sheared and moved, each by a random amount, uniformly; it keeps its size. Immutable: methods
/// with an argument return changed copies.
///
/// ```java
/// RandomAffine.degrees(15).translate(0.1, 0.1).scale(0.9, 1.1).interpolation(Interpolation.BILINEAR)
/// ```
///
/// @param right by which part of the width it moves at most, to either side
/// @param down by which part of the height
/// @param minShear from how many degrees of shear along the rows on
/// @param fill the value of all channels where nothing is left to show, between 0 and 255
public record RandomAffine(double minDegrees, double maxDegrees, double right, double down, double minScale, double maxScale,
    double minShear,
    double maxShear, Interpolation interpolation, int fill) implements Transform<Image, Image> {
  public RandomAffine {
    if (!(minDegrees <= maxDegrees && minScale > 0 && minScale <= maxScale && minShear <= maxShear)) {
      throw new IllegalArgumentException("[RandomAffine] expected ranges from a lower to a higher number, of scale above 0, got degrees "
          + minDegrees + " to " + maxDegrees + ", scale " + minScale + " to " + maxScale + " and shear " + minShear + " to " + maxShear);
    }
    if (!(right >= 0 && right <= 1 && down >= 0 && down <= 1) || fill < 0 || fill > 255) {
      throw new IllegalArgumentException("[RandomAffine] translation values should be between 0 and 1 and the fill between 0 and 255, got "
          + right + ", " + down + " and " + fill);
    }
  }

  /// Turned by at most `degrees` to either side, from the nearest pixels, before black.
  public static RandomAffine degrees(double degrees) {
    return new RandomAffine(-degrees, degrees, 0, 0, 1, 1, 0, 0, Interpolation.NEAREST, 0);
  }

  /// Moved, too, by at most these parts of width and height.
  public RandomAffine translate(double right, double down) {
    return new RandomAffine(minDegrees, maxDegrees, right, down, minScale, maxScale, minShear, maxShear, interpolation, fill);
  }

  /// Scaled, too.
  public RandomAffine scale(double min, double max) {
    return new RandomAffine(minDegrees, maxDegrees, right, down, min, max, minShear, maxShear, interpolation, fill);
  }

  /// Sheared along the rows, too, by at most `degrees` to either side.
  public RandomAffine shear(double degrees) {
    return new RandomAffine(minDegrees, maxDegrees, right, down, minScale, maxScale, -degrees, degrees, interpolation, fill);
  }

  /// With pixels made otherwise.
  public RandomAffine interpolation(Interpolation interpolation) {
    return new RandomAffine(minDegrees, maxDegrees, right, down, minScale, maxScale, minShear, maxShear, interpolation, fill);
  }

  /// Before another grey.
  public RandomAffine fill(int fill) {
    return new RandomAffine(minDegrees, maxDegrees, right, down, minScale, maxScale, minShear, maxShear, interpolation, fill);
  }

  private boolean translates() {
    return right != 0 || down != 0;
  }

  private boolean scales() {
    return minScale != 1 || maxScale != 1;
  }

  private boolean shears() {
    return minShear != 0 || maxShear != 0;
  }

  @Override
  public Image apply(Image image, Generator random) {
    double turn = Math.toRadians(Draws.uniform(random, minDegrees, maxDegrees));
    double tx = translates() ? Math.rint(Draws.uniform(random, -right * image.width(), right * image.width())) : 0;
    double ty = translates() ? Math.rint(Draws.uniform(random, -down * image.height(), down * image.height())) : 0;
    double scale = scales() ? Draws.uniform(random, minScale, maxScale) : 1;
    double slant = Math.tan(Math.toRadians(shears() ? Draws.uniform(random, minShear, maxShear) : 0));
    double cos = Math.cos(turn);
    double sin = Math.sin(turn);
    double cx = image.width() * 0.5;
    double cy = image.height() * 0.5;
    // the inverse of turning and shearing, whose determinant is 1
    AffineMap map = new AffineMap((-sin * slant + cos) / scale, -(-cos * slant - sin) / scale, 0, -sin / scale, cos / scale, 0);
    return map.after(-cx - tx, -cy - ty).then(cx, cy).apply(image, image.width(), image.height(), interpolation, fill);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("RandomAffine(degrees=[" + minDegrees + ", " + maxDegrees + "]");
    if (translates()) {
      text.append(", translate=(").append(right).append(", ").append(down).append(')');
    }
    if (scales()) {
      text.append(", scale=(").append(minScale).append(", ").append(maxScale).append(')');
    }
    if (shears()) {
      text.append(", shear=[").append(minShear).append(", ").append(maxShear).append(']');
    }
    if (interpolation != Interpolation.NEAREST) {
      text.append(", interpolation=").append(interpolation.label());
    }
    return text.append(fill == 0 ? ")" : ", fill=" + fill + ")").toString();
  }
}
