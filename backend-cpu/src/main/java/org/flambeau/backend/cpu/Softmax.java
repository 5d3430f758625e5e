package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Reduction;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Softmax, its logarithm, and cross-entropy: passes over a row that stays in the first-level cache.
final class Softmax {
  /// Rows are walked by ints that count bytes.
  private static final long LONGEST = 1L << 29;

  private final Reducer max = Rows.reducer(Fold.MAX);
  private final RowKernels rows = Rows.kernels();
  private final RowOp.Loop subtract = Rows.loop(RowOp.SUBTRACT);
  private final RowOp.Sum exponentials = Rows.sum(RowOp.Term.EXP);

  static void forward(Strided out, Strided x, int dim, boolean log) {
    if (out.numel() == 0) {
      return;
    }
    int n = length(x, dim);
    Softmax kernel = new Softmax();
    try (Staging staging = Staging.open()) {
      long to = staging.write(out);
      long from = staging.read(x);
      long toStride = stride(out, dim);
      long fromStride = stride(x, dim);
      LineSpace lines = new LineSpace(dim, out, x);
      lines.forEachRun(Columns.width(n), (count, target, targetStep, source, sourceStep, _, _) -> {
        if (Columns.are(lines.neighbours(), n, x.dtype(), targetStep, sourceStep) && fromStride != x.dtype().size()) {
          columns(x.dtype(), to + target, toStride, from + source, fromStride, n, count, log);
          return;
        }
        for (int line = 0; line < count; line++) {
          kernel.line(x.dtype(), to + target + line * targetStep, toStride, from + source + line * sourceStep, fromStride, n, log);
        }
      });
    }
  }

  private void line(DType dtype, long target, long toStride, long source, long fromStride, int n, boolean log) {
    long buffer = Scratch.current().rows(4L * n);
    long row = Rows.read(dtype, source, fromStride, buffer, n);
    long result = Rows.isPlain(dtype, toStride) ? target : buffer;
    if (log) {
      float largest = Rows.largest(max, row, n);
      // one after the other: the logarithm would be lost in a sum with a large number
      subtract.run(result, row, row, row, row, row, largest, (float) logOfSum(row, largest, n), 0, 0, n);
    } else {
      rows.softmax(result, row, n);
    }
    Rows.write(dtype, result, target, toStride, n);
  }

  private static void columns(DType dtype, long to, long toStride, long from, long fromStride, int n, int count, boolean log) {
    ColumnKernels kernels = Columns.kernels();
    int inPlace = Columns.inPlace(dtype, count, n, toStride, fromStride);
    kernels.softmax(to, toStride, from, fromStride, n, inPlace, log);
    int rest = count - inPlace;
    if (rest > 0) {
      long skipped = (long) inPlace * dtype.size();
      long pitch = Columns.pitch(rest);
      long buffer = Scratch.current().rows(pitch * n);
      Columns.read(dtype, from + skipped, fromStride, buffer, n, rest);
      kernels.softmax(buffer, pitch, buffer, pitch, n, Columns.padded(rest), log);
      Columns.write(dtype, buffer, to + skipped, toStride, n, rest);
    }
  }

  /// log Σ exp(x − largest).
  private double logOfSum(long x, float largest, int n) {
    return Math.log(Rows.sum(exponentials, x, x, largest, n));
  }

  static void backward(Strided gradX, Strided grad, Strided result, int dim, boolean log) {
    if (gradX.numel() == 0) {
      return;
    }
    int n = length(grad, dim);
    RowKernels rows = Rows.kernels();
    RowOp.Loop logGradient = Rows.loop(RowOp.LOG_SOFTMAX_GRADIENT);
    Reducer total = Rows.reducer(Fold.SUM);
    try (Staging staging = Staging.open()) {
      long to = staging.write(gradX);
      long from = staging.read(grad);
      long of = staging.read(result);
      long toStride = stride(gradX, dim);
      long fromStride = stride(grad, dim);
      long ofStride = stride(result, dim);
      LineSpace lines = new LineSpace(dim, gradX, grad, result);
      lines.forEachRun(Columns.width(n), (count, target, targetStep, source, sourceStep, place, placeStep) -> {
        if (Columns.are(lines.neighbours(), n, grad.dtype(), targetStep, sourceStep, placeStep) && ofStride != result.dtype().size()) {
          columnsBackward(grad.dtype(), to + target, toStride, from + source, fromStride, of + place, ofStride, n, count, log);
          return;
        }
        long buffer = Scratch.current().rows(8L * n);
        for (int line = 0; line < count; line++) {
          long at = to + target + line * targetStep;
          long g = Rows.read(grad.dtype(), from + source + line * sourceStep, fromStride, buffer, n);
          long y = Rows.read(result.dtype(), of + place + line * placeStep, ofStride, buffer + 4L * n, n);
          long out = Rows.isPlain(gradX.dtype(), toStride) ? at : buffer;
          if (log) {
            logGradient.run(out, g, y, g, g, g, (float) Rows.fold(total, g, n, 0), 0, 0, 0, n);
          } else {
            rows.softmaxBackward(out, g, y, n);
          }
          Rows.write(gradX.dtype(), out, at, toStride, n);
        }
      });
    }
  }

  private static void columnsBackward(DType dtype, long to, long toStride, long grad, long gradStride, long y, long yStride, int n,
      int count, boolean log) {
    ColumnKernels kernels = Columns.kernels();
    int inPlace = Columns.inPlace(dtype, count, n, toStride, gradStride, yStride);
    kernels.softmaxBackward(to, toStride, grad, gradStride, y, yStride, n, inPlace, log);
    int rest = count - inPlace;
    if (rest > 0) {
      long skipped = (long) inPlace * dtype.size();
      long pitch = Columns.pitch(rest);
      long bytes = pitch * n;
      long buffer = Scratch.current().rows(2 * bytes);
      Columns.read(dtype, grad + skipped, gradStride, buffer, n, rest);
      Columns.read(dtype, y + skipped, yStride, buffer + bytes, n, rest);
      kernels.softmaxBackward(buffer, pitch, buffer, pitch, buffer + bytes, pitch, n, Columns.padded(rest), log);
      Columns.write(dtype, buffer, to + skipped, toStride, n, rest);
    }
  }

  /// As [org.flambeau.spi.Kernels#crossEntropy]: of each row the log-likelihood of its target, of which the losses are made as of any.
  static void crossEntropy(Reduction reduction, Strided out, Strided total, Strided logSumExp, Strided logits, Strided target,
      long ignoreIndex) {
    int classes = length(logits, 1);
    long rows = logits.size(0);
    Softmax kernel = new Softmax();
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long likelihoods = workspace.take(4 * rows);
      long sumsTo = staging.write(logSumExp);
      long from = staging.read(logits);
      long targets = staging.read(target);
      forEachRow(logits, (row, _) -> {
        long buffer = Scratch.current().rows(4L * classes);
        long x = Rows.read(logits.dtype(), from + row * stride(logits, 0), stride(logits, 1), buffer, classes);
        float largest = Rows.largest(kernel.max, x, classes);
        double log = kernel.logOfSum(x, largest, classes);
        ALL.set(FLOAT, sumsTo + 8 * row, largest);
        ALL.set(FLOAT, sumsTo + 8 * row + 4, (float) log);
        long label = ALL.get(LONG, targets + row * stride(target, 0));
        ALL.set(FLOAT, likelihoods + 4 * row,
            label == ignoreIndex ? 0 : (float) ((double) ALL.get(FLOAT, x + 4 * checked(label, classes)) - largest - log));
      });
      var ofEach = Strided.contiguous(new Storage(Device.CPU, likelihoods, 4 * rows), DType.FLOAT32, new long[] {rows});
      NllLoss.forward(reduction, staging.writable(out), staging.writable(total), ofEach.with(0, logits.sizes(), new long[] {1, 0}),
          staging.readable(target), null, ignoreIndex);
    }
  }

  static void crossEntropyBackward(Strided gradLogits, Strided grad, @Nullable Strided total, Strided logits, Strided logSumExp,
      Strided target, long ignoreIndex) {
    int classes = length(logits, 1);
    RowOp.Loop scaledExp = Rows.loop(RowOp.SCALED_EXP);
    try (Staging staging = Staging.open()) {
      long to = staging.write(gradLogits);
      long grads = staging.read(grad);
      float divisor = total == null ? 1 : get(total, staging.read(total), Scratch.current().tile(0));
      long from = staging.read(logits);
      long sums = staging.read(logSumExp);
      long targets = staging.read(target);
      forEachRow(logits, (row, tile) -> {
        long buffer = Scratch.current().rows(4L * classes);
        long x = Rows.read(logits.dtype(), from + row * stride(logits, 0), stride(logits, 1), buffer, classes);
        long place = to + row * stride(gradLogits, 0);
        long out = Rows.isPlain(gradLogits.dtype(), stride(gradLogits, 1)) ? place : buffer;
        long label = ALL.get(LONG, targets + row * stride(target, 0));
        boolean ignored = label == ignoreIndex;
        float g = ignored ? 0 : get(grad, grads + row * stride(grad, 0), tile) / divisor;
        float largest = ALL.get(FLOAT, sums + 8 * row);
        float log = ALL.get(FLOAT, sums + 8 * row + 4);
        scaledExp.run(out, x, x, x, x, x, largest, g, log, 0, classes);
        if (!ignored) {
          long hit = out + 4 * checked(label, classes);
          ALL.set(FLOAT, hit, ALL.get(FLOAT, hit) - g);
        }
        Rows.write(gradLogits.dtype(), out, place, stride(gradLogits, 1), classes);
      });
    }
  }

  private static long checked(long label, int classes) {
    if (label < 0 || label >= classes) {
      throw new IndexOutOfBoundsException("[cross_entropy] target " + label + " is out of bounds for " + classes + " classes");
    }
    return label;
  }

  private interface Row {
    void run(long row, long tile);
  }

  private static void forEachRow(Strided logits, Row body) {
    CpuPool.SHARED.parallelFor(0, logits.size(0), Math.max(1, Elementwise.GRAIN / Math.max(1, logits.size(1))), (begin, end) -> {
      for (long row = begin; row < end; row++) {
        body.run(row, Scratch.current().tile(0));
      }
    });
  }

  private static float get(Strided x, long address, long tile) {
    Conversion.of(x.dtype()).load(Compute.FLOAT, address, 0, tile, 1);
    return ALL.get(FLOAT, tile);
  }

  private static int length(Strided x, int dim) {
    long length = x.rank() == 0 ? 1 : x.size(dim);
    if (length >= LONGEST) {
      throw new IllegalArgumentException("[softmax] expected fewer than 2^29 elements along the dimension, got " + length);
    }
    return (int) length;
  }

  private static long stride(Strided x, int dim) {
    DType dtype = x.dtype();
    return x.rank() == 0 ? dtype.size() : x.stride(dim) * dtype.size();
  }
}
