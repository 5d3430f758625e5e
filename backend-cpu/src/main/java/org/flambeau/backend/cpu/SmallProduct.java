package org.flambeau.backend.cpu;

import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Products of float matrices so small that the way to a primitive would take longer, and laying them out, too: they are multiplied as they lie.
final class SmallProduct {
  /// Multiplications.
  private static final long LARGEST = 1 << 16;

  private SmallProduct() {}

  /// Whether a product of a batch of matrices is one of these.
  static boolean serves(Strided out, Strided a, Strided b) {
    long m = out.size(1);
    long n = out.size(2);
    long k = a.size(2);
    return out.dtype() == DType.FLOAT32 && Vectorization.PRESENT != null && m >= ProductTile.ROWS && n >= Vectorization.PRESENT.lanes()
        && k > 0 && out.size(0) * m * n * k <= LARGEST && out.stride(2) == 1 && (b.stride(1) == 1 || b.stride(2) == 1);
  }

  /// As [org.flambeau.spi.Kernels#matmul].
  static void multiply(Strided out, Strided a, Strided b) {
    int m = (int) out.size(1);
    int n = (int) out.size(2);
    int k = (int) a.size(2);
    boolean inRows = b.stride(2) == 1;
    long turned = inRows ? 0 : Scratch.current().rows((long) k * n * Float.BYTES);
    long rightRow = (inRows ? b.stride(1) : n) * Float.BYTES;
    for (long i = 0; i < out.size(0); i++) {
      if (!inRows) {
        Transposition.move(Float.BYTES, turned, rightRow, k, place(b, i), b.stride(2) * Float.BYTES, n);
      }
      CachedProduct.multiplyExactly(m, n, k, place(a, i), a.stride(1) * Float.BYTES, a.stride(2) * Float.BYTES,
          inRows ? place(b, i) : turned, rightRow, place(out, i), out.stride(1) * Float.BYTES);
    }
  }

  /// As [org.flambeau.spi.Kernels#linear], where that is one of these; else nothing is done.
  static boolean linear(Strided out, Strided x, Strided weight, @Nullable Strided bias, Activation activation) {
    Strided result = LinearAlgebra.asBatch(out, 0, 1);
    Strided left = LinearAlgebra.asBatch(x, 0, 1);
    Strided right = LinearAlgebra.asBatch(weight, 1, 0);
    if (!serves(result, left, right)) {
      return false;
    }
    multiply(result, left, right);
    if (bias != null) {
      Elementwise.sum(out, out, bias.with(bias.offset(), out.sizes(), new long[] {0, bias.stride(0)}));
    }
    Elementwise.activate(activation, out);
    return true;
  }

  private static long place(Strided operand, long index) {
    return operand.address() + index * operand.stride(0) * Float.BYTES;
  }
}
