package org.flambeau.vision;

import java.util.List;
import org.flambeau.Generator;
import org.flambeau.Tensor;

/// What one of several transforms makes of it, each as probable as the others.
public record RandomChoice<A, B>(List<? extends Transform<A, B>> transforms) implements Transform<A, B> {
  public RandomChoice {
    if (transforms.isEmpty()) {
      throw new IllegalArgumentException("[RandomChoice] Pass at least one transform");
    }
    transforms = List.copyOf(transforms);
  }

  /// One of `transforms`.
  @SafeVarargs
  public RandomChoice(Transform<A, B>... transforms) {
    this(List.of(transforms));
  }

  @Override
  public B apply(A input, Generator random) {
    Tensor drawn = Tensor.full(1.0 / transforms.size(), transforms.size()).multinomial(1, false, random);
    return transforms.get((int) drawn.toLong()).apply(input, random);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("RandomChoice(");
    transforms.forEach(transform -> text.append("\n    ").append(transform));
    return text.append("\n)").toString();
  }
}
