package org.flambeau.nn;

import org.flambeau.nn.Functional.PaddingMode;
import org.jspecify.annotations.Nullable;

/// How a convolution slides. Immutable: methods with an argument return changed copies; one number stands for rows and
/// columns.
///
/// ```java
/// Functional.conv2d(x, weight, bias, ConvOptions.of().stride(2).padding(3));
/// ```
///
/// @param samePadding whether to pad so that the result has the input's rows and columns, instead of by `padH` and `padW`
/// @param groups into how many groups channels are divided, none of which sees another's
/// @param outputPadH rows to add to the result of a transposed convolution, which its stride leaves open
/// @param outputPadW columns to add likewise
/// @param paddingMode which elements of its own an image is padded with; null: with zeros
public record ConvOptions(int strideH, int strideW, int padH, int padW, boolean samePadding, int dilationH, int dilationW, int groups,
    int outputPadH, int outputPadW, @Nullable PaddingMode paddingMode) {
  private static final ConvOptions DEFAULT = new ConvOptions(1, 1, 0, 0, false, 1, 1, 1, 0, 0, null);

  /// A stride of 1, no padding (`"valid"` in PyTorch), no dilation, one group.
  public static ConvOptions of() {
    return DEFAULT;
  }

  /// By how many rows and columns the kernel moves.
  public ConvOptions stride(int stride) {
    return stride(stride, stride);
  }

  /// By how many rows and columns the kernel moves.
  public ConvOptions stride(int rows, int columns) {
    return new ConvOptions(rows, columns, padH, padW, samePadding, dilationH, dilationW, groups, outputPadH, outputPadW, paddingMode);
  }

  /// How many zeros, or elements by the padding mode, stand on every side.
  public ConvOptions padding(int padding) {
    return padding(padding, padding);
  }

  /// How many rows of zeros stand above and below, and columns left and right.
  public ConvOptions padding(int rows, int columns) {
    return new ConvOptions(strideH, strideW, rows, columns, false, dilationH, dilationW, groups, outputPadH, outputPadW, paddingMode);
  }

  /// Pads so that the result has the input's rows and columns; with a stride of 1 only. PyTorch's `padding="same"`.
  public ConvOptions samePadding(boolean same) {
    return new ConvOptions(strideH, strideW, 0, 0, same, dilationH, dilationW, groups, outputPadH, outputPadW, paddingMode);
  }

  /// With what padding fills the sides: elements of the image, rather than zeros. Not for transposed convolutions.
  public ConvOptions paddingMode(PaddingMode paddingMode) {
    return new ConvOptions(strideH, strideW, padH, padW, samePadding, dilationH, dilationW, groups, outputPadH, outputPadW, paddingMode);
  }

  /// Whether the same number of zeros stands on opposite sides, which kernels add by themselves.
  boolean padsEvenlyByZeros() {
    return !samePadding && paddingMode == null;
  }

  /// How far apart the kernel's rows and columns are.
  public ConvOptions dilation(int dilation) {
    return dilation(dilation, dilation);
  }

  /// How far apart the kernel's rows and columns are.
  public ConvOptions dilation(int rows, int columns) {
    return new ConvOptions(strideH, strideW, padH, padW, samePadding, rows, columns, groups, outputPadH, outputPadW, paddingMode);
  }

  /// Into how many groups channels are divided.
  public ConvOptions groups(int groups) {
    return new ConvOptions(strideH, strideW, padH, padW, samePadding, dilationH, dilationW, groups, outputPadH, outputPadW, paddingMode);
  }

  /// How many rows and columns a transposed convolution adds to its result.
  public ConvOptions outputPadding(int padding) {
    return outputPadding(padding, padding);
  }

  /// How many rows and columns a transposed convolution adds to its result.
  public ConvOptions outputPadding(int rows, int columns) {
    return new ConvOptions(strideH, strideW, padH, padW, samePadding, dilationH, dilationW, groups, rows, columns, paddingMode);
  }
}
