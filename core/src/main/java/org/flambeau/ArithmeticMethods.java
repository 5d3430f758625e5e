package org.flambeau;

import org.flambeau.internal.ops.Binary;
import org.flambeau.internal.ops.Op;
import org.flambeau.internal.ops.Powers;

/// What every tensor a can do element by element with another operand b, a tensor or a number.
///
/// Shapes: the operands broadcast to common sizes; in place, to a's. DTypes: the operands are promoted to a common dtype
/// as in PyTorch: tensors with dimensions decide before those without, and these before numbers, unless the lower class
/// has the higher category. Autograd: all are differentiable any number of times, unless they say otherwise or give
/// whole numbers or truth values; gradients are summed over broadcast dimensions. Errors: `IllegalArgumentException`
/// where sizes do not broadcast, devices differ, or a result cannot be stored in place.
sealed interface ArithmeticMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  /// a + b.
  default Tensor add(Tensor other) {
    return Binary.ADD.of(self(), other);
  }

  /// [#add(Tensor)] in place.
  default Tensor add_(Tensor other) {
    return Binary.ADD.inPlace(self(), other);
  }

  /// [#add(Tensor)] with a number.
  default Tensor add(long other) {
    return Binary.ADD.of(self(), Tensor.number(other));
  }

  /// [#add(Tensor)] with a number, in place.
  default Tensor add_(long other) {
    return Binary.ADD.inPlace(self(), Tensor.number(other));
  }

  /// [#add(Tensor)] with a number.
  default Tensor add(double other) {
    return Binary.ADD.of(self(), Tensor.number(other));
  }

  /// [#add(Tensor)] with a number, in place.
  default Tensor add_(double other) {
    return Binary.ADD.inPlace(self(), Tensor.number(other));
  }

  /// a − b.
  default Tensor sub(Tensor other) {
    return Binary.SUB.of(self(), other);
  }

  /// [#sub(Tensor)] in place.
  default Tensor sub_(Tensor other) {
    return Binary.SUB.inPlace(self(), other);
  }

  /// [#sub(Tensor)] with a number.
  default Tensor sub(long other) {
    return Binary.SUB.of(self(), Tensor.number(other));
  }

  /// [#sub(Tensor)] with a number, in place.
  default Tensor sub_(long other) {
    return Binary.SUB.inPlace(self(), Tensor.number(other));
  }

  /// [#sub(Tensor)] with a number.
  default Tensor sub(double other) {
    return Binary.SUB.of(self(), Tensor.number(other));
  }

  /// [#sub(Tensor)] with a number, in place.
  default Tensor sub_(double other) {
    return Binary.SUB.inPlace(self(), Tensor.number(other));
  }

  /// a·b.
  default Tensor mul(Tensor other) {
    return Binary.MUL.of(self(), other);
  }

  /// [#mul(Tensor)] in place.
  default Tensor mul_(Tensor other) {
    return Binary.MUL.inPlace(self(), other);
  }

  /// [#mul(Tensor)] with a number.
  default Tensor mul(long other) {
    return Binary.MUL.of(self(), Tensor.number(other));
  }

  /// [#mul(Tensor)] with a number, in place.
  default Tensor mul_(long other) {
    return Binary.MUL.inPlace(self(), Tensor.number(other));
  }

  /// [#mul(Tensor)] with a number.
  default Tensor mul(double other) {
    return Binary.MUL.of(self(), Tensor.number(other));
  }

  /// [#mul(Tensor)] with a number, in place.
  default Tensor mul_(double other) {
    return Binary.MUL.inPlace(self(), Tensor.number(other));
  }

  /// a/b, of a float dtype.
  default Tensor div(Tensor other) {
    return Binary.DIV.of(self(), other);
  }

  /// [#div(Tensor)] in place.
  default Tensor div_(Tensor other) {
    return Binary.DIV.inPlace(self(), other);
  }

  /// [#div(Tensor)] with a number.
  default Tensor div(long other) {
    return Binary.DIV.of(self(), Tensor.number(other));
  }

  /// [#div(Tensor)] with a number, in place.
  default Tensor div_(long other) {
    return Binary.DIV.inPlace(self(), Tensor.number(other));
  }

  /// [#div(Tensor)] with a number.
  default Tensor div(double other) {
    return Binary.DIV.of(self(), Tensor.number(other));
  }

  /// [#div(Tensor)] with a number, in place.
  default Tensor div_(double other) {
    return Binary.DIV.inPlace(self(), Tensor.number(other));
  }

  /// ⌊a/b⌋. It cannot be differentiated.
  default Tensor floorDivide(Tensor other) {
    return Binary.FLOOR_DIVIDE.of(self(), other);
  }

  /// [#floorDivide(Tensor)] in place.
  default Tensor floorDivide_(Tensor other) {
    return Binary.FLOOR_DIVIDE.inPlace(self(), other);
  }

  /// [#floorDivide(Tensor)] with a number.
  default Tensor floorDivide(long other) {
    return Binary.FLOOR_DIVIDE.of(self(), Tensor.number(other));
  }

  /// [#floorDivide(Tensor)] with a number, in place.
  default Tensor floorDivide_(long other) {
    return Binary.FLOOR_DIVIDE.inPlace(self(), Tensor.number(other));
  }

  /// [#floorDivide(Tensor)] with a number.
  default Tensor floorDivide(double other) {
    return Binary.FLOOR_DIVIDE.of(self(), Tensor.number(other));
  }

  /// [#floorDivide(Tensor)] with a number, in place.
  default Tensor floorDivide_(double other) {
    return Binary.FLOOR_DIVIDE.inPlace(self(), Tensor.number(other));
  }

  /// a/b rounded toward zero.
  default Tensor truncDivide(Tensor other) {
    return Binary.TRUNC_DIVIDE.of(self(), other);
  }

  /// [#truncDivide(Tensor)] in place.
  default Tensor truncDivide_(Tensor other) {
    return Binary.TRUNC_DIVIDE.inPlace(self(), other);
  }

  /// [#truncDivide(Tensor)] with a number.
  default Tensor truncDivide(long other) {
    return Binary.TRUNC_DIVIDE.of(self(), Tensor.number(other));
  }

  /// [#truncDivide(Tensor)] with a number, in place.
  default Tensor truncDivide_(long other) {
    return Binary.TRUNC_DIVIDE.inPlace(self(), Tensor.number(other));
  }

  /// [#truncDivide(Tensor)] with a number.
  default Tensor truncDivide(double other) {
    return Binary.TRUNC_DIVIDE.of(self(), Tensor.number(other));
  }

  /// [#truncDivide(Tensor)] with a number, in place.
  default Tensor truncDivide_(double other) {
    return Binary.TRUNC_DIVIDE.inPlace(self(), Tensor.number(other));
  }

  /// a − b·⌊a/b⌋, with b's sign.
  default Tensor remainder(Tensor other) {
    return Binary.REMAINDER.of(self(), other);
  }

  /// [#remainder(Tensor)] in place.
  default Tensor remainder_(Tensor other) {
    return Binary.REMAINDER.inPlace(self(), other);
  }

  /// [#remainder(Tensor)] with a number.
  default Tensor remainder(long other) {
    return Binary.REMAINDER_NUMBER.of(self(), Tensor.number(other));
  }

  /// [#remainder(Tensor)] with a number, in place.
  default Tensor remainder_(long other) {
    return Binary.REMAINDER_NUMBER.inPlace(self(), Tensor.number(other));
  }

  /// [#remainder(Tensor)] with a number.
  default Tensor remainder(double other) {
    return Binary.REMAINDER_NUMBER.of(self(), Tensor.number(other));
  }

  /// [#remainder(Tensor)] with a number, in place.
  default Tensor remainder_(double other) {
    return Binary.REMAINDER_NUMBER.inPlace(self(), Tensor.number(other));
  }

  /// The remainder of a/b with a's sign.
  default Tensor fmod(Tensor other) {
    return Binary.FMOD.of(self(), other);
  }

  /// [#fmod(Tensor)] in place.
  default Tensor fmod_(Tensor other) {
    return Binary.FMOD.inPlace(self(), other);
  }

  /// [#fmod(Tensor)] with a number.
  default Tensor fmod(long other) {
    return Binary.FMOD_NUMBER.of(self(), Tensor.number(other));
  }

  /// [#fmod(Tensor)] with a number, in place.
  default Tensor fmod_(long other) {
    return Binary.FMOD_NUMBER.inPlace(self(), Tensor.number(other));
  }

  /// [#fmod(Tensor)] with a number.
  default Tensor fmod(double other) {
    return Binary.FMOD_NUMBER.of(self(), Tensor.number(other));
  }

  /// [#fmod(Tensor)] with a number, in place.
  default Tensor fmod_(double other) {
    return Binary.FMOD_NUMBER.inPlace(self(), Tensor.number(other));
  }

  /// The angle of the point (b, a), in (−π, π].
  default Tensor atan2(Tensor other) {
    return Binary.ATAN2.of(self(), other);
  }

  /// [#atan2(Tensor)] in place.
  default Tensor atan2_(Tensor other) {
    return Binary.ATAN2.inPlace(self(), other);
  }

  /// √(a² + b²) without overflow.
  default Tensor hypot(Tensor other) {
    return Binary.HYPOT.of(self(), other);
  }

  /// [#hypot(Tensor)] in place.
  default Tensor hypot_(Tensor other) {
    return Binary.HYPOT.inPlace(self(), other);
  }

  /// \|a\| with b's sign.
  default Tensor copysign(Tensor other) {
    return Binary.COPYSIGN.of(self(), other);
  }

  /// [#copysign(Tensor)] in place.
  default Tensor copysign_(Tensor other) {
    return Binary.COPYSIGN.inPlace(self(), other);
  }

  /// a·log b, and 0 where a is 0.
  default Tensor xlogy(Tensor other) {
    return Binary.XLOGY.of(self(), other);
  }

  /// [#xlogy(Tensor)] in place.
  default Tensor xlogy_(Tensor other) {
    return Binary.XLOGY.inPlace(self(), other);
  }

  /// log(eᵃ + eᵇ) without overflow.
  default Tensor logaddexp(Tensor other) {
    return Binary.LOGADDEXP.of(self(), other);
  }

  /// The larger of both, NaN if either is; equal operands share the gradient.
  default Tensor maximum(Tensor other) {
    return Binary.MAXIMUM.of(self(), other);
  }

  /// The smaller of both, NaN if either is; equal operands share the gradient.
  default Tensor minimum(Tensor other) {
    return Binary.MINIMUM.of(self(), other);
  }

  /// a & b, integral and bool tensors only.
  default Tensor bitwiseAnd(Tensor other) {
    return Binary.BITWISE_AND.of(self(), other);
  }

  /// [#bitwiseAnd(Tensor)] in place.
  default Tensor bitwiseAnd_(Tensor other) {
    return Binary.BITWISE_AND.inPlace(self(), other);
  }

  /// a | b, integral and bool tensors only.
  default Tensor bitwiseOr(Tensor other) {
    return Binary.BITWISE_OR.of(self(), other);
  }

  /// [#bitwiseOr(Tensor)] in place.
  default Tensor bitwiseOr_(Tensor other) {
    return Binary.BITWISE_OR.inPlace(self(), other);
  }

  /// a ^ b, integral and bool tensors only.
  default Tensor bitwiseXor(Tensor other) {
    return Binary.BITWISE_XOR.of(self(), other);
  }

  /// [#bitwiseXor(Tensor)] in place.
  default Tensor bitwiseXor_(Tensor other) {
    return Binary.BITWISE_XOR.inPlace(self(), other);
  }

  /// a·2ᵇ, integral tensors only.
  default Tensor bitwiseLeftShift(Tensor other) {
    return Binary.SHIFT_LEFT.of(self(), other);
  }

  /// [#bitwiseLeftShift(Tensor)] in place.
  default Tensor bitwiseLeftShift_(Tensor other) {
    return Binary.SHIFT_LEFT.inPlace(self(), other);
  }

  /// ⌊a/2ᵇ⌋, integral tensors only.
  default Tensor bitwiseRightShift(Tensor other) {
    return Binary.SHIFT_RIGHT.of(self(), other);
  }

  /// [#bitwiseRightShift(Tensor)] in place.
  default Tensor bitwiseRightShift_(Tensor other) {
    return Binary.SHIFT_RIGHT.inPlace(self(), other);
  }

  /// Whether neither is 0, as bool.
  default Tensor logicalAnd(Tensor other) {
    return Binary.LOGICAL_AND.of(self(), other);
  }

  /// [#logicalAnd(Tensor)] in place.
  default Tensor logicalAnd_(Tensor other) {
    return Binary.LOGICAL_AND.inPlace(self(), other);
  }

  /// Whether one is not 0, as bool.
  default Tensor logicalOr(Tensor other) {
    return Binary.LOGICAL_OR.of(self(), other);
  }

  /// [#logicalOr(Tensor)] in place.
  default Tensor logicalOr_(Tensor other) {
    return Binary.LOGICAL_OR.inPlace(self(), other);
  }

  /// Whether exactly one is not 0, as bool.
  default Tensor logicalXor(Tensor other) {
    return Binary.LOGICAL_XOR.of(self(), other);
  }

  /// [#logicalXor(Tensor)] in place.
  default Tensor logicalXor_(Tensor other) {
    return Binary.LOGICAL_XOR.inPlace(self(), other);
  }

  /// Whether a = b, as bool.
  default Tensor eq(Tensor other) {
    return Binary.EQ.of(self(), other);
  }

  /// [#eq(Tensor)] in place.
  default Tensor eq_(Tensor other) {
    return Binary.EQ.inPlace(self(), other);
  }

  /// [#eq(Tensor)] with a number.
  default Tensor eq(long other) {
    return Binary.EQ.of(self(), Tensor.number(other));
  }

  /// [#eq(Tensor)] with a number.
  default Tensor eq(double other) {
    return Binary.EQ.of(self(), Tensor.number(other));
  }

  /// Whether a ≠ b, as bool.
  default Tensor ne(Tensor other) {
    return Binary.NE.of(self(), other);
  }

  /// [#ne(Tensor)] in place.
  default Tensor ne_(Tensor other) {
    return Binary.NE.inPlace(self(), other);
  }

  /// [#ne(Tensor)] with a number.
  default Tensor ne(long other) {
    return Binary.NE.of(self(), Tensor.number(other));
  }

  /// [#ne(Tensor)] with a number.
  default Tensor ne(double other) {
    return Binary.NE.of(self(), Tensor.number(other));
  }

  /// Whether a < b, as bool.
  default Tensor lt(Tensor other) {
    return Binary.LT.of(self(), other);
  }

  /// [#lt(Tensor)] in place.
  default Tensor lt_(Tensor other) {
    return Binary.LT.inPlace(self(), other);
  }

  /// [#lt(Tensor)] with a number.
  default Tensor lt(long other) {
    return Binary.LT.of(self(), Tensor.number(other));
  }

  /// [#lt(Tensor)] with a number.
  default Tensor lt(double other) {
    return Binary.LT.of(self(), Tensor.number(other));
  }

  /// Whether a ≤ b, as bool.
  default Tensor le(Tensor other) {
    return Binary.LE.of(self(), other);
  }

  /// [#le(Tensor)] in place.
  default Tensor le_(Tensor other) {
    return Binary.LE.inPlace(self(), other);
  }

  /// [#le(Tensor)] with a number.
  default Tensor le(long other) {
    return Binary.LE.of(self(), Tensor.number(other));
  }

  /// [#le(Tensor)] with a number.
  default Tensor le(double other) {
    return Binary.LE.of(self(), Tensor.number(other));
  }

  /// Whether a > b, as bool.
  default Tensor gt(Tensor other) {
    return Binary.GT.of(self(), other);
  }

  /// [#gt(Tensor)] in place.
  default Tensor gt_(Tensor other) {
    return Binary.GT.inPlace(self(), other);
  }

  /// [#gt(Tensor)] with a number.
  default Tensor gt(long other) {
    return Binary.GT.of(self(), Tensor.number(other));
  }

  /// [#gt(Tensor)] with a number.
  default Tensor gt(double other) {
    return Binary.GT.of(self(), Tensor.number(other));
  }

  /// Whether a ≥ b, as bool.
  default Tensor ge(Tensor other) {
    return Binary.GE.of(self(), other);
  }

  /// [#ge(Tensor)] in place.
  default Tensor ge_(Tensor other) {
    return Binary.GE.inPlace(self(), other);
  }

  /// [#ge(Tensor)] with a number.
  default Tensor ge(long other) {
    return Binary.GE.of(self(), Tensor.number(other));
  }

  /// [#ge(Tensor)] with a number.
  default Tensor ge(double other) {
    return Binary.GE.of(self(), Tensor.number(other));
  }

  /// a + alpha·b.
  default Tensor add(Tensor other, double alpha) {
    return Binary.ADD.scaled(self(), other, alpha);
  }

  /// [#add(Tensor, double)] in place.
  default Tensor add_(Tensor other, double alpha) {
    return Binary.ADD.scaledInPlace(self(), other, alpha);
  }

  /// a − alpha·b.
  default Tensor sub(Tensor other, double alpha) {
    return Binary.SUB.scaled(self(), other, alpha);
  }

  /// [#sub(Tensor, double)] in place.
  default Tensor sub_(Tensor other, double alpha) {
    return Binary.SUB.scaledInPlace(self(), other, alpha);
  }

  /// `other` − x.
  default Tensor rsub(long other) {
    return Binary.rsub(Tensor.number(other), self());
  }

  /// `other` − x.
  default Tensor rsub(double other) {
    return Binary.rsub(Tensor.number(other), self());
  }

  /// `other`/x.
  default Tensor rdiv(double other) {
    return Op.scoped("rdiv", () -> self().reciprocal().mul(other));
  }

  /// Hurwitz' zeta function `Σ (q + k)⁻ˣ` over k ≥ 0, for x > 1.
  ///
  /// DTypes: any; integral ones as float32. Autograd: to `q` only.
  default Tensor zeta(Tensor q) {
    return Binary.ZETA.of(self(), q);
  }

  /// aᵇ.
  default Tensor pow(Tensor exponent) {
    return Powers.pow(self(), exponent);
  }

  /// xⁿ; an integral tensor stays integral, and takes no negative n.
  default Tensor pow(long exponent) {
    return Powers.pow(self(), exponent);
  }

  /// x to a real power.
  default Tensor pow(double exponent) {
    return Powers.pow(self(), exponent);
  }

  /// [#pow(Tensor)] in place.
  default Tensor pow_(Tensor exponent) {
    return Binary.POW.inPlace(self(), exponent);
  }

  /// [#pow(long)] in place.
  default Tensor pow_(long exponent) {
    return Powers.powInPlace(self(), exponent);
  }

  /// [#pow(double)] in place.
  default Tensor pow_(double exponent) {
    return Powers.powInPlace(self(), exponent);
  }
}
