package org.flambeau.backend.cpu.vector;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.LT;
import static org.flambeau.backend.cpu.vector.FloatMath.ONE;
import static org.flambeau.backend.cpu.vector.FloatMath.SPECIES;

import jdk.incubator.vector.FloatVector;

/// Special functions. Made to be inlined, as [FloatMath] is.
final class FloatSpecial {
  /// Where the fit of the centre is expanded; there its value is a float, or nearly.
  private static final float CENTRE = 2.4999998f;

  private FloatSpecial() {}

  /// By w = −log(1 − x²): x·P(w), and √w + R(√w) where x is close to 1. Minimax fits in the form of Giles, "Approximating the erfinv
  /// function" (GPU Computing Gems, 2011).
  static FloatVector erfinv(FloatVector x) {
    FloatVector w = FloatMath.log(x.neg().fma(x, ONE)).neg();
    FloatVector v = w.sub(CENTRE);
    FloatVector p = broadcast(SPECIES, -8.866602e-09f).fma(v, broadcast(SPECIES, 2.3001459e-08f)).fma(v, broadcast(SPECIES, 4.673186e-07f))
        .fma(v, broadcast(SPECIES, -3.459555e-06f)).fma(v, broadcast(SPECIES, -4.9693663e-06f))
        .fma(v, broadcast(SPECIES, 0.00021833039f)).fma(v, broadcast(SPECIES, -0.0012527296f))
        .fma(v, broadcast(SPECIES, -0.0041773636f)).fma(v, broadcast(SPECIES, 0.24664028f)).fma(v, broadcast(SPECIES, 1.5014093f));
    FloatVector root = w.sqrt();
    FloatVector s = root.sub(3f);
    FloatVector tail = broadcast(SPECIES, -1.7316654e-05f).fma(s, broadcast(SPECIES, 5.677904e-05f))
        .fma(s, broadcast(SPECIES, -4.1178657e-05f)).fma(s, broadcast(SPECIES, -0.00022125937f))
        .fma(s, broadcast(SPECIES, 0.001143615f)).fma(s, broadcast(SPECIES, -0.0034450374f)).fma(s, broadcast(SPECIES, 0.00684361f))
        .fma(s, broadcast(SPECIES, 0.0026623816f)).fma(s, broadcast(SPECIES, -0.16719802f)).add(root);
    FloatVector y = FloatMath.copysign(tail, x).blend(p.mul(x), w.compare(LT, 5f));
    return y.blend(x.mul(Float.POSITIVE_INFINITY), x.abs().compare(EQ, 1f));
  }
}
