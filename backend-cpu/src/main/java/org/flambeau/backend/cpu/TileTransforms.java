package org.flambeau.backend.cpu;

/// The transforms of [Winograd] along one dimension: of n pixels each, side by side in rows that are `fromStep` bytes apart, to rows that are
/// `toStep` bytes apart. n fills whole vectors. Source and target may be the same rows.
///
/// They evaluate polynomials at the points 0, ±5/8, ±3/2 and ∞, and interpolate. These points make the factors of nearly one size, so that
/// rounding costs about twice what it costs a sum of products; the usual 0, ±1, ±2 and ∞ make it five times.
public interface TileTransforms {
  float POINT_P = 0.625f;
  float POINT_Q = 1.5f;

  /// Six rows of an image to six.
  void image(long from, long fromStep, long to, long toStep, long n);

  /// Six rows of products to four of a result.
  void result(long from, long fromStep, long to, long toStep, long n);

  /// Three rows of a kernel to six.
  void kernel(long from, long fromStep, long to, long toStep, long n);

  /// The transpose of [#result]: four rows of a result's gradient to six.
  void resultGradient(long from, long fromStep, long to, long toStep, long n);

  /// The transpose of [#kernel]: six rows to three of a kernel's gradient.
  void kernelGradient(long from, long fromStep, long to, long toStep, long n);
}
