package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LE;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;

/// Piecewise functions of floats, activations and losses; see [FloatMath].
final class FloatActivations {
  static final float SIXTH = 1f / 6;

  private FloatActivations() {}

  /// 1 where x ≥ 3, to the bit: 6·⅙ rounds to it.
  static FloatVector hardsigmoid(FloatVector x) {
    FloatVector y = x.add(3f);
    return y.blend(0f, y.compare(LT, 0f)).blend(6f, y.compare(GT, 6f)).mul(SIXTH);
  }

  static FloatVector hardsigmoidBackward(FloatVector g, FloatVector x) {
    return FloatMath.ZERO.blend(g.mul(SIXTH), x.compare(GT, -3f).and(x.compare(LT, 3f)));
  }

  static FloatVector hardswish(FloatVector x) {
    return x.mul(hardsigmoid(x));
  }

  static FloatVector hardswishBackward(FloatVector g, FloatVector x) {
    FloatVector slope = x.mul(1f / 3).add(0.5f);
    return g.blend(g.mul(slope), x.compare(LT, 3f)).blend(0f, x.compare(LE, -3f));
  }

  static FloatVector smoothDistance(FloatVector a, FloatVector b) {
    FloatVector distance = a.sub(b).abs();
    return distance.sub(0.5f).blend(distance.mul(distance).mul(0.5f), distance.compare(LT, 1f));
  }
}
