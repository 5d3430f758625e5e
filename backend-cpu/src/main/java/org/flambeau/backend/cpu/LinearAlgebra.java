package org.flambeau.backend.cpu;

import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.ConvSpec;
import org.flambeau.spi.Epilogue;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Matrix products and convolutions: the kernels that decide a model's speed.
///
/// The contracts are those of [Kernels], with one more: every operand rests in native memory. Any thread may call any
/// method at any time.
public interface LinearAlgebra {
  /// What computes, for the log and the report: `oneDNN 3.11.0`, `Vector API (512 bits)`.
  String name();

  /// As [Kernels#prefersChannelsLast].
  default boolean prefersChannelsLast(DType dtype) {
    return false;
  }

  /// As [Kernels#matmul].
  void matmul(Strided out, Strided a, Strided b);

  /// As [Kernels#linear].
  void linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation);

  /// As an operand of [#matmul], a batch of one matrix, whose rows are one dimension of `matrix` and whose columns are the other.
  static Strided asBatch(Strided matrix, int rows, int columns) {
    return matrix.with(matrix.offset(), new long[] {1, matrix.size(rows), matrix.size(columns)},
        new long[] {0, matrix.stride(rows), matrix.stride(columns)});
  }

  /// As [Kernels#conv2d].
  default void conv2d(Strided out, Strided x, Strided weight, @Nullable Strided bias, ConvSpec spec) {
    fusedConv2d(out, x, weight, Epilogue.ofBias(bias), spec);
  }

  /// As [Kernels#fusedConv2d].
  void fusedConv2d(Strided out, Strided x, Strided weight, Epilogue epilogue, ConvSpec spec);

  /// As [Kernels#conv2dBackwardInput].
  void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, ConvSpec spec);

  /// As [Kernels#conv2dBackwardWeight].
  void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, ConvSpec spec);

  /// Whether the processor multiplies matrices of `dtype` by a unit of its own, several times as fast as floats.
  default boolean hasMatrixUnit(DType dtype) {
    return false;
  }

  /// A product for one thread; the caller closes it. Only where there is a matrix unit.
  default ThreadProduct threadProduct(ThreadProduct.Shape shape) {
    throw new UnsupportedOperationException(name() + " has no products for one thread");
  }
}
