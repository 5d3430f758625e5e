package org.flambeau.vision;

import java.util.List;
import org.flambeau.Tensor;

/// What turns images into the input of models that were trained on ImageNet.
public final class Transforms {
  /// The mean of each channel over ImageNet.
  public static final List<Double> IMAGENET_MEAN = List.of(0.485, 0.456, 0.406);
  /// The standard deviation of each channel over ImageNet.
  public static final List<Double> IMAGENET_STD = List.of(0.229, 0.224, 0.225);

  private Transforms() {}

  /// For evaluation: the shorter edge to 256, the middle 224×224, normalised.
  public static Transform<Image, Tensor> imagenet() {
    return imagenet(256, 224, Interpolation.BILINEAR);
  }

  /// For evaluation: the shorter edge to `resize`, the middle `crop`×`crop`, normalised.
  public static Transform<Image, Tensor> imagenet(int resize, int crop, Interpolation interpolation) {
    return new Resize(resize, interpolation).then(new CenterCrop(crop)).then(normalized());
  }

  /// For training: a random part resized to 224×224, flipped or not, normalised.
  public static Transform<Image, Tensor> imagenetTraining() {
    return imagenetTraining(224, Interpolation.BILINEAR);
  }

  /// For training: a random part resized to `crop`×`crop`, flipped or not, normalised.
  public static Transform<Image, Tensor> imagenetTraining(int crop, Interpolation interpolation) {
    return new RandomResizedCrop(crop, interpolation).then(new RandomHorizontalFlip()).then(normalized());
  }

  private static Transform<Image, Tensor> normalized() {
    return new ToRgb().then(new ToTensor()).then(new Normalize(IMAGENET_MEAN, IMAGENET_STD));
  }
}
