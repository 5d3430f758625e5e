package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;

import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// What the fused kernels share: the loops of their steps, and rows of floats whatever the operands' dtypes and strides.
final class Rows {
  private static final int SUM_RUN = 4096;
  private static final RowOp.Loop[][] LOOPS = new RowOp.Loop[DType.values().length][RowOp.values().length];
  private static final RowOp.Sum[] SUMS = new RowOp.Sum[RowOp.Term.values().length];
  private static final @Nullable ChannelLoops[] CHANNEL_LOOPS = new ChannelLoops[DType.values().length];

  private Rows() {}

  /// All of whose rows are floats.
  static RowOp.Loop loop(RowOp op) {
    return loop(op, DType.FLOAT32);
  }

  /// Whose [RowOp#elements] are of `dtype`, float32 or a half precision.
  static synchronized RowOp.Loop loop(RowOp op, DType dtype) {
    RowOp.@Nullable Loop loop = LOOPS[dtype.ordinal()][op.ordinal()];
    if (loop == null) {
      loop = Objects.requireNonNull(Vectorization.PRESENT, "fused kernels need vectors").row(op, dtype);
      LOOPS[dtype.ordinal()][op.ordinal()] = loop;
    }
    return loop;
  }

  static synchronized RowOp.Sum sum(RowOp.Term term) {
    RowOp.@Nullable Sum sum = SUMS[term.ordinal()];
    if (sum == null) {
      sum = Objects.requireNonNull(Vectorization.PRESENT, "fused kernels need vectors").sum(term);
      SUMS[term.ordinal()] = sum;
    }
    return sum;
  }

  static synchronized ChannelLoops channelLoops(DType dtype) {
    @Nullable ChannelLoops loops = CHANNEL_LOOPS[dtype.ordinal()];
    if (loops == null) {
      loops = Objects.requireNonNull(Vectorization.PRESENT, "fused kernels need vectors").channelLoops(dtype);
      CHANNEL_LOOPS[dtype.ordinal()] = loops;
    }
    return loops;
  }

  static RowKernels kernels() {
    return Kernels.ROWS;
  }

  private static final class Kernels {
    static final RowKernels ROWS = Objects.requireNonNull(Vectorization.PRESENT, "fused kernels need vectors").rows();
  }

  static Reducer reducer(Fold fold) {
    return Reduction.reducer(Compute.FLOAT, fold);
  }

  /// A sum over any length, in runs whose sums are added in double.
  static double sum(RowOp.Sum loop, long a, long b, float p, int n) {
    double sum = 0;
    for (int at = 0; at < n; at += SUM_RUN) {
      sum += loop.run(a + 4L * at, b + 4L * at, p, Math.min(SUM_RUN, n - at));
    }
    return sum;
  }

  static double fold(Reducer reducer, long x, int n, double parameter) {
    double sum = 0;
    for (int at = 0; at < n; at += SUM_RUN) {
      sum += Double.longBitsToDouble(reducer.row(x + 4L * at, Math.min(SUM_RUN, n - at), parameter));
    }
    return sum;
  }

  static float largest(Reducer max, long x, int n) {
    return (float) Double.longBitsToDouble(max.row(x, n, 0));
  }

  /// Whether a row lies there as the loops take it.
  static boolean isPlain(DType dtype, long stride) {
    return dtype == DType.FLOAT32 && stride == Float.BYTES;
  }

  /// The row at `address`, or where that is not plain its copy in `buffer`.
  static long read(DType dtype, long address, long stride, long buffer, int n) {
    if (isPlain(dtype, stride)) {
      return address;
    }
    Conversion.of(dtype).load(Compute.FLOAT, address, stride, buffer, n);
    return buffer;
  }

  /// Takes `row` to its place, unless it is there already.
  static void write(DType dtype, long row, long address, long stride, int n) {
    if (row != address) {
      Conversion.of(dtype).store(Compute.FLOAT, row, address, stride, n);
    }
  }

  /// All elements of a vector as contiguous floats; where there is no vector, `otherwise` everywhere.
  static long floats(@Nullable Strided x, long n, float otherwise, Staging staging, Workspace workspace) {
    if (x != null && isPlain(x.dtype(), x.stride(x.rank() - 1) * x.dtype().size())) {
      return staging.read(x);
    }
    long copy = workspace.take(4 * n);
    if (x != null) {
      Conversion.of(x.dtype()).load(Compute.FLOAT, staging.read(x), x.stride(x.rank() - 1) * x.dtype().size(), copy, Math.toIntExact(n));
    } else {
      for (long i = 0; i < n; i++) {
        ALL.set(FLOAT, copy + 4 * i, otherwise);
      }
    }
    return copy;
  }

  /// Writes a vector of doubles.
  static void writeDoubles(long doubles, Strided out, Staging staging) {
    long stride = out.stride(out.rank() - 1) * out.dtype().size();
    Conversion.of(out.dtype()).store(Compute.DOUBLE, doubles, staging.write(out), stride, Math.toIntExact(out.numel()));
  }

  /// The vector `x` as doubles at `to`.
  static void readDoubles(Strided x, long to, Staging staging) {
    long stride = x.stride(x.rank() - 1) * x.dtype().size();
    Conversion.of(x.dtype()).load(Compute.DOUBLE, staging.read(x), stride, to, Math.toIntExact(x.numel()));
  }

  /// A tensor without gaps in the workspace.
  static Strided take(DType dtype, long[] sizes, long[] strides, Workspace workspace) {
    long bytes = dtype.size();
    for (long size : sizes) {
      bytes *= size;
    }
    return Strided.of(new Storage(Device.CPU, workspace.take(Math.max(1, bytes)), bytes), dtype, 0, sizes, strides);
  }
}
