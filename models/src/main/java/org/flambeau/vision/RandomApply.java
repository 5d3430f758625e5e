package org.flambeau.vision;

import org.flambeau.Generator;

/// What is given, or with probability p what `transform` makes of it.
public record RandomApply<A>(Transform<A, A> transform, double p) implements Transform<A, A> {
  public RandomApply {
    if (!(p >= 0 && p <= 1)) {
      throw new IllegalArgumentException("[RandomApply] expected p between 0 and 1, got " + p);
    }
  }

  @Override
  public A apply(A input, Generator random) {
    return p < Draws.unit(random) ? input : transform.apply(input, random);
  }

  @Override
  public String toString() {
    return "RandomApply(\n    p=" + p + "\n    " + transform + "\n)";
  }
}
