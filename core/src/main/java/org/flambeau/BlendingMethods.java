package org.flambeau;

import org.flambeau.internal.ops.Blends;
import org.flambeau.internal.ops.Selection;

/// How the elements of every tensor are limited, blended with others', and compared up to a tolerance.
sealed interface BlendingMethods permits Tensor {
  private Tensor self() {
    return (Tensor) this;
  }

  // ---- limits ----

  /// Limited to [low, high]; an infinite bound does not limit. NaN stays NaN.
  default Tensor clamp(double low, double high) {
    return Selection.clamp(self(), low, high, false);
  }

  /// At least `low`.
  default Tensor clampMin(double low) {
    return Selection.clampMin(self(), low, false);
  }

  /// At most `high`.
  default Tensor clampMax(double high) {
    return Selection.clampMax(self(), high, false);
  }

  /// [#clamp(double, double)] in place.
  default Tensor clamp_(double low, double high) {
    return Selection.clamp(self(), low, high, true);
  }

  /// [#clampMin(double)] in place.
  default Tensor clampMin_(double low) {
    return Selection.clampMin(self(), low, true);
  }

  /// [#clampMax(double)] in place.
  default Tensor clampMax_(double high) {
    return Selection.clampMax(self(), high, true);
  }

  /// `min(max(x, low), high)`, all broadcast.
  default Tensor clamp(Tensor low, Tensor high) {
    return Selection.clamp(self(), low, high);
  }

  /// At least `low`, broadcast.
  default Tensor clampMin(Tensor low) {
    return Selection.clampMin(self(), low);
  }

  /// At most `high`, broadcast.
  default Tensor clampMax(Tensor high) {
    return Selection.clampMax(self(), high);
  }

  /// With 0 in place of NaN, and the largest and least numbers of the dtype in place of infinities.
  default Tensor nanToNum() {
    return Selection.nanToNum(self(), 0, Double.NaN, Double.NaN);
  }

  /// With the given numbers in place of NaN and of positive and negative infinity.
  default Tensor nanToNum(double nan, double positive, double negative) {
    return Selection.nanToNum(self(), nan, positive, negative);
  }

  // ---- blends ----

  /// x + value·a·b.
  default Tensor addcmul(Tensor a, Tensor b, double value) {
    return Blends.addcmul(self(), a, b, value);
  }

  /// [#addcmul] in place.
  default Tensor addcmul_(Tensor a, Tensor b, double value) {
    return Blends.addcmulInPlace(self(), a, b, value);
  }

  /// x + value·a/b.
  default Tensor addcdiv(Tensor a, Tensor b, double value) {
    return Blends.addcdiv(self(), a, b, value);
  }

  /// [#addcdiv] in place.
  default Tensor addcdiv_(Tensor a, Tensor b, double value) {
    return Blends.addcdivInPlace(self(), a, b, value);
  }

  /// x + weight·(end − x).
  default Tensor lerp(Tensor end, double weight) {
    return Blends.lerp(self(), end, weight);
  }

  /// [#lerp(Tensor, double)] in place.
  default Tensor lerp_(Tensor end, double weight) {
    return Blends.lerpInPlace(self(), end, weight);
  }

  /// x + weight·(end − x), element by element.
  default Tensor lerp(Tensor end, Tensor weight) {
    return Blends.lerp(self(), end, weight);
  }

  // ---- closeness ----

  /// Whether |x − other| ≤ 10⁻⁸ + 10⁻⁵·|other|, element by element.
  default Tensor isclose(Tensor other) {
    return Blends.isclose(self(), other, 1e-5, 1e-8, false);
  }

  /// Whether |x − other| ≤ atol + rtol·|other|, element by element; equal infinities are close, NaN only where `equalNan`.
  default Tensor isclose(Tensor other, double rtol, double atol, boolean equalNan) {
    return Blends.isclose(self(), other, rtol, atol, equalNan);
  }

  /// Whether all elements are close as in [#isclose(Tensor)].
  default boolean allclose(Tensor other) {
    return isclose(other).all().toBoolean();
  }

  /// Whether all elements are close as in [#isclose(Tensor, double, double, boolean)].
  default boolean allclose(Tensor other, double rtol, double atol, boolean equalNan) {
    return isclose(other, rtol, atol, equalNan).all().toBoolean();
  }

  /// Whether sizes and all elements are equal.
  default boolean equal(Tensor other) {
    return Blends.equal(self(), other);
  }
}
