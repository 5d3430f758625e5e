package org.flambeau.spi;

/// How a two-dimensional convolution slides: strides, zero padding on both sides, dilation, groups.
public record ConvSpec(int strideH, int strideW, int padH, int padW, int dilationH, int dilationW, int groups) {
  /// Rows or columns of the result: ⌊(in + 2·pad − dilation·(kernel − 1) − 1)/stride⌋ + 1.
  public static long outputSize(long in, long kernel, int stride, int pad, int dilation) {
    return Math.floorDiv(in + 2L * pad - (long) dilation * (kernel - 1) - 1, stride) + 1;
  }
}
