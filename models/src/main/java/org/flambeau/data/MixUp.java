package org.flambeau.data;

import org.flambeau.Generator;
import org.flambeau.vision.Transform;

/// Each image of a batch blended with the one before it, and the targets likewise, all by one share that is Beta(α, α) distributed. The batch is
/// one of shuffled samples.
///
/// ```java
/// Batch mixed = mixUp.apply(batch);
/// Tensor loss = Functional.crossEntropy(model.call(mixed.input()), mixed.target());
/// ```
/// Shapes: images (n, c, h, w) and labels (n), or probabilities (n, classes) → the same and probabilities.
///
/// Reference: Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", 2017.
///
/// @param classes how many classes there are
/// @param alpha the larger, the more both images show
public record MixUp(int classes, double alpha) implements Transform<Batch, Batch> {
  public MixUp {
    Mixing.requireParameters("MixUp", classes, alpha);
  }

  /// With α = 1: all shares are equally probable.
  public MixUp(int classes) {
    this(classes, 1);
  }

  @Override
  public Batch apply(Batch batch, Generator random) {
    Mixing.requireImages("MixUp", classes, batch);
    double share = Mixing.beta(random, alpha);
    return new Batch(Mixing.blend(batch.input(), share), Mixing.targets(batch.target(), classes, share));
  }

  @Override
  public String toString() {
    return "MixUp(alpha=" + alpha + ", num_classes=" + classes + ")";
  }
}
