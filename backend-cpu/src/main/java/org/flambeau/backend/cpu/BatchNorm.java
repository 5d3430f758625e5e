package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import java.util.Objects;
import org.flambeau.DType;
import org.flambeau.spi.Activation;
import org.flambeau.spi.Strided;
import org.flambeau.spi.UnaryOp;
import org.jspecify.annotations.Nullable;

/// Batch normalisation (Ioffe and Szegedy, 2015) of (n, c, …), whose memory is a matrix of either one row for each image and channel, or of
/// rows with all channels: channels last, one for some pixels; small images, one for each image, with a channel's pixels side by side.
/// Operands that lie otherwise are copied to the layout of `x`.
final class BatchNorm {
  /// Fewer pixels are not worth a row of their own.
  private static final long SHORT_ROW = 128;
  /// Fewer pixels, or small images, are not worth a part of their own.
  private static final long PLACES_APART = 256;
  /// Up to how many elements a row of pixels has, where one has fewer: to read, compute and write a short one takes as long as to call for it.
  private static final int LONG_ROW = 1024;
  private static final long MOST_PARTS = 32;
  /// So many rows are summed in float before the sum is carried on in double.
  private static final long ROWS_IN_FLOAT = 128;
  /// So many rows tell about where the mean is.
  private static final long SAMPLES = 32;
  /// Elements that stay in the first-level cache from one loop to the next.
  private static final int CACHED = 8192;

  private final boolean allChannels;
  private final long[] sizes;
  private final long[] strides;
  private final long channels;
  /// In a row of all channels, how many elements each has side by side, and how many pixels there are.
  private final int repeat;
  private final int pixelsOfARow;
  private final long rows;
  private final int length;
  /// How many elements of a row of all channels are columns for [ChannelLoops]: a pixel, or as many as fill whole vectors. 0 where none do.
  private final int columns;
  private final Workspace workspace;

  private BatchNorm(Strided x, Workspace workspace) {
    this.workspace = workspace;
    sizes = x.sizes();
    channels = x.size(1);
    long pixels = 1;
    for (int d = 2; d < x.rank(); d++) {
      pixels *= x.size(d);
    }
    long[] last = channelsLastStrides(x);
    boolean channelsLast = pixels == 1 || !x.isContiguous() && lies(x, last);
    boolean small = !channelsLast && pixels < SHORT_ROW && x.size(0) > 1;
    allChannels = channelsLast || small;
    repeat = small ? Math.toIntExact(pixels) : 1;
    pixelsOfARow = channelsLast ? divisor(x.size(0) * pixels, LONG_ROW / Math.max(1, channels)) : 1;
    strides = channelsLast ? last : Strided.contiguousStrides(sizes);
    rows = channelsLast ? x.size(0) * pixels / pixelsOfARow : small ? x.size(0) : x.size(0) * channels;
    length = Math.toIntExact(allChannels ? channels * repeat * pixelsOfARow : pixels);
    columns = allChannels ? columns(Math.toIntExact(channels * repeat), pixelsOfARow) : 0;
  }

  /// The largest divisor of `n` up to `most`, at least 1.
  private static int divisor(long n, long most) {
    int divisor = (int) Math.max(1, Math.min(n, most));
    while (n % divisor != 0) {
      divisor--;
    }
    return divisor;
  }

  private static int columns(int ofAPixel, int pixels) {
    int lanes = Objects.requireNonNull(Vectorization.PRESENT).lanes();
    for (int columns = ofAPixel; columns <= ofAPixel * pixels; columns += ofAPixel) {
      if (columns % lanes == 0 && ofAPixel * pixels % columns == 0) {
        return columns;
      }
    }
    return 0;
  }

  private static long[] channelsLastStrides(Strided x) {
    long[] strides = new long[x.rank()];
    strides[1] = 1;
    long step = x.size(1);
    for (int d = x.rank() - 1; d >= 2; d--) {
      strides[d] = step;
      step *= x.size(d);
    }
    strides[0] = step;
    return strides;
  }

  private static boolean lies(Strided x, long[] strides) {
    for (int d = 0; d < x.rank(); d++) {
      if (x.size(d) != 1 && x.stride(d) != strides[d]) {
        return false;
      }
    }
    return true;
  }

  /// `x`, or its copy in the layout of the others.
  private Strided arranged(Strided x) {
    if (lies(x, strides)) {
      return x;
    }
    Strided copy = Rows.take(x.dtype(), sizes, strides, workspace);
    Copy.copy(copy, x);
    return copy;
  }

  /// `out`, or where to compute what is then copied there.
  private Strided arrangedResult(Strided out) {
    return lies(out, strides) ? out : Rows.take(out.dtype(), sizes, strides, workspace);
  }

  /// Of a row with one channel.
  private int channel(long row) {
    return (int) (row % channels);
  }

  /// The floats of all channels as a row of all channels takes them.
  private long row(long floats) {
    return allChannels ? row(floats, length) : floats;
  }

  /// The same for the first `elements` of a row.
  private long row(long floats, int elements) {
    if (elements == channels) {
      return floats;
    }
    long row = workspace.take(4L * elements);
    for (int i = 0; i < elements; i++) {
      ALL.set(FLOAT, row + 4L * i, ALL.get(FLOAT, floats + 4 * (i / repeat % channels)));
    }
    return row;
  }

  private void forEachRow(CpuPool.Body body) {
    CpuPool.SHARED.parallelFor(0, rows, Math.max(1, Elementwise.GRAIN / Math.max(1, length)), body);
  }

  // ---- statistics ----

  static void statistics(Strided mean, Strided rstd, Strided x, @Nullable Strided runningMean, @Nullable Strided runningVar,
      @Nullable Strided batches, double momentum, double eps) {
    int channels = Math.toIntExact(x.size(1));
    long n = x.numel() / Math.max(1, channels);
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      long means = workspace.take(8L * channels);
      long squares = workspace.take(8L * channels);
      BatchNorm norm = new BatchNorm(x, workspace);
      if (norm.allChannels && lies(x, norm.strides)) {
        norm.moments(means, squares, staging.read(x), x);
      } else {
        long[] sizes = new long[x.rank()];
        Arrays.fill(sizes, 1);
        sizes[1] = channels;
        long[] strides = new long[x.rank()];
        strides[1] = mean.stride(0);
        Reduction.moments(mean.with(mean.offset(), sizes, strides), x, staging.read(x), means, squares);
      }
      if (runningMean != null) {
        move(runningMean, means, momentum, 1, staging, workspace);
      }
      if (runningVar != null) {
        move(runningVar, squares, momentum, 1.0 / Math.max(0, n - 1), staging, workspace);
      }
      if (batches != null) {
        long count = staging.update(batches);
        ALL.set(LONG, count, ALL.get(LONG, count) + 1);
      }
      Rows.writeDoubles(means, mean, staging);
      for (long c = 0; c < channels; c++) {
        ALL.set(DOUBLE, squares + 8 * c, 1 / Math.sqrt(ALL.get(DOUBLE, squares + 8 * c) / n + eps));
      }
      Rows.writeDoubles(squares, rstd, staging);
    }
  }

  /// The mean of each channel and the sum of the squared deviations from it, from rows of all channels.
  private void moments(long means, long squares, long from, Strided x) {
    long n = rows * repeat * pixelsOfARow;
    int size = x.dtype().size();
    long centres = workspace.take(4 * channels);
    if (columns > 0) {
      sampleMeans(centres, from, x.dtype());
      ChannelLoops loops = Rows.channelLoops(x.dtype());
      long centreColumns = row(centres, columns);
      sumRows(columns, 0, new long[] {means, squares}, (to, at, lines) -> loops.moments(to, to + 4L * columns, from + at * size,
          (long) columns * size, centreColumns, lines, columns));
      for (long c = 0; c < channels; c++) {
        double deviation = ALL.get(DOUBLE, means + 8 * c) / n;
        ALL.set(DOUBLE, means + 8 * c, ALL.get(FLOAT, centres + 4 * c) + deviation);
      }
    } else {
      RowOp.Loop add = Rows.loop(RowOp.ADD, x.dtype());
      sumRows(length, 0, new long[] {means}, eachLine((to, at) -> add.run(to, to, from + at * size, to, to, to, 0, 0, 0, 0, length)));
      for (long c = 0; c < channels; c++) {
        ALL.set(DOUBLE, means + 8 * c, ALL.get(DOUBLE, means + 8 * c) / n);
        ALL.set(FLOAT, centres + 4 * c, (float) ALL.get(DOUBLE, means + 8 * c));
      }
      long centreRow = row(centres);
      RowOp.Loop addSquare = Rows.loop(RowOp.ADD_CENTRED_SQUARE, x.dtype());
      sumRows(length, 0, new long[] {squares},
          eachLine((to, at) -> addSquare.run(to, to, from + at * size, centreRow, to, to, 0, 0, 0, 0, length)));
    }
    for (long c = 0; c < channels; c++) { // they were taken from what is about the mean
      double error = ALL.get(DOUBLE, means + 8 * c) - ALL.get(FLOAT, centres + 4 * c);
      ALL.set(DOUBLE, squares + 8 * c, Math.max(0, ALL.get(DOUBLE, squares + 8 * c) - n * error * error));
    }
  }

  /// About the mean of each channel: that of some rows, first and last among them.
  private void sampleMeans(long centres, long from, DType dtype) {
    long lines = rows * length / columns;
    long samples = Math.min(lines, SAMPLES);
    long sums = workspace.take(12L * columns);
    PixelRows.zero(sums, 12L * columns);
    for (long i = 0; i < samples; i++) {
      long line = samples == 1 ? 0 : i * (lines - 1) / (samples - 1);
      Rows.channelLoops(dtype).moments(sums, sums + 4L * columns, from + line * columns * dtype.size(), 0, sums + 8L * columns, 1, columns);
    }
    double[] of = new double[Math.toIntExact(channels)];
    for (int i = 0; i < columns; i++) {
      of[(int) (i / repeat % channels)] += ALL.get(FLOAT, sums + 4L * i);
    }
    for (int c = 0; c < of.length; c++) {
      float mean = (float) (of[c] * channels / (samples * columns));
      ALL.set(FLOAT, centres + 4L * c, Float.isFinite(mean) ? mean : 0);
    }
  }

  private static void move(Strided running, long values, double momentum, double factor, Staging staging, Workspace workspace) {
    long doubles = workspace.take(8 * running.numel());
    Rows.readDoubles(running, doubles, staging);
    for (long c = 0; c < running.numel(); c++) {
      double moved = (1 - momentum) * ALL.get(DOUBLE, doubles + 8 * c) + momentum * factor * ALL.get(DOUBLE, values + 8 * c);
      ALL.set(DOUBLE, doubles + 8 * c, moved);
    }
    Rows.writeDoubles(doubles, running, staging);
  }

  // ---- forward ----

  /// @param apart whether the residual is added to what has been rounded
  static void apply(Strided out, Strided x, @Nullable Strided mean, @Nullable Strided rstd, @Nullable Strided weight,
      @Nullable Strided bias, @Nullable Strided residual, Activation activation, boolean apart) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      BatchNorm norm = new BatchNorm(x, workspace);
      Strided result = norm.arrangedResult(out);
      norm.apply(result, norm.arranged(x), mean, rstd, weight, bias, residual == null ? null : norm.arranged(residual),
          activation == Activation.RELU ? 0 : Float.NEGATIVE_INFINITY, apart && residual != null && x.dtype() != DType.FLOAT32, staging);
      if (activation == Activation.GELU) {
        Elementwise.unary(UnaryOp.GELU, result, result);
      }
      if (result != out) {
        Copy.copy(out, result);
      }
    }
  }

  private void apply(Strided out, Strided x, @Nullable Strided mean, @Nullable Strided rstd, @Nullable Strided weight,
      @Nullable Strided bias, @Nullable Strided residual, float floor, boolean apart, Staging staging) {
    long m = row(Rows.floats(mean, channels, 0, staging, workspace));
    long scales = row(scales(rstd, weight, staging));
    long shifts = row(Rows.floats(bias, channels, 0, staging, workspace));
    long to = staging.write(out);
    long from = staging.read(x);
    long plus = residual == null ? 0 : staging.read(residual);
    int size = x.dtype().size();
    RowOp op = allChannels
        ? residual == null || apart ? RowOp.AFFINE_CHANNELS : RowOp.AFFINE_CHANNELS_RESIDUAL
        : residual == null || apart ? RowOp.AFFINE : RowOp.AFFINE_RESIDUAL;
    RowOp.Loop affine = Rows.loop(op, x.dtype());
    RowOp.Loop add = apart ? Rows.loop(RowOp.ADD_RESIDUAL, x.dtype()) : null;
    float least = add == null ? floor : Float.NEGATIVE_INFINITY;
    forEachRow((begin, end) -> {
      for (long row = begin; row < end; row++) {
        long at = row * length * size;
        long source = from + at;
        if (allChannels) {
          affine.run(to + at, source, scales, shifts, m, plus + at, least, 0, 0, 0, length);
        } else {
          long c = 4L * channel(row);
          affine.run(to + at, source, plus + at, source, source, source, ALL.get(FLOAT, scales + c), ALL.get(FLOAT, shifts + c), least,
              ALL.get(FLOAT, m + c), length);
        }
        if (add != null) {
          add.run(to + at, to + at, plus + at, to + at, to + at, to + at, floor, 0, 0, 0, length);
        }
      }
    });
  }

  /// rstd·weight for each channel.
  private long scales(@Nullable Strided rstd, @Nullable Strided weight, Staging staging) {
    long r = Rows.floats(rstd, channels, 1, staging, workspace);
    long w = Rows.floats(weight, channels, 1, staging, workspace);
    long scales = workspace.take(4 * channels);
    for (long c = 0; c < channels; c++) {
      ALL.set(FLOAT, scales + 4 * c, ALL.get(FLOAT, r + 4 * c) * ALL.get(FLOAT, w + 4 * c));
    }
    return scales;
  }

  // ---- backward ----

  static void backward(@Nullable Strided gradX, @Nullable Strided gradWeight, @Nullable Strided gradBias, @Nullable Strided gradResidual,
      Strided grad, @Nullable Strided y, Strided x, Strided mean, Strided rstd, @Nullable Strided weight, boolean training) {
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      BatchNorm norm = new BatchNorm(x, workspace);
      Strided arranged = norm.arranged(x);
      Strided masked = gradResidual == null ? null : norm.arrangedResult(gradResidual);
      Gradient g = new Gradient(staging.read(norm.arranged(grad)), y == null ? null : Rows.channelLoops(x.dtype()),
          y == null ? 0 : staging.read(norm.arranged(y)), masked == null ? 0 : staging.write(masked), norm.length, x.dtype().size());
      long channels = norm.channels;
      long m = Rows.floats(mean, channels, 0, staging, workspace);
      long sums = workspace.take(8 * channels);
      long products = workspace.take(8 * channels);
      norm.sums(sums, products, g, staging.read(arranged), m, x.dtype());
      long r = Rows.floats(rstd, channels, 1, staging, workspace);
      if (gradX != null && gradX.numel() > 0) {
        Strided result = norm.arrangedResult(gradX);
        long scales = norm.scales(rstd, weight, staging);
        norm.gradient(result, g.read(), arranged, m, r, scales, training, sums, products, staging);
        if (result != gradX) {
          Copy.copy(gradX, result);
        }
      }
      if (gradResidual != null && masked != null && masked != gradResidual) {
        Copy.copy(gradResidual, masked);
      }
      if (gradBias != null) {
        Rows.writeDoubles(sums, gradBias, staging);
      }
      if (gradWeight != null) {
        for (long c = 0; c < channels; c++) {
          ALL.set(DOUBLE, products + 8 * c, ALL.get(DOUBLE, products + 8 * c) * ALL.get(FLOAT, r + 4 * c));
        }
        Rows.writeDoubles(products, gradWeight, staging);
      }
    }
  }

  /// The rows of a gradient: as they came, or if there is a ReLU, by whose `results` it is masked, as they are before it.
  ///
  /// @param masked where these go when they are first read, or 0
  private record Gradient(long rows, @Nullable ChannelLoops relu, long results, long masked, int length, int size) {
    /// The row from element `element` on, which may be computed in `buffer`.
    long row(long element, long buffer) {
      return elements(element, length, buffer);
    }

    /// `count` elements from `element` on.
    long elements(long element, int count, long buffer) {
      long at = element * size;
      if (relu == null) {
        return rows + at;
      }
      long to = masked == 0 ? buffer : masked + at;
      relu.mask(to, rows + at, results + at, count);
      return to;
    }

    /// What it is when all rows have been read.
    Gradient read() {
      return masked == 0 ? this : new Gradient(masked, null, 0, 0, length, size);
    }
  }

  /// Σ g and Σ g·(x − mean) for each channel, in double.
  private void sums(long sums, long products, Gradient gradient, long from, long means, DType dtype) {
    int size = dtype.size();
    if (!allChannels) {
      Reducer total = Rows.reducer(Fold.SUM);
      RowOp.Sum product = Rows.sum(RowOp.Term.CENTRED_PRODUCT);
      long grain = Math.max(1, Elementwise.GRAIN * channels / Math.max(1, rows * length));
      CpuPool.SHARED.parallelFor(0, channels, grain, (begin, end) -> {
        long buffer = Scratch.current().rows(12L * length);
        for (long c = begin; c < end; c++) {
          double sum = 0;
          double sumOfProducts = 0;
          for (long row = c; row < rows; row += channels) {
            long g = Rows.read(dtype, gradient.row(row * length, buffer + 8L * length), size, buffer, length);
            long source = Rows.read(dtype, from + row * length * size, size, buffer + 4L * length, length);
            sum += Rows.fold(total, g, length, 0);
            sumOfProducts += Rows.sum(product, g, source, ALL.get(FLOAT, means + 4 * c), length);
          }
          ALL.set(DOUBLE, sums + 8 * c, sum);
          ALL.set(DOUBLE, products + 8 * c, sumOfProducts);
        }
      });
      return;
    }
    if (columns > 0) {
      ChannelLoops loops = Rows.channelLoops(dtype);
      long centres = row(means, columns);
      int together = Math.max(1, CACHED / columns);
      sumRows(columns, together * columns, new long[] {sums, products}, (to, at, lines) -> {
        long buffer = to + 8L * columns;
        for (int line = 0; line < lines; line += together) {
          int count = Math.min(together, lines - line);
          long first = at + (long) line * columns;
          loops.products(to, to + 4L * columns, gradient.elements(first, count * columns, buffer), from + first * size,
              (long) columns * size,
              centres, count, columns);
        }
      });
      return;
    }
    RowOp.Loop add = Rows.loop(RowOp.ADD, dtype);
    RowOp.Loop addProduct = Rows.loop(RowOp.ADD_CENTRED_PRODUCT, dtype);
    long centres = row(means);
    sumRows(length, length, new long[] {sums, products}, eachLine((to, at) -> {
      long product = to + 4L * length;
      long g = gradient.row(at, product + 4L * length);
      add.run(to, to, g, to, to, to, 0, 0, 0, 0, length);
      addProduct.run(product, product, g, from + at * size, centres, to, 0, 0, 0, 0, length);
    }));
  }

  /// What is summed over rows of all channels.
  @FunctionalInterface
  private interface Terms {
    /// Adds those of lines from element `at` on to rows of floats, one after the other.
    void add(long to, long at, int lines);
  }

  /// The terms of one line.
  @FunctionalInterface
  private interface LineTerms {
    void add(long to, long at);
  }

  private Terms eachLine(LineTerms terms) {
    return (to, at, lines) -> {
      for (int line = 0; line < lines; line++) {
        terms.add(to, at + (long) line * length);
      }
    };
  }

  /// Sums over rows of all channels, for each channel, in double: few lines are summed in float, and these sums in double.
  ///
  /// @param width of lines, whose columns are summed first
  /// @param room for so many floats is behind the rows that terms are added to
  /// @param sums where each goes
  private void sumRows(int width, int room, long[] sums, Terms terms) {
    long lines = rows * length / width;
    int floats = width * sums.length;
    int all = Math.toIntExact(channels * sums.length);
    long parts = Math.clamp(rows * pixelsOfARow / PLACES_APART, 1, Math.clamp(lines, 1, MOST_PARTS));
    long totals = workspace.take(8L * all * parts);
    CpuPool.SHARED.parallelFor(0, parts, 1, (begin, end) -> {
      long few = Scratch.current().rows(4L * (floats + room));
      for (long part = begin; part < end; part++) {
        long total = totals + part * 8 * all;
        PixelRows.zero(total, 8L * all);
        long last = lines * (part + 1) / parts;
        for (long first = lines * part / parts; first < last; first += ROWS_IN_FLOAT) {
          PixelRows.zero(few, 4L * floats);
          terms.add(few, first * width, (int) Math.min(ROWS_IN_FLOAT, last - first));
          for (int k = 0; k < sums.length; k++) {
            addChannels(total + 8 * k * channels, few + 4L * k * width, width);
          }
        }
      }
    });
    for (int k = 0; k < sums.length; k++) {
      for (long c = 0; c < channels; c++) {
        double sum = 0;
        for (long part = 0; part < parts; part++) {
          sum += ALL.get(DOUBLE, totals + 8 * (part * all + k * channels + c));
        }
        ALL.set(DOUBLE, sums[k] + 8 * c, sum);
      }
    }
  }

  /// Adds a line of floats to a double for each channel.
  private void addChannels(long totals, long floats, int width) {
    long row = floats;
    for (int pixel = 0; pixel < width / (channels * repeat); pixel++) {
      for (long c = 0; c < channels; c++) {
        double sum = ALL.get(DOUBLE, totals + 8 * c);
        for (int i = 0; i < repeat; i++) {
          sum += ALL.get(FLOAT, row);
          row += Float.BYTES;
        }
        ALL.set(DOUBLE, totals + 8 * c, sum);
      }
    }
  }

  /// scale·(g − mean of g − x̂·mean of g·x̂), of which only the first term is left where the statistics were not x's own.
  private void gradient(Strided out, Gradient gradient, Strided x, long means, long rstds, long scales, boolean training, long sums,
      long products, Staging staging) {
    long n = x.numel() / channels;
    long slopes = workspace.take(4 * channels);
    long shifts = workspace.take(4 * channels);
    for (long c = 0; c < channels; c++) {
      double scale = ALL.get(FLOAT, scales + 4 * c);
      double r = ALL.get(FLOAT, rstds + 4 * c);
      ALL.set(FLOAT, slopes + 4 * c, training ? (float) (-scale * r * r * ALL.get(DOUBLE, products + 8 * c) / n) : 0);
      ALL.set(FLOAT, shifts + 4 * c, training ? (float) (-scale * ALL.get(DOUBLE, sums + 8 * c) / n) : 0);
    }
    long to = staging.write(out);
    long from = staging.read(x);
    int size = x.dtype().size();
    long centres = row(means);
    long scaleRow = row(scales);
    long slopeRow = row(slopes);
    long shiftRow = row(shifts);
    if (training && columns > 0) {
      ChannelLoops loops = Rows.channelLoops(x.dtype());
      long lines = rows * length / columns;
      int together = Math.max(1, CACHED / columns);
      CpuPool.SHARED.parallelFor(0, Math.ceilDiv(lines, together), 1, (begin, end) -> {
        long buffer = Scratch.current().rows(4L * together * columns);
        for (long block = begin; block < end; block++) {
          long first = block * together * columns;
          int count = (int) Math.min(together, lines - block * together);
          loops.blend(to + first * size, gradient.elements(first, count * columns, buffer), from + first * size, (long) columns * size,
              centres,
              scaleRow, slopeRow, shiftRow, count, columns);
        }
      });
      return;
    }
    RowOp.Loop blend = Rows.loop(allChannels ? RowOp.BLEND_CHANNELS : RowOp.BLEND, x.dtype());
    RowOp.Loop scale = Rows.loop(allChannels ? RowOp.SCALE_CHANNELS : RowOp.SCALE, x.dtype());
    RowOp.Loop centre = Rows.loop(RowOp.CENTRE, x.dtype());
    forEachRow((begin, end) -> {
      long centred = Scratch.current().rows(8L * length);
      for (long row = begin; row < end; row++) {
        long at = row * length * size;
        long g = gradient.row(row * length, centred + 4L * length);
        if (!training) {
          scale.run(to + at, g, scaleRow, shiftRow, g, g, allChannels ? 0 : ALL.get(FLOAT, scales + 4L * channel(row)), 0, 0, 0, length);
        } else if (allChannels) {
          centre.run(centred, from + at, centres, centres, centres, centres, 0, 0, 0, 0, length);
          blend.run(to + at, g, centred, scaleRow, slopeRow, shiftRow, 0, 0, 0, 0, length);
        } else {
          long c = 4L * channel(row);
          blend.run(to + at, g, from + at, g, g, g, ALL.get(FLOAT, scales + c), ALL.get(FLOAT, slopes + c), ALL.get(FLOAT, shifts + c),
              ALL.get(FLOAT, means + c), length);
        }
      }
    });
  }
}
