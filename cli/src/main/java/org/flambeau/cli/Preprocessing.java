package org.flambeau.cli;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.flambeau.Tensor;
import org.flambeau.cli.training.Tree;
import org.flambeau.vision.AutoAugment;
import org.flambeau.vision.CenterCrop;
import org.flambeau.vision.Image;
import org.flambeau.vision.Interpolation;
import org.flambeau.vision.Normalize;
import org.flambeau.vision.RandAugment;
import org.flambeau.vision.RandomCrop;
import org.flambeau.vision.RandomHorizontalFlip;
import org.flambeau.vision.RandomResizedCrop;
import org.flambeau.vision.Resize;
import org.flambeau.vision.ToRgb;
import org.flambeau.vision.ToTensor;
import org.flambeau.vision.Transform;
import org.flambeau.vision.Transforms;
import org.flambeau.vision.TrivialAugmentWide;

/// From an image to what a model takes: three channels, normalised as ImageNet's.
///
/// @param resize what the shorter edge becomes
/// @param size the edge of the square cut out of it
record Preprocessing(int resize, int size) {
  /// How images are varied while training.
  enum Augmentation {
    /// Not at all.
    NONE,
    /// Half of them are mirrored.
    FLIP,
    /// Mirrored or not, and shifted by up to an eighth of the edge.
    SHIFT,
    /// Mirrored or not, and a random part of another shape, as ImageNet's models are trained.
    PART,
    /// As [#PART], then two random changes of form or colour: [RandAugment].
    RAND,
    /// As [#PART], then one random change of any strength: [TrivialAugmentWide].
    TRIVIAL,
    /// As [#PART], then one of the pairs of changes that suit ImageNet: [AutoAugment].
    AUTO;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final Transform<Image, Tensor> NORMALIZED = new ToRgb().then(new ToTensor())
      .then(new Normalize(Transforms.IMAGENET_MEAN, Transforms.IMAGENET_STD));

  /// What suits images that are varied so: those of which parts are seen in training are seen a bit closer in evaluation, too.
  static Preprocessing of(int size, Augmentation augmentation) {
    return new Preprocessing(augmentation.compareTo(Augmentation.PART) >= 0 ? Math.ceilDiv(size * 8, 7) : size, size);
  }

  static Preprocessing of(Tree tree) {
    return new Preprocessing(Math.toIntExact(tree.whole("resize")), Math.toIntExact(tree.whole("size")));
  }

  Map<String, Object> toTree() {
    Map<String, Object> tree = new LinkedHashMap<>();
    tree.put("resize", (long) resize);
    tree.put("size", (long) size);
    return tree;
  }

  Transform<Image, Tensor> evaluation() {
    return cut().then(NORMALIZED);
  }

  Transform<Image, Tensor> training(Augmentation augmentation) {
    Transform<Image, Image> mirror = new RandomHorizontalFlip();
    return switch (augmentation) {
      case NONE -> evaluation();
      case FLIP -> cut().then(mirror).then(NORMALIZED);
      case SHIFT -> cut().then(new RandomCrop(size, size, Math.ceilDiv(size, 8))).then(mirror).then(NORMALIZED);
      case PART -> part().then(mirror).then(NORMALIZED);
      case RAND -> part().then(mirror).then(new RandAugment()).then(NORMALIZED);
      case TRIVIAL -> part().then(mirror).then(new TrivialAugmentWide()).then(NORMALIZED);
      case AUTO -> part().then(mirror).then(new AutoAugment()).then(NORMALIZED);
    };
  }

  private Transform<Image, Image> part() {
    return new RandomResizedCrop(size, Interpolation.BILINEAR);
  }

  private Transform<Image, Image> cut() {
    return new Resize(resize, Interpolation.BILINEAR).then(new CenterCrop(size));
  }
}
