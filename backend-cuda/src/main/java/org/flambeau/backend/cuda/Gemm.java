package org.flambeau.backend.cuda;

import org.flambeau.DType;
import org.flambeau.backend.cuda.binding.CublasLt;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// A batch of products as cuBLASLt has them, but for where its operands lie: D = op(A)·op(B) with column-major (m, k), (k, n) and (m, n).
///
/// @param dtype of A and B
/// @param result of D
/// @param epilogue cuBLASLt's number for what is done to D before it is stored
/// @param leadingA elements from one column of A to the next, as it lies in memory
/// @param strideA elements from one matrix of the batch to the next, 0 where all are the same
/// @param alignment bytes that the addresses of A, B and D are multiples of, as [#alignment] tells them
/// @param biasAlignment the same of the bias, which no preference names: cuBLASLt reads it off the address
record Gemm(DType dtype, DType result, boolean tensorFloat, int epilogue, int batch, long m, long n, long k, boolean transposedA,
    long leadingA, long strideA, boolean transposedB, long leadingB, long strideB, long leadingD, long strideD, int alignment,
    int biasAlignment) {
  /// Matrices that a batch may have.
  static final int MAX_BATCH = 65535;
  /// What cuBLASLt takes for granted unless it is told otherwise. Of less it leaves out algorithms.
  static final int ALLOCATED = 256;
  /// What an access moves at most, so that what lies between is of no use.
  static final int ACCESS = 16;

  /// A batch of row-major matrices as column-major ones: those of the transposed.
  ///
  /// @param transposed whether it is the columns that lie together
  record Matrices(long address, boolean transposed, long leading, long stride) {
    /// How cuBLASLt takes `x` (batch, rows, columns) where it lies; null where neither its rows nor its columns lie together.
    static @Nullable Matrices of(Strided x) {
      long rows = x.size(1);
      long columns = x.size(2);
      long stride = x.size(0) == 1 ? 0 : x.stride(0);
      if ((columns == 1 || x.stride(2) == 1) && (rows == 1 || x.stride(1) >= columns)) {
        return new Matrices(x.address(), false, rows == 1 ? columns : x.stride(1), stride);
      }
      if ((rows == 1 || x.stride(1) == 1) && (columns == 1 || x.stride(2) >= rows)) {
        return new Matrices(x.address(), true, columns == 1 ? rows : x.stride(2), stride);
      }
      return null;
    }

    /// Where its matrix number `index` lies.
    long at(long index, DType dtype) {
      return address + index * stride * dtype.size();
    }
  }

  /// [#ALLOCATED] where that divides all of what was or-ed together, else the largest power of two that does, at most [#ACCESS].
  static int alignment(long addresses) {
    return addresses % ALLOCATED == 0 ? ALLOCATED : (int) Long.lowestOneBit(addresses | ACCESS);
  }

  /// cuBLASLt's number for a dtype.
  static int dataType(DType dtype) {
    return switch (dtype) {
      case FLOAT32 -> CublasLt.R_32F;
      case FLOAT64 -> CublasLt.R_64F;
      case FLOAT16 -> CublasLt.R_16F;
      case BFLOAT16 -> CublasLt.R_16BF;
      default -> throw new IllegalArgumentException("[matmul] expected a floating dtype for cuBLASLt, got " + dtype.label());
    };
  }

  int computeType() {
    return dtype == DType.FLOAT64 ? CublasLt.COMPUTE_64F : tensorFloat ? CublasLt.COMPUTE_32F_FAST_TF32 : CublasLt.COMPUTE_32F;
  }

  /// Of α and β.
  int scaleType() {
    return dtype == DType.FLOAT64 ? CublasLt.R_64F : CublasLt.R_32F;
  }

  /// Whether the epilogue reads a bias or writes its gradient.
  boolean hasBias() {
    return (epilogue & (CublasLt.EPILOGUE_BIAS | CublasLt.EPILOGUE_BGRADB)) != 0;
  }

  double operations() {
    return 2.0 * batch * m * n * k;
  }

  /// As a fault is reported with: row-major again, so the other way round.
  @Override
  public String toString() {
    return "matmul (" + batch + ", " + n + ", " + k + ") x (" + batch + ", " + k + ", " + m + ") of " + dtype.label()
        + (result == dtype ? "" : " to " + result.label()) + (tensorFloat ? ", TF32" : "") + ", epilogue " + epilogue;
  }
}
