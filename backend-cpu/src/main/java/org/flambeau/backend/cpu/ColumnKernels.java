package org.flambeau.backend.cpu;

/// Softmax of columns, many at a time: rows of `width` floats, which fill whole vectors, begin so many bytes apart, and each column is one
/// distribution.
public interface ColumnKernels {
  /// to = softmax(x), or its logarithm; `to` may be `x`.
  void softmax(long to, long toStride, long x, long stride, int rows, int width, boolean log);

  /// to = the gradient of the operand of [#softmax], from that of the result y; `to` may be `grad`.
  void softmaxBackward(long to, long toStride, long grad, long gradStride, long y, long yStride, int rows, int width, boolean log);

  /// Copies rows of `width` floats, which fill whole vectors.
  void copy(long to, long toStride, long from, long fromStride, int rows, int width);
}
