package org.flambeau.backend.cuda;

import static org.flambeau.backend.cuda.CudnnDescriptor.CONVOLUTION_MODE;
import static org.flambeau.backend.cuda.CudnnDescriptor.DATA_TYPE;
import static org.flambeau.backend.cuda.CudnnDescriptor.NAN_PROPAGATION;
import static org.flambeau.backend.cuda.CudnnDescriptor.POINTWISE_MODE;
import static org.flambeau.backend.cuda.CudnnDescriptor.REDUCTION_MODE;

import org.flambeau.DType;
import org.flambeau.spi.Conv2d;
import org.jspecify.annotations.Nullable;

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

  /// out = f(x, b), element by element, b broadcast; modes of one operand have no b.
  record Pointwise(Mode mode, Tensor x, @Nullable Tensor b, Tensor out) implements CudnnOperation {
    /// cudnnPointwiseMode_t.
    enum Mode {
      ADD(0), MULTIPLY(1), DIVIDE(6), SUBTRACT(9), EXP(13), LOG(15), RELU(100), AT_LEAST(303);

      private final int code;

      Mode(int code) {
        this.code = code;
      }
    }

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor function = pointwise(mode.code, out);
      if (mode == Mode.RELU) {
        function.setConstant(2, NAN_PROPAGATION, 1);
      }
      CudnnDescriptor operation = new CudnnDescriptor(CudnnDescriptor.POINTWISE_OPERATION).set(750, scope.keep(function.finish()))
          .set(751, scope.of(x)).set(753, scope.of(out));
      return (b == null ? operation : operation.set(752, scope.of(b))).finish();
    }
  }

  /// out = condition ? x : other, `other` broadcast.
  record Select(Tensor condition, Tensor x, Tensor other, Tensor out) implements CudnnOperation {
    private static final int SELECT = 601;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      return new CudnnDescriptor(CudnnDescriptor.POINTWISE_OPERATION).set(750, scope.keep(pointwise(SELECT, out).finish()))
          .set(751, scope.of(x)).set(752, scope.of(other)).set(758, scope.of(condition)).set(753, scope.of(out)).finish();
    }
  }

  /// Where each element of x lies along one of its dimensions.
  record Index(Tensor x, int dim, Tensor out) implements CudnnOperation {
    private static final int INDEX = 501;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      return new CudnnDescriptor(CudnnDescriptor.POINTWISE_OPERATION)
          .set(750, scope.keep(pointwise(INDEX, out).setLongs(9, dim).finish())).set(751, scope.of(x)).set(753, scope.of(out)).finish();
    }
  }

  /// out = a·b of the matrices that the last two dimensions are.
  record Product(Tensor a, Tensor b, Tensor out) implements CudnnOperation {
    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor product = scope
          .keep(new CudnnDescriptor(CudnnDescriptor.MATMUL).setConstant(1500, DATA_TYPE, code(arithmetic(out.dtype))).finish());
      return new CudnnDescriptor(CudnnDescriptor.MATMUL_OPERATION).set(1523, product).set(1520, scope.of(a)).set(1521, scope.of(b))
          .set(1522, scope.of(out)).finish();
    }
  }

  /// out = x with one value for all that lies along the dimensions of which out has one element only.
  record Reduction(Kind kind, Tensor x, Tensor out) implements CudnnOperation {
    /// cudnnReduceTensorOp_t.
    enum Kind {
      SUM(0), MAX(3);

      private final int code;

      Kind(int code) {
        this.code = code;
      }
    }

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor reduction = scope.keep(new CudnnDescriptor(CudnnDescriptor.REDUCTION).setConstant(1600, REDUCTION_MODE, kind.code)
          .setConstant(1601, DATA_TYPE, code(arithmetic(out.dtype))).finish());
      return new CudnnDescriptor(CudnnDescriptor.REDUCTION_OPERATION).set(1612, reduction).set(1610, scope.of(x))
          .set(1611, scope.of(out)).finish();
    }
  }

  /// The elements of x in other dimensions, as between a matrix and its transpose.
  record Reshape(Tensor x, Tensor out) implements CudnnOperation {
    @Override
    public CudnnDescriptor describe(Scope scope) {
      return new CudnnDescriptor(CudnnDescriptor.RESHAPE_OPERATION).set(2200, scope.of(x)).set(2201, scope.of(out)).finish();
    }
  }

  /// What is computed of each element, to which more may be added.
  private static CudnnDescriptor pointwise(int mode, Tensor out) {
    return new CudnnDescriptor(CudnnDescriptor.POINTWISE).setConstant(0, POINTWISE_MODE, mode)
        .setConstant(1, DATA_TYPE, code(arithmetic(out.dtype)));
  }

  /// What sums are kept in, and all else is computed in.
  static DType arithmetic(DType dtype) {
    return dtype == DType.FLOAT64 || dtype == DType.BOOL ? dtype : DType.FLOAT32;
  }

  /// cudnnDataType_t.
  static int code(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> 0;
      case FLOAT64 -> 1;
      case FLOAT16 -> 2;
      case BFLOAT16 -> 9;
      case INT32 -> 4;
      case BOOL -> 11;
      default -> throw new IllegalArgumentException("[cudnn] expected a floating-point dtype, got " + dtype.label());
    };
  }
}
