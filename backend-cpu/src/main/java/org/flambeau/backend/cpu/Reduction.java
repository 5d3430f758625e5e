package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.DOUBLE;
import static org.flambeau.spi.NativeMemory.FLOAT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Objects;
import java.util.function.DoubleUnaryOperator;
import org.flambeau.DType;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.NativeMemory;
import org.flambeau.spi.ReduceOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Reduces some dimensions of a tensor.
///
/// The dimensions are sorted by the input's strides. Where the innermost is reduced, each output folds rows of the input into one
/// number; where it is kept, rows of outputs fold the input's rows one after the other. Either way memory is read in its own
/// order. Floats are summed in short runs, whose sums are added in double, so that the error is less than pairwise summation's.
/// How the work is cut depends on the shapes alone, so the results do not depend on the threads.
final class Reduction {
  /// Elements that one thread folds before it pays to share.
  private static final long GRAIN = 32 << 10;

  /// Elements of one output that are folded apart, in parallel, where the outputs alone do not keep all threads busy.
  private static final long PIECE = 64 << 10;

  /// Elements that are folded in float before the result is carried on in double.
  private static final int FLOAT_RUN = 4096;

  /// Rows that are folded onto another in float before the result is carried on in double.
  private static final int FLOAT_ROWS = 32;

  /// So many rows are divided among the threads, rather than their columns: the processor reads ahead along whole rows.
  private static final int MANY_ROWS = 16 * FLOAT_ROWS;

  private static final int COLUMNS = Scratch.TILE;
  /// Rows that are converted before they are folded, each onto the one before while those are in registers.
  private static final int CONVERTED_ROWS = 4;
  private static final int SHORT_ROW = 32;

  private static final Loop ADD = Loops.binary(BinaryOp.ADD, Compute.DOUBLE);
  private static final Reducer[][] REDUCERS = new Reducer[Compute.values().length][Fold.values().length];

  private static final @Nullable Reducer[][] OF_HALVES = new Reducer[DType.values().length][Fold.values().length];

  private final DType dtype;
  private final Compute compute;
  private final Conversion conversion;
  private final long x;
  private final int size;
  /// Operands: x and out.
  private final IterationSpace kept = new IterationSpace(2);
  /// Operand: x.
  private final IterationSpace reduced = new IterationSpace(1);

  private final long outputs;
  private final long count;
  private final boolean horizontal;

  private Reduction(Strided out, Strided operand, long x) {
    this.dtype = operand.dtype();
    this.compute = Compute.of(dtype);
    this.conversion = Conversion.of(dtype);
    this.x = x;
    this.size = dtype.size();
    IterationSpace space = new IterationSpace(2);
    space.begin(operand);
    space.add(operand, out);
    space.collapse();
    kept.begin(2);
    reduced.begin(1);
    boolean innermostReduced = space.stride(1, 0) == 0;
    for (int d = 0; d < space.rank(); d++) {
      if (space.stride(1, d) == 0) {
        reduced.append(space, d);
      } else {
        kept.append(space, d);
      }
    }
    outputs = kept.numel();
    count = reduced.numel();
    horizontal = kept.rank() == 0 || innermostReduced && reduced.size(0) >= SHORT_ROW;
  }

  static void reduce(ReduceOp op, Strided out, Strided x, double parameter) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      Reduction reduction = new Reduction(out, x, staging.read(x));
      long results = workspace.take(reduction.outputs * Long.BYTES);
      long n = reduction.count;
      DoubleUnaryOperator finish = switch (op) {
        case SUM -> reduction.fold(Fold.SUM, results, 0, 0);
        case PROD -> reduction.fold(Fold.PRODUCT, results, 0, 0);
        case AMAX -> reduction.fold(Fold.MAX, results, 0, 0);
        case AMIN -> reduction.fold(Fold.MIN, results, 0, 0);
        case ANY -> reduction.fold(Fold.ANY, results, 0, 0);
        case ALL -> reduction.fold(Fold.ALL, results, 0, 0);
        case MEAN -> {
          reduction.fold(Fold.SUM, results, 0, 0);
          yield sum -> sum / n;
        }
        case VAR -> {
          long means = workspace.take(reduction.outputs * Long.BYTES);
          reduction.moments(means, results);
          yield squares -> squares / Math.max(0, n - parameter);
        }
        case NORM -> reduction.norm(parameter, results);
      };
      reduction.store(results, finish, Conversion.of(out.dtype()), staging.write(out));
    }
  }

  /// As [org.flambeau.spi.Kernels#logSumExp].
  static void logSumExp(Strided out, Strided x) {
    if (out.numel() == 0) {
      return;
    }
    try (Staging staging = Staging.open(); Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      Reduction reduction = new Reduction(out, x, staging.read(x));
      long largest = workspace.take(reduction.outputs * Long.BYTES);
      long results = workspace.take(reduction.outputs * Long.BYTES);
      reduction.fold(Fold.MAX, largest, 0, 0);
      reduction.fold(Fold.EXPONENTIALS, results, largest, 0);
      for (long i = 0; i < reduction.outputs; i++) {
        double most = ALL.get(DOUBLE, largest + 8 * i);
        ALL.set(DOUBLE, results + 8 * i, Double.isInfinite(most) ? most : most + Math.log(ALL.get(DOUBLE, results + 8 * i)));
      }
      reduction.store(results, null, Conversion.of(out.dtype()), staging.write(out));
    }
  }

  /// For each output, which are `x` with size 1 in the reduced dimensions of `shape`, the mean and the sum of the squared deviations
  /// from it, in double; outputs are counted along the kept dimension, of which there is one at most.
  static void moments(Strided shape, Strided x, long address, long means, long squares) {
    new Reduction(shape, x, address).moments(means, squares);
  }

  /// For each element of `out`, in the order of [#store], the mean and the sum of the squared deviations from it, in double.
  private void moments(long means, long squares) {
    fold(Fold.SUM, means, 0, 0);
    for (long i = 0; i < outputs; i++) {
      ALL.set(DOUBLE, means + 8 * i, ALL.get(DOUBLE, means + 8 * i) / count);
    }
    fold(Fold.SQUARED_DEVIATIONS, squares, means, 0);
    if (compute == Compute.FLOAT) { // they were taken from the mean rounded to float
      for (long i = 0; i < outputs; i++) {
        double mean = ALL.get(DOUBLE, means + 8 * i);
        double error = mean - (float) mean;
        ALL.set(DOUBLE, squares + 8 * i, Math.max(0, ALL.get(DOUBLE, squares + 8 * i) - count * error * error));
      }
    }
  }

  private @Nullable DoubleUnaryOperator norm(double p, long results) {
    if (p == 0) {
      return fold(Fold.COUNT, results, 0, 0);
    } else if (p == 1) {
      return fold(Fold.MAGNITUDES, results, 0, 0);
    } else if (p == 2) {
      fold(Fold.SQUARES, results, 0, 0);
      return Math::sqrt;
    } else if (p == Double.POSITIVE_INFINITY) {
      return fold(Fold.LARGEST_MAGNITUDE, results, 0, 0);
    } else if (p == Double.NEGATIVE_INFINITY) {
      return fold(Fold.SMALLEST_MAGNITUDE, results, 0, 0);
    }
    fold(Fold.POWERS, results, 0, p);
    return sum -> Math.pow(sum, 1 / p);
  }

  static synchronized Reducer reducer(Compute compute, Fold fold) {
    Reducer reducer = REDUCERS[compute.ordinal()][fold.ordinal()];
    if (reducer == null) {
      Reducer scalar = ScalarReducers.of(compute, fold);
      reducer = Vectorization.PRESENT == null ? scalar
          : fold == Fold.EXPONENTIALS ? new ExponentialSums(compute)
          : Vectorization.PRESENT.reducer(fold, compute, scalar);
    }
    REDUCERS[compute.ordinal()][fold.ordinal()] = reducer;
    return reducer;
  }

  /// Whether rows, of the input or of outputs, are folded as they lie.
  private boolean isInPlace(Fold fold) {
    boolean readable = compute.is(dtype) || Halves.are(dtype) && Vectorization.PRESENT != null && fold.vectorMap() != null;
    return readable && (horizontal ? reduced : kept).stride(0, 0) == size;
  }

  private static synchronized Reducer ofHalves(DType dtype, Fold fold) {
    Reducer reducer = OF_HALVES[dtype.ordinal()][fold.ordinal()];
    if (reducer == null) {
      reducer = Objects.requireNonNull(Objects.requireNonNull(Vectorization.PRESENT).reducer(fold, dtype));
      OF_HALVES[dtype.ordinal()][fold.ordinal()] = reducer;
    }
    return reducer;
  }

  /// Folds each output's elements into `results`, in double or long; `parameters` holds a double for each output, or is 0 where
  /// `parameter` is that of all. Returns null, for that is how a result is finished.
  private @Nullable DoubleUnaryOperator fold(Fold fold, long results, long parameters, double parameter) {
    boolean inPlace = isInPlace(fold);
    Reducer reducer = inPlace && !compute.is(dtype) ? ofHalves(dtype, fold) : reducer(compute, fold);
    if (horizontal && inPlace && reduced.rank() == 1 && count <= FLOAT_RUN && parameters == 0) {
      CpuPool.SHARED.parallelFor(0, outputs, GRAIN / Math.max(1, count), (begin, end) -> foldRows(reducer, begin, end, parameter, results));
    } else if (horizontal) {
      long pieces = outputs >= 64 ? 1 : Math.clamp(count / PIECE, 1, 64);
      inPieces(fold, results, pieces, (partials, workspace) -> {
        long grain = Math.max(1, GRAIN / Math.max(1, count / pieces));
        CpuPool.SHARED.parallelFor(0, outputs * pieces, grain, (begin, end) -> {
          for (long item = begin; item < end; item++) {
            long output = item / pieces;
            long piece = item % pieces;
            double s = parameters == 0 ? parameter : ALL.get(DOUBLE, parameters + 8 * output);
            ALL.set(LONG, partials + 8 * (piece * outputs + output),
                foldRow(reducer, fold, output, s, count * piece / pieces, count * (piece + 1) / pieces));
          }
        });
      });
    } else {
      long columns = kept.size(0);
      long blocksWanted = outputs / columns >= 8 || count >= MANY_ROWS ? 1 : 8;
      long width = Math.clamp((columns / blocksWanted + 63) / 64 * 64, 64, COLUMNS);
      long blocks = Math.ceilDiv(columns, width);
      long items = outputs / columns * blocks;
      long pieces = items >= 8 ? 1 : Math.clamp(count * Math.min(width, columns) / PIECE, 1, 16);
      inPieces(fold, results, pieces, (partials, workspace) -> {
        long grain = Math.max(1, GRAIN / Math.max(1, count * width / pieces));
        CpuPool.SHARED.parallelFor(0, items * pieces, grain, (begin, end) -> {
          try (Workspace own = new Workspace(CpuAllocator.SHARED)) {
            long room = inPlace ? 0 : own.take(CONVERTED_ROWS * width * compute.size());
            for (long item = begin; item < end; item++) {
              long piece = item % pieces;
              long column = item / pieces % blocks * width;
              long output = item / pieces / blocks * columns + column;
              foldColumns(reducer, fold, output, (int) Math.min(width, columns - column), parameters, parameter, count * piece / pieces,
                  count * (piece + 1) / pieces, partials + 8 * (piece * outputs + output), room);
            }
          }
        });
      });
    }
    return null;
  }

  private interface Partials {
    void compute(long partials, Workspace workspace);
  }

  private void inPieces(Fold fold, long results, long pieces, Partials work) {
    try (Workspace workspace = new Workspace(CpuAllocator.SHARED)) {
      if (pieces == 1) {
        work.compute(results, workspace);
        return;
      }
      long bytes = outputs * Long.BYTES;
      long partials = workspace.take(pieces * bytes);
      work.compute(partials, workspace);
      NativeMemory.copy(partials, results, bytes);
      Reducer parts = reducer(compute == Compute.LONG ? Compute.LONG : Compute.DOUBLE, fold.ofParts());
      parts.rows(results, partials + bytes, bytes, (int) pieces - 1, partials, Math.toIntExact(outputs));
    }
  }

  /// All elements of the outputs [begin, end), of which each has a row.
  private void foldRows(Reducer reducer, long begin, long end, double parameter, long results) {
    long inner = kept.rank() == 0 ? 1 : kept.size(0);
    long stride = kept.rank() == 0 ? 0 : kept.stride(0, 0);
    int n;
    for (long at = begin; at < end; at += n) {
      long first = at % inner;
      n = (int) Math.min(Math.min(1 << 20, inner - first), end - at);
      reducer.each(results + 8 * at, x + kept.offset(0, at, 0), stride, n, (int) count, parameter);
    }
  }

  /// The elements [begin, end) of one output.
  private long foldRow(Reducer reducer, Fold fold, long output, double parameter, long begin, long end) {
    long base = x + kept.offset(0, output, 0);
    long inner = reduced.size(0);
    long stride = reduced.stride(0, 0);
    boolean inPlace = isInPlace(fold);
    int most = inPlace ? FLOAT_RUN : Scratch.TILE;
    long tile = Scratch.current().tile(0);
    long result = fold.init(compute);
    int n;
    for (long at = begin; at < end; at += n) {
      long row = at / inner;
      long first = at - row * inner;
      n = (int) Math.min(Math.min(most, inner - first), end - at);
      long from = base + reduced.offset(0, row, 1) + first * stride;
      if (!inPlace) {
        conversion.load(compute, from, stride, tile, n);
        from = tile;
      }
      result = fold.combine(compute, result, reducer.row(from, n, parameter));
    }
    return result;
  }

  /// The elements [begin, end) of each of `width` outputs that follow each other, into `results`.
  private void foldColumns(Reducer reducer, Fold fold, long output, int width, long parameters, double parameter, long begin, long end,
      long results, long room) {
    Scratch scratch = Scratch.current();
    long acc = compute == Compute.FLOAT ? scratch.tile(1) : results;
    long s = scratch.tile(2);
    parameterTile(s, width, parameters == 0 ? 0 : parameters + 8 * output, parameter);
    boolean carried = compute == Compute.FLOAT && fold.isSum();
    reset(acc, compute == Compute.FLOAT, fold, width);
    if (carried) {
      reset(results, false, fold, width);
    }
    long base = x + kept.offset(0, output, 0);
    boolean inPlace = isInPlace(fold);
    long inner = reduced.rank() == 0 ? 1 : reduced.size(0);
    long stride = reduced.rank() == 0 ? 0 : reduced.stride(0, 0);
    int n;
    for (long at = begin; at < end; at += n) {
      long row = at / inner;
      long first = at - row * inner;
      n = (int) Math.min(Math.min(FLOAT_ROWS, inner - first), end - at);
      long from = base + reduced.offset(0, row, 1) + first * stride;
      if (inPlace) {
        reducer.rows(acc, from, stride, n, s, width);
      } else {
        foldConverted(reducer, acc, from, stride, n, s, width, room);
      }
      if (carried && (n == FLOAT_ROWS || at % FLOAT_ROWS + n >= FLOAT_ROWS)) {
        carry(acc, results, width, scratch);
      }
    }
    if (carried) {
      carry(acc, results, width, scratch);
    } else if (compute == Compute.FLOAT) {
      Conversion.of(DType.FLOAT32).load(Compute.DOUBLE, acc, Float.BYTES, results, width);
    }
  }

  /// Rows that first have to be brought to the compute type, some at a time, in `room`.
  private void foldConverted(Reducer reducer, long acc, long from, long stride, int rows, long parameters, int width, long room) {
    long pitch = (long) width * compute.size();
    int count;
    for (int row = 0; row < rows; row += count) {
      count = Math.min(CONVERTED_ROWS, rows - row);
      for (int i = 0; i < count; i++) {
        conversion.load(compute, from + (row + i) * stride, kept.stride(0, 0), room + i * pitch, width);
      }
      reducer.rows(acc, room, pitch, count, parameters, width);
    }
  }

  private void parameterTile(long tile, int width, long parameters, double parameter) {
    for (int j = 0; j < width; j++) {
      double s = parameters == 0 ? parameter : ALL.get(DOUBLE, parameters + 8L * j);
      switch (compute) {
        case FLOAT -> ALL.set(FLOAT, tile + 4L * j, (float) s);
        case DOUBLE -> ALL.set(DOUBLE, tile + 8L * j, s);
        case LONG -> ALL.set(LONG, tile + 8L * j, (long) s);
      }
    }
  }

  private void reset(long acc, boolean floats, Fold fold, int width) {
    long init = fold.init(compute);
    for (int j = 0; j < width; j++) {
      if (floats) {
        ALL.set(FLOAT, acc + 4L * j, (float) fold.realInit);
      } else {
        ALL.set(LONG, acc + 8L * j, init);
      }
    }
  }

  /// Adds what floats have summed up to the sums in double, and lets them begin again.
  private static void carry(long acc, long sums, int width, Scratch scratch) {
    long wide = scratch.tile(3);
    Conversion.of(DType.FLOAT32).load(Compute.DOUBLE, acc, Float.BYTES, wide, width);
    ADD.run(sums, sums, wide, wide, width);
    ALL.asSlice(acc, 4L * width).fill((byte) 0);
  }

  /// Writes finished results to the output.
  private void store(long results, @Nullable DoubleUnaryOperator finish, Conversion to, long out) {
    Compute type = compute == Compute.LONG ? Compute.LONG : Compute.DOUBLE;
    long inner = kept.rank() == 0 ? 1 : kept.size(0);
    long stride = kept.rank() == 0 ? 0 : kept.stride(1, 0);
    CpuPool.SHARED.parallelFor(0, outputs, GRAIN, (begin, end) -> {
      if (finish != null) {
        for (long i = begin; i < end; i++) {
          ALL.set(DOUBLE, results + 8 * i, finish.applyAsDouble(ALL.get(DOUBLE, results + 8 * i)));
        }
      }
      int n;
      for (long at = begin; at < end; at += n) {
        long row = at / inner;
        long first = at - row * inner;
        n = (int) Math.min(Math.min(1 << 20, inner - first), end - at);
        to.store(type, results + 8 * at, out + kept.offset(1, row, 1) + first * stride, stride, n);
      }
    });
  }
}
