package org.flambeau.backend.cpu.gemm;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.BYTE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.SHORT;

import org.flambeau.DType;
import org.flambeau.backend.cpu.CpuPool;
import org.flambeau.backend.cpu.Workspace;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// Copies of operands in the dtype and layout that a kernel takes.
public final class Copies {
  /// Below this many elements one thread is faster than several.
  private static final long PARALLEL = 1 << 16;

  private Copies() {}

  /// `operand` itself where it is contiguous and of `dtype`, else a copy that is.
  public static Strided input(Workspace workspace, DType dtype, Strided operand) {
    if (operand.isContiguous() && operand.dtype() == dtype) {
      return operand;
    }
    Strided copy = output(workspace, dtype, operand);
    copy(copy, operand);
    return copy;
  }

  /// `operand` itself where it is contiguous and of `dtype`, else room for a result that [#copy] brings there.
  public static Strided output(Workspace workspace, DType dtype, Strided operand) {
    if (operand.isContiguous() && operand.dtype() == dtype) {
      return operand;
    }
    long bytes = operand.numel() * dtype.size();
    return Strided.contiguous(new Storage(operand.device(), workspace.take(bytes), bytes), dtype, operand.sizes());
  }

  /// Copies between operands of the same sizes and dtype, or between float32 and half precision, rounding to nearest even.
  public static void copy(Strided to, Strided from) {
    if (to == from || to.numel() == 0) {
      return;
    }
    int rank = to.rank();
    long row = rank == 0 ? 1 : to.size(rank - 1);
    long rows = to.numel() / row;
    long fromStep = rank == 0 ? 1 : from.stride(rank - 1);
    long toStep = rank == 0 ? 1 : to.stride(rank - 1);
    CpuPool.SHARED.parallelFor(0, rows, Math.max(1, PARALLEL / row), (begin, end) -> {
      for (long r = begin; r < end; r++) {
        row(to.dtype(), place(to, r), toStep, from.dtype(), place(from, r), fromStep, row);
      }
    });
  }

  /// The address of the first element of row number `row`, in row-major order over all but the last dimension.
  private static long place(Strided operand, long row) {
    long at = operand.offset();
    for (int d = operand.rank() - 2; d >= 0; d--) {
      at += row % operand.size(d) * operand.stride(d);
      row /= operand.size(d);
    }
    return operand.storage().address() + at * operand.dtype().size();
  }

  private static void row(DType toType, long to, long toStep, DType fromType, long from, long fromStep, long count) {
    if (toType == fromType) {
      same(toType.size(), to, toStep, from, fromStep, count);
    } else if (toType == DType.FLOAT32 && fromType == DType.BFLOAT16) {
      for (long i = 0; i < count; i++) {
        ALL.set(FLOAT, to + i * toStep * 4, Float.intBitsToFloat(ALL.get(SHORT, from + i * fromStep * 2) << 16));
      }
    } else if (toType == DType.FLOAT32 && fromType == DType.FLOAT16) {
      for (long i = 0; i < count; i++) {
        ALL.set(FLOAT, to + i * toStep * 4, Float.float16ToFloat(ALL.get(SHORT, from + i * fromStep * 2)));
      }
    } else if (toType == DType.BFLOAT16 && fromType == DType.FLOAT32) {
      for (long i = 0; i < count; i++) {
        ALL.set(SHORT, to + i * toStep * 2, bfloat16(ALL.get(FLOAT, from + i * fromStep * 4)));
      }
    } else if (toType == DType.FLOAT16 && fromType == DType.FLOAT32) {
      for (long i = 0; i < count; i++) {
        ALL.set(SHORT, to + i * toStep * 2, Float.floatToFloat16(ALL.get(FLOAT, from + i * fromStep * 4)));
      }
    } else {
      throw new IllegalArgumentException("[copy] no copy from " + fromType.label() + " to " + toType.label());
    }
  }

  private static void same(int size, long to, long toStep, long from, long fromStep, long count) {
    if (toStep == 1 && fromStep == 1) {
      NativeMemory.copy(from, to, count * size);
    } else if (size >= Integer.BYTES) {
      Panels.move(from, fromStep, to, toStep, count, size);
    } else if (size == Short.BYTES) {
      for (long i = 0; i < count; i++) {
        ALL.set(SHORT, to + i * toStep * 2, ALL.get(SHORT, from + i * fromStep * 2));
      }
    } else {
      for (long i = 0; i < count; i++) {
        ALL.set(BYTE, to + i * toStep, ALL.get(BYTE, from + i * fromStep));
      }
    }
  }

  private static short bfloat16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if (Float.isNaN(value)) {
      return (short) (bits >>> 16 | 0x40);
    }
    return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
  }
}
