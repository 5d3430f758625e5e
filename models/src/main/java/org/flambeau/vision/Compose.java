package org.flambeau.vision;

import org.flambeau.Generator;

/// Two transforms, one after the other.
record Compose<A, B, C>(Transform<A, B> first, Transform<? super B, ? extends C> second) implements Transform<A, C> {
  @Override
  public C apply(A input, Generator random) {
    return second.apply(first.apply(input, random), random);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("Compose(");
    print(text);
    return text.append("\n)").toString();
  }

  private void print(StringBuilder text) {
    for (Transform<?, ?> step : new Transform<?, ?>[] {first, second}) {
      if (step instanceof Compose<?, ?, ?> steps) {
        steps.print(text);
      } else {
        text.append("\n    ").append(step);
      }
    }
  }
}
