package org.flambeau;

import java.util.Objects;

/// How exact products of float32 matrices, attention's among them, are on devices that have faster arithmetic for them: today GPUs, whose
/// tensor cores take TF32, float32's exponent with a mantissa of 10 bits in place of 23. Sums are float32 in any case, and other dtypes are not concerned.
///
/// On the CPU convolutions alone are concerned: below [#HIGHEST] those by kernels of 3×3 may go by Winograd's algorithm, in float32 throughout, whose
/// rounding is about twice that of sums of products in the same order, and up to eight times that of oneDNN's, which sums in parts. An infinite or
/// undefined pixel shows in the whole tile of 4×4 results, and so do finite ones beyond some 1e37, whose sums overflow. PyTorch's CPU sums products
/// directly: where that matters, ask for [#HIGHEST].
///
/// Matrix products are [#HIGHEST] unless the program says otherwise, by [#setCurrent]; convolutions, whose terms a network's normalisation
/// evens out, are [#HIGH], by [#setForConvolutions]. Both defaults are those of PyTorch on a GPU.
///
/// A backward pass goes by what is current when it runs, as in PyTorch, whatever its forward pass was computed in.
///
/// Reference: `torch.set_float32_matmul_precision`, `torch.backends.cudnn.allow_tf32`.
public enum MatmulPrecision {
  /// float32 throughout.
  HIGHEST,
  /// Factors may be rounded to TF32.
  HIGH,
  /// Factors may be rounded to bfloat16, where that is faster than TF32; GPUs take TF32.
  MEDIUM;

  private static volatile MatmulPrecision current = HIGHEST;
  private static volatile MatmulPrecision forConvolutions = HIGH;

  /// Of matrix products, in every thread.
  public static MatmulPrecision current() {
    return current;
  }

  public static void setCurrent(MatmulPrecision precision) {
    current = Objects.requireNonNull(precision);
  }

  /// Of convolutions and their gradients, in every thread.
  public static MatmulPrecision forConvolutions() {
    return forConvolutions;
  }

  public static void setForConvolutions(MatmulPrecision precision) {
    forConvolutions = Objects.requireNonNull(precision);
  }
}
