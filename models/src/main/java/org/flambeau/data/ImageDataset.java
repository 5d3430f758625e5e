package org.flambeau.data;

import java.util.List;
import org.flambeau.Generator;
import org.flambeau.Tensor;
import org.flambeau.vision.Image;
import org.flambeau.vision.Transform;

/// Images, each of one class.
///
/// Its samples are what a transform makes of the image, and the number of the class.
///
/// Shapes: target (). DTypes: target int64.
public abstract sealed class ImageDataset implements Dataset permits CifarDataset, IdxDataset, ImageFolder {
  private final Transform<Image, Tensor> transform;

  ImageDataset(Transform<Image, Tensor> transform) {
    this.transform = transform;
  }

  /// The names of the classes, by number.
  public abstract List<String> classes();

  /// The image at `index`, as it is stored.
  public abstract Image image(long index);

  /// The number of the class of the image at `index`.
  public abstract int label(long index);

  @Override
  public Sample get(long index, Generator random) {
    return sample(image(index), label(index), random);
  }

  Sample sample(Image image, int label, Generator random) {
    return new Sample(transform.apply(image, random), Tensor.scalar((long) label));
  }
}
