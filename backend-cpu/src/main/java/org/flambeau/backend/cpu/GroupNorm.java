package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;

import org.flambeau.DType;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Group normalisation (Wu and He, 2018) of contiguous (n, c, …): statistics of rows of one group's channels each, which stay in the cache
/// while every channel is scaled and shifted.
final class GroupNorm {
  /// Channels of fewer elements are not worth a vector loop's call.
  private static final int SHORT = 32;

  private final DType dtype;
  private final long images;
  private final long groups;
  /// Of a group.
  private final int channels;
  private final int pixels;
  private final long rows;
  private final int length;

  private GroupNorm(Strided x, Strided mean) {
    dtype = x.dtype();
    images = x.size(0);
    groups = mean.size(1);
    channels = Math.toIntExact(x.size(1) / groups);
    rows = images * groups;
    length = rows == 0 ? 0 : Math.toIntExact(x.numel() / rows);
    pixels = channels == 0 ? 0 : length / channels;
  }

  @FunctionalInterface
  private interface Row {
    /// @param at of the row's first byte
    /// @param channel of the row's first channel
    void run(long row, long at, long channel, long buffer);
  }

  private void forEachRow(Row body) {
    CpuPool.SHARED.parallelFor(0, rows, Math.max(1, Elementwise.GRAIN / Math.max(1, length)), (begin, end) -> {
      long buffer = Scratch.current().rows(8L * length);
      for (long row = begin; row < end; row++) {
        body.run(row, row * length * dtype.size(), row % groups * channels, buffer);
      }
    });
  }

  // ---- forward ----

  static void forward(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    if (out.numel() > 0) {
      new GroupNorm(x, mean).run(out, mean, rstd, x, weight, bias, eps);
    }
  }

  private void run(Strided out, Strided mean, Strided rstd, Strided x, @Nullable Strided weight, @Nullable Strided bias, double eps) {
    RowKernels kernels = Rows.kernels();
    RowOp.Loop affine = Rows.loop(RowOp.AFFINE);
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long w = Rows.floats(weight, groups * channels, 1, staging, workspace);
      long b = Rows.floats(bias, groups * channels, 0, staging, workspace);
      boolean isShort = pixels < SHORT;
      long weights = isShort ? repeated(w, workspace) : 0;
      long biases = isShort ? repeated(b, workspace) : 0;
      long means = workspace.take(8 * rows);
      long rstds = workspace.take(8 * rows);
      long to = staging.write(out);
      long from = staging.read(x);
      forEachRow((row, at, channel, buffer) -> {
        long source = Rows.read(dtype, from + at, dtype.size(), buffer, length);
        long result = Rows.isPlain(dtype, dtype.size()) ? to + at : buffer;
        kernels.moments(source, eps, means + 8 * row, rstds + 8 * row, length);
        float m = (float) ALL.get(DOUBLE, means + 8 * row);
        float r = (float) ALL.get(DOUBLE, rstds + 8 * row);
        if (isShort) {
          long place = 4 * channel * pixels;
          kernels.normalize(result, source, weights + place, biases + place, m, r, length);
        } else {
          for (int c = 0; c < channels; c++) {
            long part = source + 4L * c * pixels;
            affine.run(result + 4L * c * pixels, part, part, part, part, part, r * ALL.get(FLOAT, w + 4 * (channel + c)),
                ALL.get(FLOAT, b + 4 * (channel + c)), Float.NEGATIVE_INFINITY, m, pixels);
          }
        }
        Rows.write(dtype, result, to + at, dtype.size(), length);
      });
      Rows.writeDoubles(means, mean, staging);
      Rows.writeDoubles(rstds, rstd, staging);
    }
  }

  /// The floats of all channels, each once for every pixel.
  private long repeated(long floats, Workspace workspace) {
    if (pixels == 1) {
      return floats;
    }
    long count = groups * channels * pixels;
    long row = workspace.take(4 * count);
    for (long i = 0; i < count; i++) {
      ALL.set(FLOAT, row + 4 * i, ALL.get(FLOAT, floats + 4 * (i / pixels)));
    }
    return row;
  }

  // ---- backward ----

  static void backward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    new GroupNorm(x, mean).run(gradX, gradWeight, gradBias, grad, x, mean, rstd, weight);
  }

  private void run(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, Strided grad, Strided x,
      Strided mean, Strided rstd, @Nullable Strided weight) {
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long all = groups * channels;
      long w = Rows.floats(weight, all, 1, staging, workspace);
      long means = workspace.take(8 * Math.max(1, rows));
      long rstds = workspace.take(8 * Math.max(1, rows));
      Rows.readDoubles(mean, means, staging);
      Rows.readDoubles(rstd, rstds, staging);
      long sums = workspace.take(8 * Math.max(1, rows * channels));
      long products = workspace.take(8 * Math.max(1, rows * channels));
      long grads = staging.read(grad);
      long from = staging.read(x);
      long to = gradX == null ? 0 : staging.write(gradX);
      RowOp.Loop blend = Rows.loop(RowOp.BLEND);
      Sums sum = pixels < SHORT ? this::sumShort : longSums();
      forEachRow((row, at, channel, buffer) -> {
        long g = Rows.read(dtype, grads + at, dtype.size(), buffer, length);
        long source = Rows.read(dtype, from + at, dtype.size(), buffer + 4L * length, length);
        float m = (float) ALL.get(DOUBLE, means + 8 * row);
        double r = ALL.get(DOUBLE, rstds + 8 * row);
        double total = 0;
        double totalOfProducts = 0;
        for (int c = 0; c < channels; c++) {
          long place = 8 * (row * channels + c);
          sum.run(sums + place, products + place, g + 4L * c * pixels, source + 4L * c * pixels, m);
          float scale = ALL.get(FLOAT, w + 4 * (channel + c));
          total += scale * ALL.get(DOUBLE, sums + place);
          totalOfProducts += scale * ALL.get(DOUBLE, products + place);
        }
        if (to == 0) {
          return;
        }
        long result = Rows.isPlain(dtype, dtype.size()) ? to + at : buffer;
        float slope = (float) (-r * r * r * totalOfProducts / length);
        float shift = (float) (-r * total / length);
        for (int c = 0; c < channels; c++) {
          long part = 4L * c * pixels;
          float scale = (float) r * ALL.get(FLOAT, w + 4 * (channel + c));
          if (pixels < SHORT) {
            blendShort(result + part, g + part, source + part, scale, slope, shift, m);
          } else {
            long first = g + part;
            blend.run(result + part, first, source + part, first, first, first, scale, slope, shift, m, pixels);
          }
        }
        Rows.write(dtype, result, to + at, dtype.size(), length);
      });
      if (gradBias != null) {
        writeSums(gradBias, sums, 0, staging, workspace);
      }
      if (gradWeight != null) {
        writeSums(gradWeight, products, rstds, staging, workspace);
      }
    }
  }

  /// Writes Σ g and Σ g·(x − mean) over a channel.
  @FunctionalInterface
  private interface Sums {
    void run(long sum, long product, long g, long x, float mean);
  }

  private Sums longSums() {
    Reducer total = Rows.reducer(Fold.SUM);
    RowOp.Sum product = Rows.sum(RowOp.Term.CENTRED_PRODUCT);
    return (sum, products, g, x, mean) -> {
      ALL.set(DOUBLE, sum, Rows.fold(total, g, pixels, 0));
      ALL.set(DOUBLE, products, Rows.sum(product, g, x, mean, pixels));
    };
  }

  private void sumShort(long sum, long product, long g, long x, float mean) {
    double total = 0;
    double totalOfProducts = 0;
    for (long i = 0; i < 4L * pixels; i += 4) {
      float grad = ALL.get(FLOAT, g + i);
      total += grad;
      totalOfProducts += grad * (ALL.get(FLOAT, x + i) - mean);
    }
    ALL.set(DOUBLE, sum, total);
    ALL.set(DOUBLE, product, totalOfProducts);
  }

  /// As [RowOp#BLEND].
  private void blendShort(long out, long g, long x, float scale, float slope, float shift, float mean) {
    for (long i = 0; i < 4L * pixels; i += 4) {
      ALL.set(FLOAT, out + i, ALL.get(FLOAT, g + i) * scale + (ALL.get(FLOAT, x + i) - mean) * slope + shift);
    }
  }

  /// Adds up what each channel's images came to, times their `factors`, a double for each row, if these are given.
  private void writeSums(Strided out, long values, long factors, Staging staging, Workspace workspace) {
    long all = groups * channels;
    long totals = workspace.take(8 * Math.max(1, all));
    for (long c = 0; c < all; c++) {
      double total = 0;
      for (long image = 0; image < images; image++) {
        double factor = factors == 0 ? 1 : ALL.get(DOUBLE, factors + 8 * (image * groups + c / channels));
        total += factor * ALL.get(DOUBLE, values + 8 * (image * all + c));
      }
      ALL.set(DOUBLE, totals + 8 * c, total);
    }
    Rows.writeDoubles(totals, out, staging);
  }
}
