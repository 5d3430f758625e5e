package org.flambeau.backend.cuda;

import static org.flambeau.backend.cuda.CudnnDescriptor.CONVOLUTION_MODE;
import static org.flambeau.backend.cuda.CudnnDescriptor.DATA_TYPE;
import static org.flambeau.backend.cuda.CudnnDescriptor.POINTWISE_MODE;

import org.flambeau.DType;
import org.flambeau.spi.Conv2d;

/// An operation that cuDNN is asked for, and its tensors, as values; operations that share a tensor are one graph.
sealed interface CudnnOperation {
  /// A tensor of a graph.
  ///
  /// @param uid the number by which the tensor is given its memory when the graph runs
  /// @param alignment of its memory, in bytes
  record Tensor(long uid, DType dtype, long[] sizes, long[] strides, long alignment, Place place) {
    CudnnDescriptor describe() {
      CudnnDescriptor tensor = new CudnnDescriptor(CudnnDescriptor.TENSOR).setConstant(901, DATA_TYPE, code(dtype)).setLongs(902, sizes)
          .setLongs(903, strides).setLongs(906, uid).setLongs(900, alignment);
      switch (place) {
        case DEVICE -> {}
        case NOWHERE -> tensor.setTrue(907);
        case HOST -> tensor.setTrue(908);
      }
      return tensor.finish();
    }
  }

  /// Where a tensor lies: on the device; only between two operations of a graph; or it is one number that the host passes by.
  enum Place {
    DEVICE, NOWHERE, HOST
  }

  /// Describes the operation, tensors being described by `scope`.
  CudnnDescriptor describe(Scope scope);

  /// Descriptors that live as long as their graph is described.
  interface Scope {
    /// The tensor's only descriptor.
    CudnnDescriptor of(Tensor tensor);

    /// Keeps a descriptor that an operation refers to.
    CudnnDescriptor keep(CudnnDescriptor descriptor);
  }

  /// Which of its three tensors a convolution computes.
  enum Direction {
    FORWARD, BACKWARD_INPUT, BACKWARD_WEIGHT
  }

  /// Cross-correlation y = x ∗ weight, or from a gradient in y's place that of x or of the weight.
  record Convolution(Direction direction, Tensor x, Tensor weight, Tensor y, Conv2d spec) implements CudnnOperation {
    private static final int CROSS_CORRELATION = 1;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor slide = scope.keep(new CudnnDescriptor(CudnnDescriptor.CONVOLUTION)
          .setConstant(100, DATA_TYPE, code(arithmetic(x.dtype))).setConstant(101, CONVOLUTION_MODE, CROSS_CORRELATION).setLongs(106, 2)
          .setLongs(102, spec.dilationH(), spec.dilationW()).setLongs(103, spec.strideH(), spec.strideW())
          .setLongs(104, spec.padH(), spec.padW()).setLongs(105, spec.padH(), spec.padW()).finish());
      return switch (direction) {
        case FORWARD -> scaled(CudnnDescriptor.CONVOLUTION_FORWARD, 700)
            .set(702, slide).set(703, scope.of(weight)).set(704, scope.of(x)).set(705, scope.of(y)).finish();
        case BACKWARD_INPUT -> scaled(CudnnDescriptor.CONVOLUTION_BACKWARD_DATA, 706)
            .set(708, slide).set(709, scope.of(weight)).set(710, scope.of(x)).set(711, scope.of(y)).finish();
        case BACKWARD_WEIGHT -> scaled(CudnnDescriptor.CONVOLUTION_BACKWARD_FILTER, 712)
            .set(714, slide).set(715, scope.of(weight)).set(716, scope.of(x)).set(717, scope.of(y)).finish();
      };
    }

    /// out = 1·result + 0·out, in the type of arithmetic.
    private CudnnDescriptor scaled(int type, int alpha) {
      CudnnDescriptor operation = new CudnnDescriptor(type);
      return x.dtype == DType.FLOAT64
          ? operation.setDouble(alpha, 1).setDouble(alpha + 1, 0)
          : operation.setFloat(alpha, 1).setFloat(alpha + 1, 0);
    }
  }

  /// out = x + b, b broadcast.
  record Add(Tensor x, Tensor b, Tensor out) implements CudnnOperation {
    private static final int ADD = 0;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor add = scope.keep(new CudnnDescriptor(CudnnDescriptor.POINTWISE).setConstant(0, POINTWISE_MODE, ADD)
          .setConstant(1, DATA_TYPE, code(arithmetic(out.dtype))).finish());
      return new CudnnDescriptor(CudnnDescriptor.POINTWISE_OPERATION).set(750, add).set(751, scope.of(x)).set(752, scope.of(b))
          .set(753, scope.of(out)).finish();
    }
  }

  /// out = softmax(q·kᵀ·scale)·v, with the logarithms of the sums of exponentials; since cuDNN 9.13.1.
  record Attention(Tensor q, Tensor k, Tensor v, Tensor out, Tensor logSumExp, Tensor scale) implements CudnnOperation {
    @Override
    public CudnnDescriptor describe(Scope scope) {
      return new CudnnDescriptor(CudnnDescriptor.ATTENTION_FORWARD).set(2800, scope.of(q)).set(2801, scope.of(k)).set(2802, scope.of(v))
          .set(2803, scope.of(out)).set(2804, scope.of(logSumExp)).set(2805, scope.of(scale)).finish();
    }
  }

  /// What sums are kept in.
  static DType arithmetic(DType dtype) {
    return dtype == DType.FLOAT64 ? DType.FLOAT64 : DType.FLOAT32;
  }

  /// cudnnDataType_t.
  private static int code(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> 0;
      case FLOAT64 -> 1;
      case FLOAT16 -> 2;
      case BFLOAT16 -> 9;
      default -> throw new IllegalArgumentException("[cudnn] expected a floating-point dtype, got " + dtype.label());
    };
  }
}
