package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;

import java.lang.foreign.MemorySegment;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Conv2d;
import org.flambeau.spi.Distribution;
import org.flambeau.spi.Kernels;
import org.flambeau.spi.Pool2d;
import org.flambeau.spi.RandomSource;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.ScanOp;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// The kernels of the CPU, each in the class of its family. Operands may rest in Java arrays: the families that know only
/// native memory get staged ones.
final class CpuKernels implements Kernels {
  // ---- moving and filling ----

  @Override
  public void fill(Strided out, Strided value) {
    Copy.fill(out, value);
  }

  @Override
  public void copy(Strided out, Strided x) {
    Copy.copy(out, x);
  }

  @Override
  public void copyFromHost(Strided out, MemorySegment host) {
    try (Staging staging = Staging.open()) {
      MemorySegment.copy(host, 0, ALL, staging.write(out), out.numel() * out.dtype().size());
    }
  }

  @Override
  public void copyToHost(MemorySegment host, Strided x) {
    try (Staging staging = Staging.open()) {
      MemorySegment.copy(ALL, staging.read(x), host, 0, x.numel() * x.dtype().size());
    }
  }

  // ---- element-wise ----

  @Override
  public void unary(UnaryOp op, Strided out, Strided x) {
    UnaryOp meant = op == UnaryOp.BITWISE_NOT && x.dtype() == DType.BOOL ? UnaryOp.LOGICAL_NOT : op;
    Compute compute = Compute.of(x.dtype());
    Elementwise.run(Loops.unary(meant, compute), compute, out, x);
  }

  @Override
  public void binary(BinaryOp op, Strided out, Strided a, Strided b) {
    Compute compute = Compute.of(op.isPredicate() ? operandType(a, b) : out.dtype());
    Elementwise.run(Loops.binary(op, compute), compute, out, a, b);
  }

  /// The dtype of the operands; that of a host scalar counts only beside another.
  private static DType operandType(Strided a, Strided b) {
    if (a.isHostScalar() == b.isHostScalar()) {
      return DType.promote(a.dtype(), b.dtype());
    }
    return a.isHostScalar() ? b.dtype() : a.dtype();
  }

  @Override
  public void addScaled(Strided out, Strided a, Strided b, double alpha) {
    Compute compute = Compute.of(out.dtype());
    Elementwise.run(Loops.ternary(TernaryOp.ADD_SCALED, compute), compute, out, a, b, alpha);
  }

  @Override
  public void where(Strided out, Strided condition, Strided a, Strided b) {
    Compute compute = Compute.of(out.dtype());
    Elementwise.run(Loops.ternary(TernaryOp.WHERE, compute), compute, out, condition, a, b);
  }

  @Override
  public void clamp(Strided out, Strided x, double low, double high) {
    Compute compute = Compute.of(out.dtype());
    Elementwise.run(Loops.ternary(TernaryOp.CLAMP, compute), compute, out, x, low, high);
  }

  @Override
  public void leakyRelu(Strided out, Strided x, double slope) {
    Compute compute = Compute.of(out.dtype());
    Elementwise.run(Loops.ternary(TernaryOp.LEAKY_RELU, compute), compute, out, x, slope, 0);
  }

  @Override
  public void elu(Strided out, Strided x, double alpha, double scale) {
    Compute compute = Compute.of(out.dtype());
    Elementwise.run(Loops.ternary(TernaryOp.ELU, compute), compute, out, x, alpha * scale, scale);
  }

  // ---- reductions and scans ----

  @Override
  public void reduce(ReduceOp op, Strided out, Strided x, double parameter) {
    Reduction.reduce(op, out, x, parameter);
  }

  @Override
  public void argReduce(boolean largest, @Nullable Strided values, Strided indices, Strided x, int dim) {
    ArgReduction.run(largest, values, indices, x, dim);
  }

  @Override
  public void scan(ScanOp op, Strided out, Strided x, int dim) {
    Scan.scan(op, out, x, dim);
  }

  // ---- making ----

  @Override
  public void arange(Strided out, double start, double step) {
    Making.arange(out, start, step);
  }

  @Override
  public void triangle(Strided out, Strided x, long diagonal, boolean upper) {
    Making.triangle(out, x, diagonal, upper);
  }

  @Override
  public void sort(Strided values, Strided indices, Strided x, int dim, boolean descending) {
    throw new UnsupportedOperationException("sort");
  }

  @Override
  public void topk(Strided values, Strided indices, Strided x, int dim, boolean largest) {
    throw new UnsupportedOperationException("topk");
  }

  @Override
  public void matmul(Strided out, Strided a, Strided b) {
    throw new UnsupportedOperationException("matmul");
  }

  @Override
  public void conv2d(Strided out, Strided x, Strided weight, @Nullable Strided bias, Conv2d spec) {
    throw new UnsupportedOperationException("conv2d");
  }

  @Override
  public void conv2dBackwardInput(Strided gradX, Strided grad, Strided weight, Conv2d spec) {
    throw new UnsupportedOperationException("conv2dBackwardInput");
  }

  @Override
  public void conv2dBackwardWeight(Strided gradWeight, Strided grad, Strided x, Conv2d spec) {
    throw new UnsupportedOperationException("conv2dBackwardWeight");
  }

  @Override
  public void maxPool2d(Strided out, Strided indices, Strided x, Pool2d spec) {
    throw new UnsupportedOperationException("maxPool2d");
  }

  @Override
  public void maxPool2dBackward(Strided gradX, Strided grad, Strided indices) {
    throw new UnsupportedOperationException("maxPool2dBackward");
  }

  @Override
  public void avgPool2d(Strided out, Strided x, Pool2d spec) {
    throw new UnsupportedOperationException("avgPool2d");
  }

  @Override
  public void avgPool2dBackward(Strided gradX, Strided grad, Pool2d spec) {
    throw new UnsupportedOperationException("avgPool2dBackward");
  }

  @Override
  public void adaptiveAvgPool2d(Strided out, Strided x) {
    throw new UnsupportedOperationException("adaptiveAvgPool2d");
  }

  @Override
  public void adaptiveAvgPool2dBackward(Strided gradX, Strided grad) {
    throw new UnsupportedOperationException("adaptiveAvgPool2dBackward");
  }

  @Override
  public void gather(Strided out, Strided x, int dim, Strided index) {
    throw new UnsupportedOperationException("gather");
  }

  @Override
  public void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    throw new UnsupportedOperationException("scatter");
  }

  @Override
  public void indexSelect(Strided out, Strided x, int dim, Strided index) {
    throw new UnsupportedOperationException("indexSelect");
  }

  @Override
  public void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha) {
    throw new UnsupportedOperationException("indexAdd");
  }

  @Override
  public void index(Strided out, Strided x, Strided[] indices) {
    throw new UnsupportedOperationException("index");
  }

  @Override
  public void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate) {
    throw new UnsupportedOperationException("indexPut");
  }

  @Override
  public long countNonzero(Strided x) {
    throw new UnsupportedOperationException("countNonzero");
  }

  @Override
  public void nonzero(Strided out, Strided x) {
    throw new UnsupportedOperationException("nonzero");
  }

  @Override
  public void maskedSelect(Strided out, Strided x, Strided mask) {
    throw new UnsupportedOperationException("maskedSelect");
  }

  @Override
  public void maskedScatter(Strided out, Strided mask, Strided source) {
    throw new UnsupportedOperationException("maskedScatter");
  }

  @Override
  public void random(Distribution distribution, Strided out, RandomSource source, double a, double b) {
    throw new UnsupportedOperationException("random");
  }

  @Override
  public void bernoulli(Strided out, Strided probability, RandomSource source) {
    throw new UnsupportedOperationException("bernoulli");
  }

  @Override
  public void permutation(Strided out, RandomSource source) {
    throw new UnsupportedOperationException("permutation");
  }
}
