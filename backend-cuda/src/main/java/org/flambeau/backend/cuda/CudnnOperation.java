package org.flambeau.backend.cuda;

import static org.flambeau.backend.cuda.CudnnDescriptor.CONVOLUTION_MODE;
import static org.flambeau.backend.cuda.CudnnDescriptor.DATA_TYPE;
import static org.flambeau.backend.cuda.CudnnDescriptor.NAN_PROPAGATION;
import static org.flambeau.backend.cuda.CudnnDescriptor.POINTWISE_MODE;
import static org.flambeau.backend.cuda.CudnnDescriptor.REDUCTION_MODE;

import org.flambeau.DType;
import org.flambeau.spi.ConvSpec;
import org.jspecify.annotations.Nullable;

/// An operation that cuDNN is asked for, and its tensors, as values; operations that share a tensor are one graph.
sealed interface CudnnOperation {
  /// A tensor of a graph.
  ///
  /// @param uid the number by which the tensor is given its memory when the graph runs
  /// @param alignment of its memory, in bytes
  record Tensor(long uid, DType dtype, long[] sizes, long[] strides, long alignment, Place place) {
    CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor tensor = scope.create(CudnnDescriptor.TENSOR).setConstant(CudnnAttribute.TENSOR_TYPE, DATA_TYPE, code(dtype))
          .setLongs(CudnnAttribute.TENSOR_SIZES, sizes).setLongs(CudnnAttribute.TENSOR_STRIDES, strides)
          .setLongs(CudnnAttribute.TENSOR_UID, uid).setLongs(CudnnAttribute.TENSOR_ALIGNMENT, alignment);
      switch (place) {
        case DEVICE -> {}
        case NOWHERE -> tensor.setTrue(CudnnAttribute.TENSOR_IS_VIRTUAL);
        case HOST -> tensor.setTrue(CudnnAttribute.TENSOR_IS_BY_VALUE);
      }
      return tensor.finish();
    }
  }

  /// Where a tensor lies: on the device; only between two operations of a graph; or it is one number that the host passes by.
  enum Place {
    DEVICE, NOWHERE, HOST
  }

  /// Describes the operation, in descriptors of `scope`.
  ///
  /// @throws CudnnDescriptor.NotSupported where cuDNN does not do it
  CudnnDescriptor describe(Scope scope);

  /// Descriptors that live as long as their graph is described.
  interface Scope {
    CudnnDescriptor create(int type);

    /// The tensor's only descriptor.
    CudnnDescriptor of(Tensor tensor);
  }

  /// Which of its three tensors a convolution computes.
  enum Direction {
    FORWARD, BACKWARD_INPUT, BACKWARD_WEIGHT
  }

  /// Cross-correlation y = x ∗ weight, or from a gradient in y's place that of x or of the weight.
  record Convolution(Direction direction, Tensor x, Tensor weight, Tensor y, ConvSpec spec) implements CudnnOperation {
    private static final int CROSS_CORRELATION = 1;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor slide = scope.create(CudnnDescriptor.CONVOLUTION)
          .setConstant(CudnnAttribute.CONVOLUTION_TYPE, DATA_TYPE, code(arithmetic(x.dtype)))
          .setConstant(CudnnAttribute.CONVOLUTION_MODE, CONVOLUTION_MODE, CROSS_CORRELATION)
          .setLongs(CudnnAttribute.CONVOLUTION_DIMS, 2)
          .setLongs(CudnnAttribute.CONVOLUTION_DILATIONS, spec.dilationH(), spec.dilationW())
          .setLongs(CudnnAttribute.CONVOLUTION_STRIDES, spec.strideH(), spec.strideW())
          .setLongs(CudnnAttribute.CONVOLUTION_POST_PADDINGS, spec.padH(), spec.padW())
          .setLongs(CudnnAttribute.CONVOLUTION_PRE_PADDINGS, spec.padH(), spec.padW()).finish();
      CudnnDescriptor operation = switch (direction) {
        case FORWARD -> scale(scope.create(CudnnDescriptor.CONVOLUTION_FORWARD), CudnnAttribute.FORWARD_ALPHA, CudnnAttribute.FORWARD_BETA)
            .set(CudnnAttribute.FORWARD_CONVOLUTION, slide).set(CudnnAttribute.FORWARD_WEIGHT, scope.of(weight))
            .set(CudnnAttribute.FORWARD_X, scope.of(x)).set(CudnnAttribute.FORWARD_Y, scope.of(y));
        case BACKWARD_INPUT -> scale(scope.create(CudnnDescriptor.CONVOLUTION_BACKWARD_DATA), CudnnAttribute.BACKWARD_DATA_ALPHA,
            CudnnAttribute.BACKWARD_DATA_BETA).set(CudnnAttribute.BACKWARD_DATA_CONVOLUTION, slide)
            .set(CudnnAttribute.BACKWARD_DATA_WEIGHT, scope.of(weight)).set(CudnnAttribute.BACKWARD_DATA_DX, scope.of(x))
            .set(CudnnAttribute.BACKWARD_DATA_DY, scope.of(y));
        case BACKWARD_WEIGHT -> scale(scope.create(CudnnDescriptor.CONVOLUTION_BACKWARD_FILTER), CudnnAttribute.BACKWARD_FILTER_ALPHA,
            CudnnAttribute.BACKWARD_FILTER_BETA).set(CudnnAttribute.BACKWARD_FILTER_CONVOLUTION, slide)
            .set(CudnnAttribute.BACKWARD_FILTER_DW, scope.of(weight)).set(CudnnAttribute.BACKWARD_FILTER_X, scope.of(x))
            .set(CudnnAttribute.BACKWARD_FILTER_DY, scope.of(y));
      };
      return operation.finish();
    }

    /// out = 1·result + 0·out, in the type of arithmetic.
    private CudnnDescriptor scale(CudnnDescriptor operation, int alpha, int beta) {
      return x.dtype == DType.FLOAT64
          ? operation.setDouble(alpha, 1).setDouble(beta, 0)
          : operation.setFloat(alpha, 1).setFloat(beta, 0);
    }
  }

  /// out = f(x, b), element by element, b broadcast; modes of one operand have no b. GELU is the exact one, by erf.
  record Pointwise(Mode mode, Tensor x, @Nullable Tensor b, Tensor out) implements CudnnOperation {
    /// cudnnPointwiseMode_t.
    enum Mode {
      ADD(0), MULTIPLY(1), DIVIDE(6), SUBTRACT(9), EXP(13), LOG(15), RELU(100), GELU(104), AT_LEAST(303);

      private final int code;

      Mode(int code) {
        this.code = code;
      }
    }

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor function = pointwise(scope, mode.code, out);
      if (mode == Mode.RELU) {
        function.setConstant(CudnnAttribute.POINTWISE_NAN_PROPAGATION, NAN_PROPAGATION, 1);
      }
      CudnnDescriptor operation = elementwise(scope, function.finish(), x, out);
      return (b == null ? operation : operation.set(CudnnAttribute.OPERATION_POINTWISE_B, scope.of(b))).finish();
    }
  }

  /// out = condition ? x : other, `other` broadcast.
  record Select(Tensor condition, Tensor x, Tensor other, Tensor out) implements CudnnOperation {
    private static final int SELECT = 601;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      return elementwise(scope, pointwise(scope, SELECT, out).finish(), x, out)
          .set(CudnnAttribute.OPERATION_POINTWISE_B, scope.of(other))
          .set(CudnnAttribute.OPERATION_POINTWISE_T, scope.of(condition)).finish();
    }
  }

  /// Where each element of x lies along one of its dimensions.
  record Index(Tensor x, int dim, Tensor out) implements CudnnOperation {
    private static final int INDEX = 501;

    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor function = pointwise(scope, INDEX, out).setLongs(CudnnAttribute.POINTWISE_AXIS, dim);
      return elementwise(scope, function.finish(), x, out).finish();
    }
  }

  /// out = a·b of the matrices that the last two dimensions are.
  record Product(Tensor a, Tensor b, Tensor out) implements CudnnOperation {
    @Override
    public CudnnDescriptor describe(Scope scope) {
      CudnnDescriptor product = scope.create(CudnnDescriptor.MATMUL)
          .setConstant(CudnnAttribute.MATMUL_TYPE, DATA_TYPE, code(arithmetic(out.dtype))).finish();
      return scope.create(CudnnDescriptor.MATMUL_OPERATION).set(CudnnAttribute.OPERATION_MATMUL, product)
          .set(CudnnAttribute.OPERATION_MATMUL_A, scope.of(a)).set(CudnnAttribute.OPERATION_MATMUL_B, scope.of(b))
          .set(CudnnAttribute.OPERATION_MATMUL_C, scope.of(out)).finish();
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
      CudnnDescriptor reduction = scope.create(CudnnDescriptor.REDUCTION)
          .setConstant(CudnnAttribute.REDUCTION_OPERATOR, REDUCTION_MODE, kind.code)
          .setConstant(CudnnAttribute.REDUCTION_TYPE, DATA_TYPE, code(arithmetic(out.dtype))).finish();
      return scope.create(CudnnDescriptor.REDUCTION_OPERATION).set(CudnnAttribute.OPERATION_REDUCTION, reduction)
          .set(CudnnAttribute.OPERATION_REDUCTION_X, scope.of(x)).set(CudnnAttribute.OPERATION_REDUCTION_Y, scope.of(out)).finish();
    }
  }

  /// The elements of x in other dimensions, as between a matrix and its transpose.
  record Reshape(Tensor x, Tensor out) implements CudnnOperation {
    @Override
    public CudnnDescriptor describe(Scope scope) {
      return scope.create(CudnnDescriptor.RESHAPE_OPERATION).set(CudnnAttribute.OPERATION_RESHAPE_X, scope.of(x))
          .set(CudnnAttribute.OPERATION_RESHAPE_Y, scope.of(out)).finish();
    }
  }

  /// What is computed of each element, to which more may be added.
  private static CudnnDescriptor pointwise(Scope scope, int mode, Tensor out) {
    return scope.create(CudnnDescriptor.POINTWISE).setConstant(CudnnAttribute.POINTWISE_MODE, POINTWISE_MODE, mode)
        .setConstant(CudnnAttribute.POINTWISE_PRECISION, DATA_TYPE, code(arithmetic(out.dtype)));
  }

  /// Computes it of x, to which more operands may be added.
  private static CudnnDescriptor elementwise(Scope scope, CudnnDescriptor function, Tensor x, Tensor out) {
    return scope.create(CudnnDescriptor.POINTWISE_OPERATION).set(CudnnAttribute.OPERATION_POINTWISE, function)
        .set(CudnnAttribute.OPERATION_POINTWISE_X, scope.of(x)).set(CudnnAttribute.OPERATION_POINTWISE_Y, scope.of(out));
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
