package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.spi.Strided;

/// A nest of loops over one index space that several strided operands share.
///
/// Dimensions of size 1 are dropped and neighbours that all operands cross in one stride are merged, so that the
/// innermost loop, a *run*, is as long as the layouts allow. Positions are numbered row-major. Steps are in bytes.
final class Nest {
  /// One run: n positions, the k-th operand's first element at `at[k]`, the next ones [Nest#step(int)] bytes apart each.
  interface Run {
    void run(long[] at, long n);
  }

  private final long[] bases;
  private final long[] sizes;
  private final long[][] steps;
  private final int rank;
  private final long numel;

  /// `steps[k]` are operand k's; the arrays are kept and changed.
  private Nest(long[] sizes, long[] bases, long[][] steps) {
    this.bases = bases;
    this.sizes = sizes;
    this.steps = steps;
    long count = 1;
    int last = -1;
    for (int d = 0; d < sizes.length; d++) {
      count *= sizes[d];
      if (sizes[d] == 1) {
        continue;
      }
      if (last >= 0 && mergeable(last, d)) {
        sizes[last] *= sizes[d];
      } else {
        last++;
        sizes[last] = sizes[d];
      }
      for (long[] step : steps) {
        step[last] = step[d];
      }
    }
    this.rank = last + 1;
    this.numel = count;
  }

  private boolean mergeable(int outer, int inner) {
    for (long[] step : steps) {
      if (step[outer] != step[inner] * sizes[inner]) {
        return false;
      }
    }
    return true;
  }

  /// Over `sizes`, operands beginning at `bases` with `steps` for each of them.
  static Nest of(long[] sizes, long[] bases, long[]... steps) {
    return new Nest(sizes.clone(), bases.clone(), Arrays.stream(steps).map(long[]::clone).toArray(long[][]::new));
  }

  /// Over the sizes of the first operand, which are those of all.
  static Nest of(Strided... operands) {
    return of(operands[0].sizes(), addresses(operands), stepsOf(operands));
  }

  /// As [#of(Strided...)], but in the order in which the first operand lies in memory, its largest strides outermost:
  /// the order in which PyTorch visits a tensor where nothing else asks for another.
  static Nest inMemoryOrder(Strided... operands) {
    return inMemoryOrder(operands[0].sizes(), addresses(operands), stepsOf(operands));
  }

  /// As [#inMemoryOrder(Strided...)], over `sizes`, with operands that begin at `bases`.
  static Nest inMemoryOrder(long[] sizes, long[] bases, long[]... steps) {
    long[] ownSizes = sizes.clone();
    long[][] own = Arrays.stream(steps).map(long[]::clone).toArray(long[][]::new);
    for (int i = 1; i < ownSizes.length; i++) {
      for (int j = i; j > 0 && ownSizes[j] != 1 && outranks(ownSizes, own[0], j); j--) {
        swap(ownSizes, j);
        for (long[] step : own) {
          swap(step, j);
        }
      }
    }
    return new Nest(ownSizes, bases.clone(), own);
  }

  /// Whether dimension j belongs outside of its left neighbour.
  private static boolean outranks(long[] sizes, long[] step, int j) {
    return sizes[j - 1] == 1 || step[j] > step[j - 1];
  }

  private static void swap(long[] values, int j) {
    long value = values[j];
    values[j] = values[j - 1];
    values[j - 1] = value;
  }

  private static long[] addresses(Strided[] operands) {
    return Arrays.stream(operands).mapToLong(Strided::address).toArray();
  }

  private static long[][] stepsOf(Strided[] operands) {
    return Arrays.stream(operands).map(Nest::stepsOf).toArray(long[][]::new);
  }

  /// An operand's strides in bytes, in a new array.
  static long[] stepsOf(Strided operand) {
    long[] steps = operand.strides().clone();
    for (int d = 0; d < steps.length; d++) {
      steps[d] *= operand.dtype().size();
    }
    return steps;
  }

  long numel() {
    return numel;
  }

  /// Positions in a whole run.
  long run() {
    return rank == 0 ? 1 : sizes[rank - 1];
  }

  /// What lies between two neighbours of a run in operand k.
  long step(int k) {
    return rank == 0 ? 0 : steps[k][rank - 1];
  }

  void forEachRun(Run body) {
    forEachRun(0, numel, body);
  }

  /// The runs, or parts of runs, that cover the positions from `from` to before `to`. The array of addresses is reused.
  void forEachRun(long from, long to, Run body) {
    if (from >= to) {
      return;
    }
    long[] at = bases.clone();
    if (rank == 0) {
      body.run(at, 1);
      return;
    }
    long[] index = new long[rank];
    long rest = from;
    for (int d = rank - 1; d >= 0; d--) {
      index[d] = rest % sizes[d];
      rest /= sizes[d];
      advance(at, d, index[d]);
    }
    int inner = rank - 1;
    long position = from;
    while (true) {
      long n = Math.min(sizes[inner] - index[inner], to - position);
      body.run(at, n);
      position += n;
      if (position == to) {
        return;
      }
      advance(at, inner, -index[inner]);
      index[inner] = 0;
      int d = inner;
      do {
        d--;
        index[d]++;
        advance(at, d, 1);
        if (index[d] < sizes[d]) {
          break;
        }
        advance(at, d, -sizes[d]);
        index[d] = 0;
      } while (true);
    }
  }

  private void advance(long[] at, int d, long by) {
    for (int k = 0; k < at.length; k++) {
      at[k] += by * steps[k][d];
    }
  }
}
