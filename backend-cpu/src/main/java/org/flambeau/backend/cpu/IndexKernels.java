package org.flambeau.backend.cpu;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.spi.ScatterOp;
import org.flambeau.spi.Strided;

/// Elements and rows picked by index tensors.
///
/// Reading kernels split their result among threads as they like. Writing ones split it across a dimension that no index
/// reaches, so that whatever meets in one place meets in the order of the source: sums are the same on every run.
final class IndexKernels {
  /// Elements that are worth a thread.
  private static final long GRAIN = 1 << 15;

  /// Fewer elements side by side are not worth a run of their own.
  private static final long FEW = 64;

  private IndexKernels() {}

  // ---- one index for each element ----

  /// As [org.flambeau.spi.Kernels#gather].
  static void gather(Strided out, Strided x, int dim, Strided index) {
    pick(out, x, dim, index.address(), Nest.stepsOf(index));
  }

  private static void pick(Strided out, Strided x, int dim, long index, long[] indexSteps) {
    int width = out.dtype().size();
    long size = sizeAlong(x, dim);
    long[] steps = Nest.stepsOf(x);
    long along = takeStep(steps, dim);
    Nest nest = Nest.of(out.sizes(), new long[] {out.address(), x.address(), index}, Nest.stepsOf(out), steps, indexSteps);
    Places places = new Places(dim, size, along);
    CpuPool.SHARED.parallelFor(0, nest.numel(), GRAIN, (begin, end) -> {
      long tile = Scratch.current().tile(0);
      nest.forEachRun(begin, end, (at, n) -> {
        for (long done = 0; done < n; done += Scratch.TILE) {
          int count = (int) Math.min(Scratch.TILE, n - done);
          places.write(tile, at[1] + done * nest.step(1), nest.step(1), at[2] + done * nest.step(2), nest.step(2), count);
          Runs.collect(width, at[0] + done * nest.step(0), nest.step(0), tile, count);
        }
      });
    });
  }

  /// As [org.flambeau.spi.Kernels#scatter].
  static void scatter(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    int split = largestDimensionBut(index.sizes(), dim);
    if (split < 0) {
      scatterPart(op, out, dim, index, source);
    } else {
      acrossDimension(index, split, (from, to) -> scatterPart(op, part(out, split, from, to), dim, part(index, split, from, to),
          part(source, split, from, to)));
    }
  }

  private static void scatterPart(ScatterOp op, Strided out, int dim, Strided index, Strided source) {
    scatterPart(op, out, dim, index.sizes(), index.address(), Nest.stepsOf(index), source);
  }

  private static void scatterPart(ScatterOp op, Strided out, int dim, long[] sizes, long index, long[] indexSteps, Strided source) {
    DType dtype = out.dtype();
    long size = sizeAlong(out, dim);
    long[] steps = Nest.stepsOf(out);
    long along = takeStep(steps, dim);
    Nest nest = Nest.of(sizes, new long[] {out.address(), source.address(), index}, steps, Nest.stepsOf(source), indexSteps);
    Places places = new Places(dim, size, along);
    Meetings.Each meet = Meetings.of(op, dtype);
    long tile = Scratch.current().tile(0);
    nest.forEachRun((at, n) -> {
      for (long done = 0; done < n; done += Scratch.TILE) {
        int count = (int) Math.min(Scratch.TILE, n - done);
        places.write(tile, at[0] + done * nest.step(0), nest.step(0), at[2] + done * nest.step(2), nest.step(2), count);
        meet.apply(tile, at[1] + done * nest.step(1), nest.step(1), count);
      }
    });
  }

  /// Core counts a rank-0 tensor as one of a single dimension here, as PyTorch does.
  private static long sizeAlong(Strided x, int dim) {
    return x.rank() == 0 ? 1 : x.size(dim);
  }

  /// The step along `dim`, which becomes 0 in the array: an index takes its place.
  private static long takeStep(long[] steps, int dim) {
    if (steps.length == 0) {
      return 0;
    }
    long step = steps[dim];
    steps[dim] = 0;
    return step;
  }

  // ---- one index for each row ----

  /// As [org.flambeau.spi.Kernels#indexSelect].
  static void indexSelect(Strided out, Strided x, int dim, Strided index) {
    Nest tail = x.rank() == 0 ? Nest.of(x.sizes(), new long[2], x.sizes(), x.sizes()) : tail(out, x, dim + 1, dim + 1);
    if (tail.numel() == 1) {
      pick(out, x, dim, index.address(), stepsAlong(index, out.rank(), dim));
      return;
    }
    int width = out.dtype().size();
    selectRows(out, x, dim, index, tail, true, (to, toStep, from, fromStep, n) -> Runs.move(width, to, toStep, from, fromStep, n));
  }

  /// As [org.flambeau.spi.Kernels#indexAdd].
  static void indexAdd(Strided out, int dim, Strided index, Strided source, double alpha) {
    int split = largestDimensionBut(source.sizes(), dim);
    if (split < 0) {
      indexAddPart(out, dim, index, source, alpha);
    } else {
      acrossDimension(source, split,
          (from, to) -> indexAddPart(part(out, split, from, to), dim, index, part(source, split, from, to), alpha));
    }
  }

  private static void indexAddPart(Strided out, int dim, Strided index, Strided source, double alpha) {
    Nest tail = source.rank() == 0 ? Nest.of(source.sizes(), new long[2], source.sizes(), source.sizes())
        : tail(source, out, dim + 1, dim + 1);
    if (tail.numel() == 1 && alpha == 1) {
      scatterPart(ScatterOp.ADD, out, dim, source.sizes(), index.address(), stepsAlong(index, source.rank(), dim), source);
      return;
    }
    Meetings.Rows add = Meetings.adding(out.dtype(), alpha);
    selectRows(source, out, dim, index, tail, false, (s, sourceStep, to, toStep, n) -> add.apply(to, toStep, s, sourceStep, n));
  }

  /// Calls `rows` with every run of `rows` of `dense` and its counterpart in the rows of `picked` that `index` names along `dim`.
  private static void selectRows(Strided dense, Strided picked, int dim, Strided index, Nest tail, boolean parallel, Meetings.Rows rows) {
    long size = sizeAlong(picked, dim);
    int rank = Math.min(dim + 1, dense.rank());
    long[] pickedSteps = Arrays.copyOf(Nest.stepsOf(picked), rank);
    long along = takeStep(pickedSteps, dim);
    Nest head = Nest.of(Arrays.copyOf(dense.sizes(), rank), new long[] {dense.address(), picked.address(), index.address()},
        Arrays.copyOf(Nest.stepsOf(dense), rank), pickedSteps, stepsAlong(index, rank, dim));
    long denseStep = head.step(0);
    long pickedStep = head.step(1);
    long whereStep = head.step(2);
    CpuPool.Body body = (begin, end) -> head.forEachRun(begin, end, (at, n) -> {
      for (long i = 0; i < n; i++) {
        long where = checked(ALL.get(LONG, at[2] + i * whereStep), dim, size);
        each(tail, at[0] + i * denseStep, at[1] + i * pickedStep + where * along, rows);
      }
    });
    if (parallel) {
      CpuPool.SHARED.parallelFor(0, head.numel(), Math.max(1, GRAIN / Math.max(1, tail.numel())), body);
    } else {
      body.run(0, head.numel());
    }
  }

  /// The steps of an index of rank 1 (or 0) that lies along `dim` and repeats in all other dimensions.
  private static long[] stepsAlong(Strided index, int rank, int dim) {
    long[] steps = new long[rank];
    if (rank > 0 && index.rank() > 0) {
      steps[dim] = index.stride(0) * Long.BYTES;
    }
    return steps;
  }

  /// The dimensions of `a` from `ofA` on with those of `b` from `ofB` on, addressed from 0.
  private static Nest tail(Strided a, Strided b, int ofA, int ofB) {
    long[] sizes = Arrays.copyOfRange(a.sizes(), ofA, a.rank());
    long[] stepsOfA = Arrays.copyOfRange(Nest.stepsOf(a), ofA, a.rank());
    long[] stepsOfB = Arrays.copyOfRange(Nest.stepsOf(b), ofB, b.rank());
    return Nest.inMemoryOrder(sizes, new long[2], stepsOfA, stepsOfB);
  }

  private static void each(Nest tail, long a, long b, Meetings.Rows rows) {
    if (tail.run() == tail.numel()) {
      rows.apply(a, tail.step(0), b, tail.step(1), tail.numel());
    } else {
      tail.forEachRun((at, n) -> rows.apply(a + at[0], tail.step(0), b + at[1], tail.step(1), n));
    }
  }

  // ---- several indices for each row ----

  /// As [org.flambeau.spi.Kernels#index].
  static void index(Strided out, Strided x, Strided[] indices) {
    int width = out.dtype().size();
    int rank = indices[0].rank();
    if (out.rank() == rank || areInnermost(rank, out)) {
      pickElements(out, x, indices);
      return;
    }
    pickRows(out, x, indices, true, (to, toStep, from, fromStep, n) -> Runs.move(width, to, toStep, from, fromStep, n));
  }

  /// Whether enough of the indices' dimensions, the first `rank`, lie inside of all others in `out`.
  private static boolean areInnermost(int rank, Strided out) {
    long span = 1;
    for (int d = 0; d < rank; d++) {
      span += (out.size(d) - 1) * out.stride(d);
    }
    boolean inside = span >= FEW && out.numel() > 0;
    for (int d = rank; d < out.rank(); d++) {
      inside &= out.size(d) == 1 || out.stride(d) >= span;
    }
    return inside;
  }

  /// Element by element: where indices leave nothing of a place but one, or where what they name lies side by side in `out`.
  private static void pickElements(Strided out, Strided x, Strided[] indices) {
    int width = out.dtype().size();
    int picks = indices.length;
    int rank = indices[0].rank();
    long[] bases = new long[2 + picks];
    long[][] steps = new long[2 + picks][];
    bases[0] = out.address();
    steps[0] = inside(Nest.stepsOf(out), rank);
    bases[1] = x.address();
    long[] stepsOfX = Nest.stepsOf(x);
    steps[1] = new long[out.rank()];
    System.arraycopy(stepsOfX, picks, steps[1], 0, stepsOfX.length - picks);
    Places[] places = new Places[picks];
    for (int k = 0; k < picks; k++) {
      bases[2 + k] = indices[k].address();
      steps[2 + k] = inside(Arrays.copyOf(Nest.stepsOf(indices[k]), out.rank()), rank);
      places[k] = new Places(k, x.size(k), stepsOfX[k], true);
    }
    Nest nest = Nest.of(inside(out.sizes(), rank), bases, steps);
    CpuPool.SHARED.parallelFor(0, nest.numel(), GRAIN, (begin, end) -> {
      long tile = Scratch.current().tile(0);
      nest.forEachRun(begin, end, (at, n) -> {
        for (long done = 0; done < n; done += Scratch.TILE) {
          int count = (int) Math.min(Scratch.TILE, n - done);
          for (int k = 0; k < picks; k++) {
            long step = nest.step(2 + k);
            long first = at[2 + k] + done * step;
            if (k == 0) {
              places[k].write(tile, at[1] + done * nest.step(1), nest.step(1), first, step, count);
            } else {
              places[k].advance(tile, first, step, count);
            }
          }
          Runs.collect(width, at[0] + done * nest.step(0), nest.step(0), tile, count);
        }
      });
    });
  }

  /// What is told of the indices' dimensions, the first `rank`, behind what is told of the others.
  private static long[] inside(long[] values, int rank) {
    long[] turned = new long[values.length];
    System.arraycopy(values, rank, turned, 0, values.length - rank);
    System.arraycopy(values, 0, turned, values.length - rank, rank);
    return turned;
  }

  /// The indices' common dimensions, in which `dense` comes last.
  private static Nest nestOf(Strided dense, Strided[] indices) {
    int picks = indices.length;
    long[] bases = new long[picks + 1];
    long[][] steps = new long[picks + 1][];
    bases[picks] = dense.address();
    steps[picks] = Arrays.copyOf(Nest.stepsOf(dense), indices[0].rank());
    for (int k = 0; k < picks; k++) {
      bases[k] = indices[k].address();
      steps[k] = Nest.stepsOf(indices[k]);
    }
    return Nest.of(indices[0].sizes(), bases, steps);
  }

  /// As [org.flambeau.spi.Kernels#indexPut].
  static void indexPut(Strided out, Strided[] indices, Strided values, boolean accumulate) {
    DType dtype = out.dtype();
    int width = dtype.size();
    Meetings.Rows put = accumulate ? Meetings.adding(dtype, 1)
        : (to, toStep, from, fromStep, n) -> Runs.move(width, to, toStep, from, fromStep, n);
    Meetings.Rows rows = (from, fromStep, to, toStep, n) -> put.apply(to, toStep, from, fromStep, n);
    int shift = indices.length - indices[0].rank();
    int split = values.rank() == indices[0].rank() ? -1 : largestDimension(values.sizes(), indices[0].rank(), -1);
    if (split < 0) {
      pickRows(values, out, indices, false, rows);
    } else {
      acrossDimension(values, split,
          (from, to) -> pickRows(part(values, split, from, to), part(out, split + shift, from, to), indices, false, rows));
    }
  }

  /// Calls `rows` with every run of `dense` behind the indices' dimensions and its counterpart in `picked`.
  private static void pickRows(Strided dense, Strided picked, Strided[] indices, boolean parallel, Meetings.Rows rows) {
    int picks = indices.length;
    int rank = indices[0].rank();
    Nest tail = tail(dense, picked, rank, picks);
    Nest head = nestOf(dense, indices);
    long[] along = Nest.stepsOf(picked);
    CpuPool.Body body = (begin, end) -> head.forEachRun(begin, end, (at, n) -> {
      for (long i = 0; i < n; i++) {
        long there = picked.address();
        for (int k = 0; k < picks; k++) {
          long size = picked.size(k);
          long where = ALL.get(LONG, at[k] + i * head.step(k));
          there += (where < 0 && where >= -size ? where + size : checked(where, k, size)) * along[k];
        }
        each(tail, at[picks] + i * head.step(picks), there, rows);
      }
    });
    if (parallel) {
      CpuPool.SHARED.parallelFor(0, head.numel(), Math.max(1, GRAIN / Math.max(1, tail.numel())), body);
    } else {
      body.run(0, head.numel());
    }
  }

  // ---- shared ----

  static long checked(long index, int dim, long size) {
    if (Long.compareUnsigned(index, size) >= 0) {
      throw new IndexOutOfBoundsException("index " + index + " is out of bounds for dimension " + dim + " with size " + size);
    }
    return index;
  }

  private static int largestDimensionBut(long[] sizes, int dim) {
    return largestDimension(sizes, 0, dim);
  }

  /// The largest dimension from `first` on that is not `but`, or −1 where no other has more than one element.
  private static int largestDimension(long[] sizes, int first, int but) {
    int largest = -1;
    for (int d = first; d < sizes.length; d++) {
      if (d != but && sizes[d] > (largest < 0 ? 1 : sizes[largest])) {
        largest = d;
      }
    }
    return largest;
  }

  /// Splits the work over all of `operand` along one dimension, in one part for each thread: runs stay long.
  private static void acrossDimension(Strided operand, int dim, CpuPool.Body body) {
    long size = operand.size(dim);
    long share = Math.ceilDiv(size, CpuPool.SHARED.threads());
    CpuPool.SHARED.parallelFor(0, size, Math.max(share, GRAIN * size / Math.max(1, operand.numel())), body);
  }

  private static Strided part(Strided operand, int dim, long from, long to) {
    long[] sizes = operand.sizes().clone();
    sizes[dim] = to - from;
    return operand.with(operand.offset() + from * operand.stride(dim), sizes, operand.strides());
  }
}
