package org.flambeau.backend.cpu;

/// Softmax of columns, many at a time: rows of `width` floats, which fill whole vectors, begin `stride` bytes apart, and each column is one
/// distribution.
public interface ColumnKernels {
  /// x = softmax(x), or its logarithm.
  void softmax(long x, long stride, int rows, int width, boolean log);

  /// grad = the gradient of the operand of [#softmax], from that of the result y.
  void softmaxBackward(long grad, long y, long stride, int rows, int width, boolean log);

  /// Copies rows of `width` floats, which fill whole vectors.
  void copy(long to, long toStride, long from, long fromStride, int rows, int width);
}
