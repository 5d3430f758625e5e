package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;

import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// One row times a matrix whose columns lie without gaps, as those of a linear map's weight do: a dot product for each column, which is read once, as it
/// lies, and by the threads that the operations before and after run on. To wake a library's own takes longer than many such products.
final class RowProduct {
  private static final int SHORT = 64;
  /// Elements of a matrix that are worth the tasks.
  private static final long LARGE = 1 << 14;
  /// Elements of a task.
  private static final long GRAIN = 1 << 15;

  private final Strided out;
  private final Strided matrix;
  private final @Nullable Strided bias;
  private final long k;
  private final Conversion conversion;
  private final RowOp.Sum product = Rows.sum(RowOp.Term.CENTRED_PRODUCT);

  private RowProduct(Strided out, Strided matrix, @Nullable Strided bias) {
    this.out = out;
    this.matrix = matrix;
    this.bias = bias;
    this.k = matrix.size(1);
    this.conversion = Conversion.of(matrix.dtype());
  }

  /// Whether a product of a batch of matrices is one of these.
  static boolean serves(Strided out, Strided a, Strided b) {
    return out.size(0) == 1 && out.size(1) == 1 && b.stride(1) == 1 && a.size(2) >= SHORT && b.numel() >= LARGE
        && Compute.of(out.dtype()) == Compute.FLOAT && Vectorization.PRESENT != null;
  }

  /// As [org.flambeau.spi.Kernels#matmul].
  static void multiply(Strided out, Strided a, Strided b) {
    new RowProduct(out, b, null).run(a);
  }

  /// As [org.flambeau.spi.Kernels#linear], where that is one of these; else nothing is done.
  static boolean linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    Strided result = LinearAlgebra.asBatch(out, 0, 1);
    Strided row = LinearAlgebra.asBatch(x, 0, 1);
    Strided matrix = LinearAlgebra.asBatch(weight, 1, 0);
    if (!serves(result, row, matrix)) {
      return false;
    }
    new RowProduct(result, matrix, bias).run(row);
    Elementwise.activate(activation, out);
    return true;
  }

  private void run(Strided row) {
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long factors = workspace.take(k * Float.BYTES);
      conversion.load(Compute.FLOAT, row.address(), row.stride(2) * row.dtype().size(), factors, (int) k);
      CpuPool.SHARED.parallelFor(0, out.size(2), Math.max(1, GRAIN / k), (begin, end) -> {
        for (long first = begin; first < end; first += Scratch.TILE) {
          columns(first, (int) Math.min(Scratch.TILE, end - first), factors);
        }
      });
    }
  }

  private void columns(long first, int n, long factors) {
    Scratch scratch = Scratch.current();
    long sums = scratch.tile(0);
    for (int i = 0; i < n; i++) {
      ALL.set(DOUBLE, sums + (long) i * Double.BYTES, column(first + i, factors, scratch.tile(1)));
    }
    if (bias != null) {
      long added = scratch.tile(1);
      Conversion.of(bias.dtype()).load(Compute.DOUBLE, address(bias, 0, first), bias.stride(0) * bias.dtype().size(), added, n);
      for (long at = 0; at < (long) n * Double.BYTES; at += Double.BYTES) {
        ALL.set(DOUBLE, sums + at, ALL.get(DOUBLE, sums + at) + ALL.get(DOUBLE, added + at));
      }
    }
    Conversion.of(out.dtype()).store(Compute.DOUBLE, sums, address(out, 2, first), out.stride(2) * out.dtype().size(), n);
  }

  private double column(long column, long factors, long tile) {
    double sum = 0;
    for (long at = 0; at < k; at += Scratch.TILE) {
      int n = (int) Math.min(Scratch.TILE, k - at);
      long from = address(matrix, 2, column) + at * matrix.dtype().size();
      long values = from;
      if (!Compute.FLOAT.is(matrix.dtype())) {
        conversion.load(Compute.FLOAT, from, matrix.dtype().size(), tile, n);
        values = tile;
      }
      sum += product.run(factors + at * Float.BYTES, values, 0, n);
    }
    return sum;
  }

  private static long address(Strided operand, int dim, long index) {
    return operand.address() + index * operand.stride(dim) * operand.dtype().size();
  }
}
