package org.flambeau.backend.cpu.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/// The functions of [org.flambeau.backend.cpu.RowOp] and its terms, each named as its constant, on vectors; they take all four
/// numbers and then the rows that they read.
final class FloatRowMath {
  private FloatRowMath() {}

  static FloatVector scale(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a) {
    return a.mul(p);
  }

  static FloatVector add(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return a.add(b);
  }

  static FloatVector centre(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return a.sub(b);
  }

  static FloatVector subtract(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a) {
    return a.sub(p).sub(q);
  }

  static FloatVector scaledExp(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a) {
    return FloatMath.expBelow(a.sub(p).sub(r)).mul(q);
  }

  static FloatVector softmaxGradient(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return a.sub(p).mul(b);
  }

  static FloatVector logSoftmaxGradient(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return FloatMath.expBelow(b).fma(p.neg(), a);
  }

  static FloatVector addResidual(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return atLeast(a.add(b), p);
  }

  static FloatVector addFourScaled(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b, FloatVector c,
      FloatVector d, FloatVector e) {
    return e.fma(s, d.fma(r, c.fma(q, b.fma(p, a))));
  }

  static FloatVector affine(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a) {
    return atLeast(a.sub(s).fma(p, q), r);
  }

  static FloatVector affineResidual(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return atLeast(a.sub(s).fma(p, q).add(b), r);
  }

  /// As ReLU has it, a floor of 0 leaves −0 and what is not a number.
  private static FloatVector atLeast(FloatVector x, FloatVector floor) {
    return x.blend(floor, x.compare(VectorOperators.LT, floor));
  }

  static FloatVector blend(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return a.fma(p, b.sub(s).fma(q, r));
  }

  static FloatVector affineChannels(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c, FloatVector d) {
    return atLeast(a.sub(d).fma(b, c), p);
  }

  static FloatVector affineChannelsResidual(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c, FloatVector d, FloatVector e) {
    return atLeast(a.sub(d).fma(b, c).add(e), p);
  }

  static FloatVector blendChannels(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c, FloatVector d, FloatVector e) {
    return a.fma(c, b.fma(d, e));
  }

  static FloatVector scaleChannels(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c) {
    return a.fma(b, c);
  }

  static FloatVector addCentredProduct(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c, FloatVector d) {
    return b.fma(c.sub(d), a);
  }

  static FloatVector addCentredSquare(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c) {
    FloatVector centred = b.sub(c);
    return centred.fma(centred, a);
  }

  static FloatVector decayed(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return b.fma(q, a.mul(r));
  }

  static FloatVector velocity(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b, FloatVector c) {
    return a.mul(p).add(c.fma(q, b.mul(r)).mul(s));
  }

  static FloatVector descend(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return b.fma(p.neg(), a);
  }

  static FloatVector descendNesterov(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b,
      FloatVector c, FloatVector d) {
    FloatVector direction = c.fma(s, d.fma(q, b.mul(r)));
    return direction.fma(p.neg(), a);
  }

  static FloatVector towards(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return b.sub(a).fma(p, a);
  }

  static FloatVector backTowards(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return towards(p, q, r, s, b, a);
  }

  static FloatVector towardsSquare(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return b.mul(b).fma(q, a.mul(p));
  }

  static FloatVector larger(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b) {
    return a.max(b);
  }

  static FloatVector descendAdam(FloatVector p, FloatVector q, FloatVector r, FloatVector s, FloatVector a, FloatVector b, FloatVector c) {
    return b.div(c.sqrt().div(q).add(r)).fma(p.neg(), a.mul(s));
  }

  // ---- terms of sums ----

  static FloatVector centredProduct(FloatVector p, FloatVector a, FloatVector b) {
    return a.mul(b.sub(p));
  }

  static FloatVector exp(FloatVector p, FloatVector a) {
    return FloatMath.expBelow(a.sub(p));
  }
}
