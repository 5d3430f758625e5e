package org.flambeau.backend.cuda;

import static org.flambeau.spi.NativeMemory.ALL;
import static org.flambeau.spi.NativeMemory.INT;
import static org.flambeau.spi.NativeMemory.LONG;

import java.util.Arrays;
import java.util.function.Predicate;
import org.flambeau.spi.Strided;

/// An index space that several strided operands share, as `space.cuh` has it on the device.
///
/// Dimensions of size 1 are dropped, the others ordered as the first operand lies in memory, and neighbours merged that all operands cross
/// in one stride. A kernel takes at most [#MAX_RANK] dimensions and [#MAX_PLACES] places; what is more, [#forEachPart] divides.
final class Space {
  /// As in space.cuh.
  static final int MAX_RANK = 8;
  static final long MAX_PLACES = Integer.MAX_VALUE;
  /// Bytes of the structures in space.cuh.
  private static final int DIVIDER = 12;
  static final int SPACE = 4 + MAX_RANK * DIVIDER;
  static final int STEPS = 8 * MAX_RANK;

  private final int rank;
  private final long[] sizes;
  /// Of each operand, in elements.
  private final long[][] steps;
  private final long numel;

  private Space(int rank, long[] sizes, long[][] steps, long numel) {
    this.rank = rank;
    this.sizes = sizes;
    this.steps = steps;
    this.numel = numel;
  }

  /// The space of operands that have the first one's sizes; host scalars lie nowhere.
  static Space of(Strided... operands) {
    long[] sizes = operands[0].sizes().clone();
    long[][] steps = new long[operands.length][];
    for (int k = 0; k < steps.length; k++) {
      steps[k] = operands[k].isHostScalar() ? new long[sizes.length] : operands[k].strides().clone();
    }
    return of(sizes, steps);
  }

  /// The space of those sizes, operands having those strides; the arrays are changed.
  static Space of(long[] sizes, long[]... steps) {
    sort(sizes, steps);
    return rowMajor(sizes, steps);
  }

  /// As [#of(long[], long[]...)], but the places keep their row-major order.
  static Space rowMajor(long[] sizes, long[]... steps) {
    long numel = 1;
    int rank = 0;
    for (int d = 0; d < sizes.length; d++) {
      numel *= sizes[d];
      if (sizes[d] == 1) {
        continue;
      }
      boolean merged = rank > 0;
      for (long[] step : steps) {
        merged &= merged && step[rank - 1] == step[d] * sizes[d];
      }
      int to = merged ? rank - 1 : rank++;
      sizes[to] = merged ? sizes[to] * sizes[d] : sizes[d];
      for (long[] step : steps) {
        step[to] = step[d];
      }
    }
    return new Space(rank, sizes, steps, numel);
  }

  /// The values of those dimensions for which `which` is as wanted.
  static long[] choose(long[] values, boolean[] which, boolean wanted) {
    long[] chosen = new long[values.length];
    int count = 0;
    for (int d = 0; d < values.length; d++) {
      if (which[d] == wanted) {
        chosen[count++] = values[d];
      }
    }
    return Arrays.copyOf(chosen, count);
  }

  /// Larger strides of the first operand outermost; a stable sort of few numbers.
  private static void sort(long[] sizes, long[][] steps) {
    for (int i = 1; i < sizes.length; i++) {
      for (int j = i; j > 0 && steps[0][j] > steps[0][j - 1]; j--) {
        swap(sizes, j);
        for (long[] step : steps) {
          swap(step, j);
        }
      }
    }
  }

  private static void swap(long[] values, int j) {
    long value = values[j];
    values[j] = values[j - 1];
    values[j - 1] = value;
  }

  long numel() {
    return numel;
  }

  /// What lies between two neighbours of operand k in the innermost dimension, in elements; as good as endless where there is one place.
  long innermostStep(int k) {
    return rank == 0 ? Long.MAX_VALUE : Math.abs(steps[k][rank - 1]);
  }

  /// Whether every step of operand k is a multiple of `count` elements.
  boolean stepsBy(int k, int count) {
    boolean multiples = true;
    for (int d = 0; d < rank; d++) {
      multiples &= steps[k][d] % count == 0;
    }
    return multiples;
  }

  /// Whether operand k's elements lie side by side in the innermost dimension, so many by so many, and every other step is a multiple of `count` elements.
  boolean innermostBy(int k, int count) {
    boolean by = rank > 0 && steps[k][rank - 1] == 1 && sizes[rank - 1] % count == 0;
    for (int d = 0; d < rank - 1; d++) {
      by &= steps[k][d] % count == 0;
    }
    return by;
  }

  /// Whether all operands but host scalars lie alike, one element after the other.
  boolean isDense(Strided... operands) {
    if (rank > 1) {
      return false;
    }
    for (int k = 0; k < steps.length; k++) {
      if (rank == 1 && steps[k][0] != 1 && !operands[k].isHostScalar()) {
        return false;
      }
    }
    return true;
  }

  boolean fitsOneLaunch() {
    return fits(MAX_PLACES);
  }

  private boolean fits(long most) {
    return rank <= MAX_RANK && numel <= most;
  }

  /// A part of a space: what begins at those offsets of the operands, in elements.
  interface Part {
    void run(Space space, long[] offsets);
  }

  /// Parts that each fit one launch, divided along the outermost dimension as long as they do not.
  void forEachPart(Part body) {
    forEachPart(MAX_PLACES, body);
  }

  /// [#forEachPart(Part)] of at most `most` places.
  void forEachPart(long most, Part body) {
    divide(most, new long[steps.length], body);
  }

  private void divide(long most, long[] offsets, Part body) {
    if (fits(most)) {
      body.run(this, offsets);
      return;
    }
    boolean drop = rank > MAX_RANK;
    long each = drop ? 1 : Math.max(1, sizes[0] / (numel / most + 1));
    for (long from = 0; from < sizes[0]; from += each) {
      long n = Math.min(each, sizes[0] - from);
      long[] at = offsets.clone();
      for (int k = 0; k < at.length; k++) {
        at[k] += from * steps[k][0];
      }
      slice(n).divide(most, at, body);
    }
  }

  /// Parts that each `fits`, halved along the outermost dimension as long as they do not.
  void forEachHalf(Predicate<Space> fits, Part body) {
    halve(new long[steps.length], fits, body);
  }

  private void halve(long[] offsets, Predicate<Space> fits, Part body) {
    if (fits.test(this)) {
      body.run(this, offsets);
      return;
    }
    long n = sizes[0] / 2;
    slice(n).halve(offsets, fits, body);
    long[] at = offsets.clone();
    for (int k = 0; k < at.length; k++) {
      at[k] += n * steps[k][0];
    }
    slice(sizes[0] - n).halve(at, fits, body);
  }

  /// How many elements lie from operand k's first to its last, both counted.
  long span(int k) {
    long span = 1;
    for (int d = 0; d < rank; d++) {
      span += (sizes[d] - 1) * steps[k][d];
    }
    return span;
  }

  /// The first n of the outermost dimension, which goes where n is 1.
  private Space slice(long n) {
    int dropped = n == 1 ? 1 : 0;
    long[] inner = Arrays.copyOfRange(sizes, dropped, rank);
    long[][] innerSteps = new long[steps.length][];
    for (int k = 0; k < steps.length; k++) {
      innerSteps[k] = Arrays.copyOfRange(steps[k], dropped, rank);
    }
    if (dropped == 0) {
      inner[0] = n;
    }
    return new Space(rank - dropped, inner, innerSteps, numel / sizes[0] * n);
  }

  /// Writes the structure `Space` as the launch's next parameter.
  Launch writeTo(Launch launch) {
    write(launch.structure(SPACE, 4));
    return launch;
  }

  /// Writes the structure `Space` to an address.
  void write(long at) {
    ALL.set(INT, at, rank);
    for (int d = 0; d < rank; d++) {
      writeDivider(at + 4 + (long) d * DIVIDER, sizes[d]);
    }
  }

  /// Writes the structure `Divider` to an address: x / divisor = (mulhi(x, magic) + x) >> shift for every x below 2³¹ (Granlund and Montgomery, "Division by Invariant Integers using
  /// Multiplication", 1994).
  static void writeDivider(long at, long size) {
    long divisor = Math.max(1, size); // nothing is located where there is nothing
    int shift = Long.SIZE - Long.numberOfLeadingZeros(divisor - 1);
    long magic = ((1L << 32) * ((1L << shift) - divisor)) / divisor + 1;
    ALL.set(INT, at, (int) divisor);
    ALL.set(INT, at + 4, (int) magic);
    ALL.set(INT, at + 8, shift);
  }

  /// Writes the structure `Steps` of operand k to an address.
  void writeSteps(int k, long at) {
    for (int d = 0; d < rank; d++) {
      ALL.set(LONG, at + 8L * d, steps[k][d]);
    }
  }
}
