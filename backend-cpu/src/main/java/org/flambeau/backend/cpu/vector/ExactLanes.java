package org.flambeau.backend.cpu.vector;

import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;

import java.util.Objects;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.UnaryOp;

/// The formulas lane by lane, for operands that are too rare and too difficult for vectors.
final class ExactLanes {
  private ExactLanes() {}

  static FloatVector of(UnaryOp op, FloatVector x) {
    DoubleUnaryOperator formula = op.real();
    float[] values = x.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) formula.applyAsDouble(values[i]);
    }
    return FloatVector.fromArray(SPECIES, values, 0);
  }

  static FloatVector of(BinaryOp op, FloatVector a, FloatVector b) {
    DoubleBinaryOperator formula = Objects.requireNonNull(op.real());
    float[] values = a.toArray();
    float[] others = b.toArray();
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) formula.applyAsDouble(values[i], others[i]);
    }
    return FloatVector.fromArray(SPECIES, values, 0);
  }
}
