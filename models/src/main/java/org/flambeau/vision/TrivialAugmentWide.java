package org.flambeau.vision;

import org.flambeau.Generator;

/// One of [RandAugment]'s fourteen changes, as strong as is drawn, too, from nothing to very strong.
///
/// Reference: Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", ICCV 2021.
///
/// @param magnitudes how many degrees of strength there are, at least 2
/// @param fill the value of all channels where nothing is left to show, between 0 and 255
public record TrivialAugmentWide(int magnitudes, Interpolation interpolation, int fill) implements Transform<Image, Image> {
  public TrivialAugmentWide {
    if (magnitudes < 2 || fill < 0 || fill > 255) {
      throw new IllegalArgumentException(
          "[TrivialAugmentWide] expected at least 2 magnitudes and a fill between 0 and 255, got " + magnitudes
              + " and " + fill);
    }
  }

  /// Torchvision's defaults: 31 magnitudes, from the nearest pixels, before black.
  public TrivialAugmentWide() {
    this(31, Interpolation.NEAREST, 0);
  }

  @Override
  public Image apply(Image image, Generator random) {
    PolicyStep step = PolicyStep.draw(random);
    int magnitude = step.hasMagnitude() ? Draws.below(random, magnitudes) : 0;
    return step.apply(image, step.signed(strength(step, magnitude), random), interpolation, fill);
  }

  private double strength(PolicyStep step, int magnitude) {
    return switch (step) {
      case IDENTITY, AUTO_CONTRAST, EQUALIZE, INVERT -> 0;
      case SHEAR_X, SHEAR_Y, BRIGHTNESS, COLOR, CONTRAST, SHARPNESS -> PolicyStep.magnitude(0, 0.99, magnitudes, magnitude);
      case TRANSLATE_X, TRANSLATE_Y -> PolicyStep.magnitude(0, 32, magnitudes, magnitude);
      case ROTATE -> PolicyStep.magnitude(0, 135, magnitudes, magnitude);
      case POSTERIZE -> PolicyStep.bits(6, magnitudes, magnitude);
      case SOLARIZE -> PolicyStep.magnitude(255, 0, magnitudes, magnitude);
    };
  }

  @Override
  public String toString() {
    return "TrivialAugmentWide(num_magnitude_bins=" + magnitudes + ", interpolation=InterpolationMode." + interpolation.name() + ", fill="
        + (fill == 0 ? "None" : fill) + ")";
  }
}
