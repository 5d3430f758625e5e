package org.flambeau.vision;

import org.flambeau.Generator;

/// Some of fourteen changes, one after the other, each drawn anew: shears, shifts and turns, brightness, colour, contrast and sharpness, fewer values,
/// light ones turned round, contrast and frequencies evened out, or nothing. All are as strong as one magnitude says, to either side.
///
/// Reference: Cubuk, Zoph, Shlens and Le, "RandAugment: Practical automated data augmentation with a reduced search space", 2020.
///
/// @param steps how many changes
/// @param magnitude how strong they are, from 0 to `magnitudes` − 1
/// @param magnitudes how many degrees of strength there are, at least 2
/// @param fill the value of all channels where nothing is left to show, between 0 and 255
public record RandAugment(int steps, int magnitude, int magnitudes, Interpolation interpolation, int fill)
    implements
      Transform<Image, Image> {
  public RandAugment {
    if (steps < 0 || magnitudes < 2 || magnitude < 0 || magnitude >= magnitudes || fill < 0 || fill > 255) {
      throw new IllegalArgumentException(
          "[RandAugment] expected steps, at least 2 magnitudes, a magnitude below them, and a fill between 0 "
              + "and 255, got " + steps + ", " + magnitudes + ", " + magnitude + " and " + fill);
    }
  }

  /// Torchvision's defaults: two changes of magnitude 9 of 31, from the nearest pixels, before black.
  public RandAugment() {
    this(2, 9);
  }

  /// So many changes of a magnitude of 31.
  public RandAugment(int steps, int magnitude) {
    this(steps, magnitude, 31, Interpolation.NEAREST, 0);
  }

  @Override
  public Image apply(Image image, Generator random) {
    Image changed = image;
    for (int i = 0; i < steps; i++) {
      PolicyStep step = PolicyStep.draw(random);
      changed = step.apply(changed, step.signed(magnitudeOf(step, image, magnitudes, magnitude), random), interpolation, fill);
    }
    return changed;
  }

  /// How strong number `magnitude` of `magnitudes` is, for [AutoAugment] too.
  static double magnitudeOf(PolicyStep step, Image image, int magnitudes, int magnitude) {
    double strongest = switch (step) {
      case IDENTITY, AUTO_CONTRAST, EQUALIZE, INVERT, POSTERIZE, SOLARIZE -> 0;
      case SHEAR_X, SHEAR_Y -> 0.3;
      case TRANSLATE_X -> 150.0 / 331.0 * image.width();
      case TRANSLATE_Y -> 150.0 / 331.0 * image.height();
      case ROTATE -> 30;
      case BRIGHTNESS, COLOR, CONTRAST, SHARPNESS -> 0.9;
    };
    return switch (step) {
      case POSTERIZE -> PolicyStep.bits(4, magnitudes, magnitude);
      case SOLARIZE -> PolicyStep.magnitude(255, 0, magnitudes, magnitude);
      default -> PolicyStep.magnitude(0, strongest, magnitudes, magnitude);
    };
  }

  @Override
  public String toString() {
    return "RandAugment(num_ops=" + steps + ", magnitude=" + magnitude + ", num_magnitude_bins=" + magnitudes
        + ", interpolation=InterpolationMode." + interpolation.name() + ", fill=" + (fill == 0 ? "None" : fill) + ")";
  }
}
