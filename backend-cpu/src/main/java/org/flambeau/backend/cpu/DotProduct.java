package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The product of one row and one column, summed as [Reduction] sums: floats in one pass, others as products of a tile that stays in the
/// first-level cache.
final class DotProduct {
  /// What one task computes; the sums are cut so whatever the number of threads.
  private static final int PIECE = 32 * Scratch.TILE;
  /// Shorter ones go the way of other products.
  private static final int SHORT = 256;

  private final long k;
  private final Strided a;
  private final Strided b;
  private final Compute compute;
  private final RowOp.@Nullable Sum single;
  private final Loop product;
  private final Reducer sum;

  private DotProduct(Strided a, Strided b) {
    this.k = a.size(2);
    this.a = a;
    this.b = b;
    this.compute = Compute.of(a.dtype());
    this.single = compute == Compute.FLOAT && Vectorization.PRESENT != null ? Rows.sum(RowOp.Term.CENTRED_PRODUCT) : null;
    this.product = Loops.binary(BinaryOp.MUL, compute);
    this.sum = Reduction.reducer(compute, Fold.SUM);
  }

  /// Whether a product of a batch of matrices is one of two vectors.
  static boolean serves(Strided out, Strided a) {
    return out.numel() == 1 && a.size(2) >= SHORT && a.dtype() != DType.BOOL;
  }

  /// As [org.flambeau.spi.Kernels#matmul].
  static void multiply(Strided out, Strided a, Strided b) {
    new DotProduct(a, b).run(out);
  }

  private void run(Strided out) {
    long pieces = Math.ceilDiv(k, PIECE);
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long sums = workspace.take(pieces * Long.BYTES);
      CpuPool.SHARED.parallelFor(0, pieces, 1, (begin, end) -> {
        for (long piece = begin; piece < end; piece++) {
          piece(piece * PIECE, Math.min(k, (piece + 1) * PIECE), sums + piece * Long.BYTES);
        }
      });
      for (long piece = 1; piece < pieces; piece++) {
        add(sums, ALL.get(LONG, sums + piece * Long.BYTES));
      }
      Conversion.of(out.dtype()).store(compute.isWhole() ? Compute.LONG : Compute.DOUBLE, sums, out.address(), 0, 1);
    }
  }

  private void piece(long begin, long end, long to) {
    Scratch scratch = Scratch.current();
    ALL.set(LONG, to, 0);
    for (long at = begin; at < end; at += Scratch.TILE) {
      int n = (int) Math.min(Scratch.TILE, end - at);
      long x = tile(a, a.stride(2), at, n, scratch.tile(0));
      long y = tile(b, b.stride(1), at, n, scratch.tile(1));
      if (single != null) {
        add(to, Double.doubleToRawLongBits(single.run(x, y, 0, n)));
      } else {
        product.run(scratch.tile(2), x, y, x, n);
        add(to, sum.row(scratch.tile(2), n, 0));
      }
    }
  }

  /// n elements of a factor from number `at` on, where they are or in `tile`.
  private long tile(Strided factor, long stride, long at, int n, long tile) {
    long step = stride * factor.dtype().size();
    long from = factor.address() + at * step;
    if (compute.is(factor.dtype()) && stride == 1) {
      return from;
    }
    Conversion.of(factor.dtype()).load(compute, from, step, tile, n);
    return tile;
  }

  /// Adds a sum as [Reducer#row] gives it.
  private void add(long sum, long bits) {
    if (compute.isWhole()) {
      ALL.set(LONG, sum, ALL.get(LONG, sum) + bits);
    } else {
      ALL.set(DOUBLE, sum, ALL.get(DOUBLE, sum) + Double.longBitsToDouble(bits));
    }
  }
}
