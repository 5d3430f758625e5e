package org.flambeau.spi;

/// The state of one random number generator, in the form its backend's kernels use.
public interface RandomSource {
  /// Starts over from `seed`.
  void seed(long seed);

  /// The whole state; [#restore] continues from it to the bit.
  byte[] save();

  void restore(byte[] state);
}
