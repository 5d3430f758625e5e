package org.flambeau.data;

import org.flambeau.DType;
import org.flambeau.Generator;
import org.flambeau.Index;
import org.flambeau.Tensor;
import org.flambeau.vision.Transform;

/// A rectangle of each image of a batch shows the image before it, and the targets are blended by the area. The rectangle is the same for the
/// whole batch; its area is Beta(α, α) distributed, before it is cut off at the edges. The batch is one of shuffled samples.
///
/// ```java
/// Batch mixed = cutMix.apply(batch);
/// Tensor loss = Functional.crossEntropy(model.call(mixed.input()), mixed.target());
/// ```
/// Shapes: images (n, c, h, w) and labels (n), or probabilities (n, classes) → the same and probabilities.
///
/// Reference: Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", 2019.
///
/// @param classes how many classes there are
/// @param alpha the larger, the rarer very small and very large rectangles are
public record CutMix(int classes, double alpha) implements Transform<Batch, Batch> {
  public CutMix {
    Mixing.requireParameters("CutMix", classes, alpha);
  }

  /// With α = 1: all areas are equally probable.
  public CutMix(int classes) {
    this(classes, 1);
  }

  @Override
  public Batch apply(Batch batch, Generator random) {
    Mixing.requireImages("CutMix", classes, batch);
    double half = 0.5 * Math.sqrt(1 - Mixing.beta(random, alpha));
    Extent columns = Extent.draw(random, batch.input().size(3), half);
    Extent rows = Extent.draw(random, batch.input().size(2), half);
    Index[] rectangle = {Index.ellipsis(), Index.slice(rows.start, rows.end), Index.slice(columns.start, columns.end)};
    Tensor images = batch.input().clone();
    images.index(rectangle).copy_(batch.input().roll(1, 0).index(rectangle));
    double share = 1 - (double) (rows.length() * columns.length()) / (rows.of * columns.of);
    return new Batch(images, Mixing.targets(batch.target(), classes, share));
  }

  /// Some of the rows or columns `of` an image.
  private record Extent(long start, long end, long of) {
    /// Up to `half` of all to either side of a random one.
    static Extent draw(Generator random, long of, double half) {
      long middle = Tensor.randint(random, DType.INT64, 0, of, 1).toLong();
      long reach = (long) (half * of);
      return new Extent(Math.max(middle - reach, 0), Math.min(middle + reach, of), of);
    }

    long length() {
      return end - start;
    }
  }

  @Override
  public String toString() {
    return "CutMix(alpha=" + alpha + ", num_classes=" + classes + ")";
  }
}
