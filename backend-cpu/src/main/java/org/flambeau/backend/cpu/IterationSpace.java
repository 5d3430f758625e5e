package org.flambeau.backend.cpu;

import java.util.Arrays;
import org.flambeau.spi.Strided;

/// The dimensions that the operands of a kernel share, brought into the order and number that are fastest to walk: those of
/// size 1 left out, the others sorted by the first operand's strides, innermost first, and merged where all operands allow it.
///
/// One object serves many kernels, one after the other. Strides are in bytes.
final class IterationSpace {
  private static final int MAX_RANK = 64;

  private final long[] sizes = new long[MAX_RANK];
  private final long[][] strides;
  private int operands;
  private int rank;

  IterationSpace(int mostOperands) {
    strides = new long[mostOperands][MAX_RANK];
  }

  /// Starts over with the dimensions of an operand that has the sizes of all.
  void begin(Strided first) {
    rank = 0;
    operands = 0;
    for (int d = first.rank() - 1; d >= 0; d--) {
      if (first.size(d) != 1) {
        sizes[rank++] = first.size(d);
      }
    }
    add(first, first);
  }

  /// Starts over with one dimension, along which the first operand steps by `stride`.
  void begin(long size, long stride) {
    rank = 1;
    sizes[0] = size;
    strides[0][0] = stride;
    operands = 1;
  }

  /// Starts over without dimensions, for [#append].
  void begin(int operandCount) {
    rank = 0;
    operands = operandCount;
  }

  /// Takes dimension `d` of `from`, which has at least as many operands, as the next outer one.
  void append(IterationSpace from, int d) {
    sizes[rank] = from.sizes[d];
    for (int k = 0; k < operands; k++) {
      strides[k][rank] = from.strides[k][d];
    }
    rank++;
  }

  /// The next operand, of the sizes of `first`; a dimension in which it alone has size 1 counts as broadcast.
  void add(Strided first, Strided operand) {
    long[] mine = strides[operands++];
    int r = 0;
    for (int d = first.rank() - 1; d >= 0; d--) {
      if (first.size(d) != 1) {
        mine[r++] = operand.size(d) == 1 ? 0 : operand.stride(d) * operand.dtype().size();
      }
    }
  }

  /// The next operand, which steps by `stride` in the only dimension, or by 0 in all.
  void add(long stride) {
    Arrays.fill(strides[operands++], 0, rank, stride);
  }

  /// Sorts and merges; leaves at least one dimension.
  void collapse() {
    for (int i = 1; i < rank; i++) {
      for (int j = i; j > 0 && strides[0][j - 1] > strides[0][j]; j--) {
        swap(j - 1, j);
      }
    }
    int last = 0;
    for (int d = 1; d < rank; d++) {
      if (mergeable(last, d)) {
        sizes[last] *= sizes[d];
      } else {
        move(d, ++last);
      }
    }
    if (rank == 0) {
      sizes[0] = 1;
      for (int k = 0; k < operands; k++) {
        strides[k][0] = 0;
      }
    }
    rank = last + 1;
  }

  private boolean mergeable(int inner, int outer) {
    for (int k = 0; k < operands; k++) {
      if (strides[k][outer] != strides[k][inner] * sizes[inner]) {
        return false;
      }
    }
    return true;
  }

  private void move(int from, int to) {
    sizes[to] = sizes[from];
    for (int k = 0; k < operands; k++) {
      strides[k][to] = strides[k][from];
    }
  }

  void swap(int i, int j) {
    long size = sizes[i];
    sizes[i] = sizes[j];
    sizes[j] = size;
    for (int k = 0; k < operands; k++) {
      long stride = strides[k][i];
      strides[k][i] = strides[k][j];
      strides[k][j] = stride;
    }
  }

  int rank() {
    return rank;
  }

  long size(int d) {
    return sizes[d];
  }

  long stride(int k, int d) {
    return strides[k][d];
  }

  long numel() {
    long numel = 1;
    for (int d = 0; d < rank; d++) {
      numel *= sizes[d];
    }
    return numel;
  }

  /// Whether operand `k`, of elements of `size` bytes, lies without gaps in the order of the dimensions.
  boolean isDense(int k, int size) {
    long step = size;
    for (int d = 0; d < rank; d++) {
      if (strides[k][d] != step) {
        return false;
      }
      step *= sizes[d];
    }
    return true;
  }

  /// Whether operand `k` is one value everywhere.
  boolean isConstant(int k) {
    for (int d = 0; d < rank; d++) {
      if (strides[k][d] != 0) {
        return false;
      }
    }
    return true;
  }

  /// How many bytes behind its first element operand `k` has its element number `at`, dimension `from` counting as innermost.
  long offset(int k, long at, int from) {
    long offset = 0;
    long rest = at;
    for (int d = from; d < rank - 1; d++) {
      long next = rest / sizes[d];
      offset += (rest - next * sizes[d]) * strides[k][d];
      rest = next;
    }
    return offset + (from < rank ? rest * strides[k][rank - 1] : 0);
  }
}
