package org.flambeau.nn;

/// How a pooling window slides. Immutable: methods with an argument return changed copies; one number stands for rows and
/// columns.
///
/// ```java
/// Functional.maxPool2d(x, PoolOptions.kernel(3).stride(2).padding(1));
/// ```
///
/// @param ceilMode whether a last window that only begins within the image counts
/// @param countIncludePad whether a mean counts the zeros of the padding
/// @param divisorOverride by what a mean divides instead of the window's size, or 0
public record PoolOptions(int kernelH, int kernelW, int strideH, int strideW, int padH, int padW, int dilationH, int dilationW,
    boolean ceilMode, boolean countIncludePad, int divisorOverride) {
  /// Square windows that do not overlap.
  public static PoolOptions kernel(int size) {
    return kernel(size, size);
  }

  /// Windows that do not overlap.
  public static PoolOptions kernel(int rows, int columns) {
    return new PoolOptions(rows, columns, rows, columns, 0, 0, 1, 1, false, true, 0);
  }

  /// By how many rows and columns the window moves.
  public PoolOptions stride(int stride) {
    return stride(stride, stride);
  }

  /// By how many rows and columns the window moves.
  public PoolOptions stride(int rows, int columns) {
    return new PoolOptions(kernelH, kernelW, rows, columns, padH, padW, dilationH, dilationW, ceilMode, countIncludePad, divisorOverride);
  }

  /// How many elements stand on every side that are never the largest, and count as 0 in means.
  public PoolOptions padding(int padding) {
    return padding(padding, padding);
  }

  /// How many rows stand above and below, and columns left and right.
  public PoolOptions padding(int rows, int columns) {
    return new PoolOptions(kernelH, kernelW, strideH, strideW, rows, columns, dilationH, dilationW, ceilMode, countIncludePad,
        divisorOverride);
  }

  /// How far apart the elements of a window are; for largest elements only.
  public PoolOptions dilation(int dilation) {
    return dilation(dilation, dilation);
  }

  /// How far apart the elements of a window are; for largest elements only.
  public PoolOptions dilation(int rows, int columns) {
    return new PoolOptions(kernelH, kernelW, strideH, strideW, padH, padW, rows, columns, ceilMode, countIncludePad, divisorOverride);
  }

  /// Whether a last window that only begins within the image counts.
  public PoolOptions ceilMode(boolean ceilMode) {
    return new PoolOptions(kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, ceilMode, countIncludePad,
        divisorOverride);
  }

  /// Whether a mean counts the zeros of the padding.
  public PoolOptions countIncludePad(boolean countIncludePad) {
    return new PoolOptions(kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, ceilMode, countIncludePad,
        divisorOverride);
  }

  /// By what a mean divides instead of the window's size.
  ///
  /// @throws IllegalArgumentException if it is 0
  public PoolOptions divisorOverride(int divisor) {
    if (divisor == 0) {
      throw new IllegalArgumentException("[avg_pool2d] divisor must be not zero");
    }
    return new PoolOptions(kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW, ceilMode, countIncludePad, divisor);
  }
}
