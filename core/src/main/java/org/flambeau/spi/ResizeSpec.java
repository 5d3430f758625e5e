package org.flambeau.spi;

/// How the positions of a resized row, image or volume lie in the one that it is made of. Position `o` of `out` is at
/// `step·o` of `in` where the outermost ones are aligned and for [Mode#NEAREST], else at `step·(o + ½) − ½`; positions are computed in the
/// precision of the sums, those of [Mode#NEAREST] in float32.
///
/// @param alignCorners whether the outermost positions stay where they are
/// @param scales input by output, one for each dimension, where they are not those of the sizes; else 0
public record ResizeSpec(Mode mode, boolean alignCorners, double[] scales) {
  /// Of which elements a place between elements is the weighted sum.
  public enum Mode {
    /// The one before it.
    NEAREST,
    /// The two around it, by how near they are. A place before the first is there.
    LINEAR,
    /// The four around it, by cubic convolution with a = −¾; beyond the edge, the edge again.
    ///
    /// Reference: Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981.
    CUBIC
  }

  /// Whether a dimension's positions are those that there were, or the only one again and again: without weights.
  public boolean copies(long in, long out) {
    return in == 1 || mode == Mode.LINEAR && in == out;
  }

  /// What lies between neighbouring positions of `out` in a dimension of `in`, where `wide` tells that float64 is computed with.
  public double step(int dimension, long in, long out, boolean wide) {
    double exact = alignCorners ? out > 1 ? (in - 1.0) / (out - 1) : 0 : scales[dimension] > 0 ? scales[dimension] : (double) in / out;
    return wide && mode != Mode.NEAREST ? exact : (float) exact;
  }
}
