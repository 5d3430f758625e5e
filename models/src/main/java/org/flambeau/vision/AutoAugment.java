package org.flambeau.vision;

import java.util.List;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// One of 25 pairs of changes, which were found to be of use for a data set by learning; each of the two with a probability of its own, and of those of
/// either sign a random one.
///
/// Reference: Cubuk, Zoph, Mané, Vasudevan and Le, "AutoAugment: Learning Augmentation Strategies from Data", CVPR 2019.
///
/// @param policy for which data set
/// @param fill the value of all channels where nothing is left to show, between 0 and 255
public record AutoAugment(Policy policy, Interpolation interpolation, int fill) implements Transform<Image, Image> {
  private static final int MAGNITUDES = 10;

  /// What was learnt for a data set, which is of use for those like it.
  public enum Policy {
    /// For photographs of many kinds.
    IMAGENET("""
        POSTERIZE 4 8, ROTATE 6 9; SOLARIZE 6 5, AUTO_CONTRAST 6;
        EQUALIZE 8, EQUALIZE 6; POSTERIZE 6 7, POSTERIZE 6 6;
        EQUALIZE 4, SOLARIZE 2 4; EQUALIZE 4, ROTATE 8 8;
        SOLARIZE 6 3, EQUALIZE 6; POSTERIZE 8 5, EQUALIZE 10;
        ROTATE 2 3, SOLARIZE 6 8; EQUALIZE 6, POSTERIZE 4 6;
        ROTATE 8 8, COLOR 4 0; ROTATE 4 9, EQUALIZE 6;
        EQUALIZE 0, EQUALIZE 8; INVERT 6, EQUALIZE 10;
        COLOR 6 4, CONTRAST 10 8; ROTATE 8 8, COLOR 10 2;
        COLOR 8 8, SOLARIZE 8 7; SHARPNESS 4 7, INVERT 6;
        SHEAR_X 6 5, EQUALIZE 10; COLOR 4 0, EQUALIZE 6;
        EQUALIZE 4, SOLARIZE 2 4; SOLARIZE 6 5, AUTO_CONTRAST 6;
        INVERT 6, EQUALIZE 10; COLOR 6 4, CONTRAST 10 8;
        EQUALIZE 8, EQUALIZE 6"""),
    /// For small pictures of things.
    CIFAR10("""
        INVERT 1, CONTRAST 2 6; ROTATE 7 2, TRANSLATE_X 3 9;
        SHARPNESS 8 1, SHARPNESS 9 3; SHEAR_Y 5 8, TRANSLATE_Y 7 9;
        AUTO_CONTRAST 5, EQUALIZE 9; SHEAR_Y 2 7, POSTERIZE 3 7;
        COLOR 4 3, BRIGHTNESS 6 7; SHARPNESS 3 9, BRIGHTNESS 7 9;
        EQUALIZE 6, EQUALIZE 5; CONTRAST 6 7, SHARPNESS 6 5;
        COLOR 7 7, TRANSLATE_X 5 8; EQUALIZE 3, AUTO_CONTRAST 4;
        TRANSLATE_Y 4 3, SHARPNESS 2 6; BRIGHTNESS 9 6, COLOR 2 8;
        SOLARIZE 5 2, INVERT 0; EQUALIZE 2, AUTO_CONTRAST 6;
        EQUALIZE 2, EQUALIZE 6; COLOR 9 9, EQUALIZE 6;
        AUTO_CONTRAST 8, SOLARIZE 2 8; BRIGHTNESS 1 3, COLOR 7 0;
        SOLARIZE 4 5, AUTO_CONTRAST 9; TRANSLATE_Y 9 9, TRANSLATE_Y 7 9;
        AUTO_CONTRAST 9, SOLARIZE 8 3; EQUALIZE 8, INVERT 1;
        TRANSLATE_Y 7 9, AUTO_CONTRAST 9"""),
    /// For house numbers.
    SVHN("""
        SHEAR_X 9 4, INVERT 2; SHEAR_Y 9 8, INVERT 7;
        EQUALIZE 6, SOLARIZE 6 6; INVERT 9, EQUALIZE 6;
        EQUALIZE 6, ROTATE 9 3; SHEAR_X 9 4, AUTO_CONTRAST 8;
        SHEAR_Y 9 8, INVERT 4; SHEAR_Y 9 5, SOLARIZE 2 6;
        INVERT 9, AUTO_CONTRAST 8; EQUALIZE 6, ROTATE 9 3;
        SHEAR_X 9 4, SOLARIZE 3 3; SHEAR_Y 8 8, INVERT 7;
        EQUALIZE 9, TRANSLATE_Y 6 6; INVERT 9, EQUALIZE 6;
        CONTRAST 3 3, ROTATE 8 4; INVERT 8, TRANSLATE_Y 0 2;
        SHEAR_Y 7 6, SOLARIZE 4 8; INVERT 6, ROTATE 8 4;
        SHEAR_Y 3 7, TRANSLATE_X 9 3; SHEAR_X 1 6, INVERT 6;
        SOLARIZE 7 2, TRANSLATE_Y 6 7; SHEAR_Y 8 4, INVERT 8;
        SHEAR_X 7 9, TRANSLATE_Y 8 3; SHEAR_Y 8 5, AUTO_CONTRAST 7;
        SHEAR_X 7 2, INVERT 1""");

    private final List<List<Change>> pairs;

    /// @param table of each change the step, the probability in tenths, and the magnitude where it has one
    Policy(String table) {
      this.pairs = Stream.of(table.split(";", -1)).map(pair -> Stream.of(pair.split(",", -1)).map(Change::parse).toList()).toList();
    }
  }

  /// A step of a pair.
  private record Change(PolicyStep step, float probability, int magnitude) {
    static Change parse(String text) {
      String[] words = text.strip().split(" ", -1);
      return new Change(PolicyStep.valueOf(words[0]), Integer.parseInt(words[1]) / 10f, words.length > 2 ? Integer.parseInt(words[2]) : 0);
    }
  }

  public AutoAugment {
    if (fill < 0 || fill > 255) {
      throw new IllegalArgumentException("[AutoAugment] expected a fill between 0 and 255, got " + fill);
    }
  }

  /// Torchvision's defaults: ImageNet's policy, from the nearest pixels, before black.
  public AutoAugment() {
    this(Policy.IMAGENET, Interpolation.NEAREST, 0);
  }

  @Override
  public Image apply(Image image, Generator random) {
    List<Change> pair = policy.pairs.get(Draws.below(random, policy.pairs.size()));
    float[] chances = Tensor.rand(random, DType.FLOAT32, pair.size()).toFloatArray();
    long[] signs = Tensor.randint(random, DType.INT64, 0, 2, pair.size()).toLongArray();
    Image changed = image;
    for (int i = 0; i < chances.length; i++) {
      Change change = pair.get(i);
      if (chances[i] <= change.probability) {
        double magnitude = RandAugment.magnitudeOf(change.step, image, MAGNITUDES, change.magnitude);
        changed = change.step.apply(changed, change.step.isSigned() && signs[i] == 0 ? -magnitude : magnitude, interpolation, fill);
      }
    }
    return changed;
  }

  @Override
  public String toString() {
    return "AutoAugment(policy=AutoAugmentPolicy." + policy + ", fill=" + (fill == 0 ? "None" : fill) + ")";
  }
}
