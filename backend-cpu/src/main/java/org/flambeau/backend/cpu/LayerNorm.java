package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Layer normalisation over contiguous rows (Ba, Kiros, Hinton, 2016), and RMS norm, which is the same about 0 instead of the mean.
final class LayerNorm {
  /// Rows whose gradients of the weight are summed up apart, so that the sum does not depend on the threads.
  private static final long ROWS_APART = 32;

  private static final long MOST_PARTS = 64;

  private LayerNorm() {}

  /// Of x, or where a residual is given of the sum of both, which is written too. RMS norm has no mean.
  static void forward(@Nullable Strided sum, Strided out, @Nullable Strided mean, Strided rstd, Strided x, @Nullable Strided residual,
      @Nullable Strided weight, @Nullable Strided bias, double eps) {
    if (out.numel() == 0) {
      return;
    }
    long rows = x.size(0);
    int n = Math.toIntExact(x.size(1));
    int size = x.dtype().size();
    RowKernels kernels = Rows.kernels();
    RowOp.Loop add = Rows.loop(RowOp.ADD);
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long w = Rows.floats(weight, n, 1, staging, workspace);
      long b = Rows.floats(bias, n, 0, staging, workspace);
      long means = mean == null ? 0 : workspace.take(8 * rows);
      long rstds = workspace.take(8 * rows);
      long to = staging.write(out);
      long from = staging.read(x);
      long added = residual == null ? 0 : staging.read(residual);
      long sums = sum == null ? 0 : staging.write(sum);
      CpuPool.SHARED.parallelFor(0, rows, Math.max(1, Elementwise.GRAIN / n), (begin, end) -> {
        long buffer = Scratch.current().rows(8L * n);
        for (long row = begin; row < end; row++) {
          long source = Rows.read(x.dtype(), from + row * n * size, size, buffer, n);
          if (sum != null) {
            long other = Rows.read(x.dtype(), added + row * n * size, size, buffer + 4L * n, n);
            long place = sums + row * n * size;
            long result = Rows.isPlain(sum.dtype(), size) ? place : buffer;
            add.run(result, source, other, source, source, source, 0, 0, 0, 0, n);
            Rows.write(sum.dtype(), result, place, size, n);
            source = Rows.read(sum.dtype(), place, size, buffer, n);
          }
          long place = to + row * n * size;
          long result = Rows.isPlain(out.dtype(), size) ? place : buffer;
          long m = mean == null ? 0 : means + 8 * row;
          kernels.moments(source, eps, m, rstds + 8 * row, n);
          kernels.normalize(result, source, w, b, m == 0 ? 0 : (float) ALL.get(DOUBLE, m), (float) ALL.get(DOUBLE, rstds + 8 * row), n);
          Rows.write(out.dtype(), result, place, size, n);
        }
      });
      if (mean != null) {
        Rows.writeDoubles(means, mean, staging);
      }
      Rows.writeDoubles(rstds, rstd, staging);
    }
  }

  /// `gradSum`, where it is given, is added to `gradX`.
  static void backward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, @Nullable Strided gradSum,
      Strided grad, Strided x, @Nullable Strided mean, Strided rstd, @Nullable Strided weight) {
    long rows = x.size(0);
    int n = Math.toIntExact(x.size(1));
    int size = x.dtype().size();
    RowKernels kernels = Rows.kernels();
    RowOp.Loop add = Rows.loop(RowOp.ADD);
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long w = Rows.floats(weight, n, 1, staging, workspace);
      long means = mean == null ? 0 : workspace.take(8 * Math.max(1, rows));
      long rstds = workspace.take(8 * Math.max(1, rows));
      if (mean != null) {
        Rows.readDoubles(mean, means, staging);
      }
      Rows.readDoubles(rstd, rstds, staging);
      long grads = staging.read(grad);
      long from = staging.read(x);
      long further = gradSum == null ? 0 : staging.read(gradSum);
      long to = gradX == null ? 0 : staging.write(gradX);
      long parts = Math.clamp(rows / ROWS_APART, 1, MOST_PARTS);
      long sums = workspace.take(8L * n * parts);
      CpuPool.SHARED.parallelFor(0, parts, 1, (begin, end) -> {
        long buffer = Scratch.current().rows(8L * n);
        for (long part = begin; part < end; part++) {
          long weightSums = sums + part * 8 * n;
          long biasSums = weightSums + 4L * n;
          for (long i = 0; i < 2L * n; i++) {
            ALL.set(FLOAT, weightSums + 4 * i, 0f);
          }
          for (long row = rows * part / parts; row < rows * (part + 1) / parts; row++) {
            long g = Rows.read(grad.dtype(), grads + row * n * size, size, buffer, n);
            long source = Rows.read(x.dtype(), from + row * n * size, size, buffer + 4L * n, n);
            float m = mean == null ? 0 : (float) ALL.get(DOUBLE, means + 8 * row);
            float r = (float) ALL.get(DOUBLE, rstds + 8 * row);
            if (gradWeight != null || gradBias != null) {
              kernels.addNormalized(weightSums, biasSums, g, source, m, r, n);
            }
            if (gradX != null) {
              long place = to + row * n * size;
              long result = Rows.isPlain(gradX.dtype(), size) ? place : buffer;
              kernels.normalizeBackward(result, g, source, w, m, r, mean != null, n);
              if (gradSum != null) {
                long other = Rows.read(gradSum.dtype(), further + row * n * size, size, buffer + 4L * n, n);
                add.run(result, result, other, result, result, result, 0, 0, 0, 0, n);
              }
              Rows.write(gradX.dtype(), result, place, size, n);
            }
          }
        }
      });
      if (gradWeight != null) {
        writeSums(gradWeight, sums, n, parts, staging, workspace);
      }
      if (gradBias != null) {
        writeSums(gradBias, sums + 4L * n, n, parts, staging, workspace);
      }
    }
  }

  private static void writeSums(Strided out, long sums, int n, long parts, Staging staging, Workspace workspace) {
    long doubles = workspace.take(8L * n);
    for (long i = 0; i < n; i++) {
      double sum = 0;
      for (long part = 0; part < parts; part++) {
        sum += ALL.get(FLOAT, sums + part * 8 * n + 4 * i);
      }
      ALL.set(DOUBLE, doubles + 8 * i, sum);
    }
    Rows.writeDoubles(doubles, out, staging);
  }
}
