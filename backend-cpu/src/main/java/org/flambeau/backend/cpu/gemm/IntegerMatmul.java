package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;
import static org.flambeau.spi.NativeMemory.SHORT;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.spi.Strided;

/// Products of integral matrices, one row of the result after the other. Sums are formed in 64 bits and cut to the
/// dtype's width at the end, which is what wrapping at every step gives; a `bool` result asks whether the sum is not zero.
final class IntegerMatmul {
  /// Below this many multiplications one thread is faster than several.
  private static final long PARALLEL = 1 << 15;

  private IntegerMatmul() {}

  static void multiply(Strided out, Strided a, Strided b) {
    long m = out.size(1);
    long grain = Math.max(1, PARALLEL / Math.max(1, out.size(2) * a.size(2)));
    CpuPool.SHARED.parallelFor(0, out.size(0) * m, grain, (begin, end) -> {
      for (long r = begin; r < end; r++) {
        row(out, a, b, r / m, r % m);
      }
    });
  }

  private static void row(Strided out, Strided a, Strided b, long batch, long i) {
    DType dtype = out.dtype();
    int size = dtype.size();
    long[] sums = new long[Math.toIntExact(out.size(2))];
    long[] line = new long[sums.length];
    for (long k = 0; k < a.size(2); k++) {
      long factor = read(dtype, a.address() + (batch * a.stride(0) + i * a.stride(1) + k * a.stride(2)) * size);
      long from = b.address() + (batch * b.stride(0) + k * b.stride(1)) * size;
      for (int j = 0; j < line.length; j++) {
        line[j] = read(dtype, from + j * b.stride(2) * size);
      }
      for (int j = 0; j < sums.length; j++) {
        sums[j] += factor * line[j];
      }
    }
    if (dtype == DType.BOOL) {
      Arrays.setAll(sums, j -> sums[j] == 0 ? 0 : 1);
    }
    long to = out.address() + (batch * out.stride(0) + i * out.stride(1)) * size;
    for (int j = 0; j < sums.length; j++) {
      write(size, to + j * out.stride(2) * size, sums[j]);
    }
  }

  private static long read(DType dtype, long address) {
    return switch (dtype) {
      case BOOL, INT8 -> ALL.get(BYTE, address);
      case UINT8 -> ALL.get(BYTE, address) & 0xff;
      case INT16 -> ALL.get(SHORT, address);
      case INT32 -> ALL.get(INT, address);
      case INT64 -> ALL.get(LONG, address);
      default -> throw new IllegalArgumentException("[matmul] " + dtype.label() + " is not integral");
    };
  }

  private static void write(int size, long address, long value) {
    switch (size) {
      case 1 -> ALL.set(BYTE, address, (byte) value);
      case 2 -> ALL.set(SHORT, address, (short) value);
      case 4 -> ALL.set(INT, address, (int) value);
      default -> ALL.set(LONG, address, value);
    }
  }
}
