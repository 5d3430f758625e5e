package org.flambeau.backend.cpu.vector;

import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;

import jdk.incubator.vector.FloatVector;

/// Functions lane by lane, for operands that are too rare and too difficult for vectors.
final class ExactLanes {
  private ExactLanes() {}

  static FloatVector sin(FloatVector x) {
    float[] values = x.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(values[i]);
    }
    return FloatVector.fromArray(SPECIES, values, 0);
  }

  static FloatVector cos(FloatVector x) {
    float[] values = x.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.cos(values[i]);
    }
    return FloatVector.fromArray(SPECIES, values, 0);
  }
}
