package org.flambeau.internal.ops;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.flambeau.spi.Strided;

/// Checks and arithmetic of sizes and dimensions.
public final class Shapes {
  private Shapes() {}

  /// `(2, 3)`, `(4,)` or `()`, as messages show sizes.
  public static String show(long... sizes) {
    return Arrays.stream(sizes).mapToObj(Long::toString).collect(Collectors.joining(", ", "(", sizes.length == 1 ? ",)" : ")"));
  }

  /// How many elements there are.
  public static long numel(long... sizes) {
    return Strided.numel(sizes);
  }

  /// `dim` counted from the front; a tensor of rank 0 has the dimensions 0 and -1, as in PyTorch.
  public static int dim(String op, int dim, int rank) {
    int least = Math.max(rank, 1);
    if (dim < -least || dim >= least) {
      throw new IndexOutOfBoundsException("[" + op + "] Dimension out of range (expected to be in range of [" + -least + ", " + (least - 1)
          + "], but got " + dim + ")");
    }
    return dim < 0 ? dim + least : dim;
  }

  /// All of `dims` counted from the front, each once; none stands for all.
  public static int[] dims(String op, int[] dims, int rank) {
    if (dims.length == 0) {
      int[] all = new int[rank];
      Arrays.setAll(all, i -> i);
      return all;
    }
    int[] counted = new int[dims.length];
    long seen = 0;
    for (int i = 0; i < dims.length; i++) {
      counted[i] = dim(op, dims[i], rank);
      if ((seen >> counted[i] & 1) != 0) {
        throw new IllegalArgumentException("[" + op + "] dim " + counted[i] + " appears multiple times in the list of dims");
      }
      seen |= 1L << counted[i];
    }
    return rank == 0 ? new int[0] : counted;
  }

  /// The sizes to which both broadcast.
  public static long[] broadcast(String op, long[] a, long[] b) {
    if (a == b || b.length == 0 || Arrays.equals(a, b)) {
      return a;
    }
    if (a.length == 0) {
      return b;
    }
    int rank = Math.max(a.length, b.length);
    long[] sizes = new long[rank];
    for (int i = 1; i <= rank; i++) {
      long first = i <= a.length ? a[a.length - i] : 1;
      long second = i <= b.length ? b[b.length - i] : 1;
      if (first != second && first != 1 && second != 1) {
        throw new IllegalArgumentException("[" + op + "] The size of tensor a (" + first + ") must match the size of tensor b (" + second
            + ") at non-singleton dimension " + (rank - i) + ": sizes " + show(a) + " and " + show(b) + " do not broadcast");
      }
      sizes[rank - i] = first == 1 ? second : first;
    }
    return Arrays.equals(sizes, a) ? a : Arrays.equals(sizes, b) ? b : sizes;
  }

  /// `x` with `sizes`, to which it broadcasts: stride 0 where it repeats.
  public static Strided expand(Strided x, long[] sizes) {
    if (x.sizes() == sizes || Arrays.equals(x.sizes(), sizes)) {
      return x;
    }
    long[] strides = new long[sizes.length];
    int lead = sizes.length - x.rank();
    for (int d = 0; d < x.rank(); d++) {
      strides[lead + d] = x.size(d) == 1 && sizes[lead + d] != 1 ? 0 : x.stride(d);
    }
    return x.with(x.offset(), sizes, strides);
  }

  /// `x` with its dimensions in another order.
  static Strided permute(Strided x, int... order) {
    long[] sizes = new long[order.length];
    long[] strides = new long[order.length];
    for (int d = 0; d < order.length; d++) {
      sizes[d] = x.size(order[d]);
      strides[d] = x.stride(order[d]);
    }
    return x.with(x.offset(), sizes, strides);
  }

  /// The order of `rank` dimensions in which `first` come first, and the others follow as they were.
  static int[] front(int rank, int... first) {
    int[] order = Arrays.copyOf(first, rank);
    int at = first.length;
    for (int d = 0; d < rank; d++) {
      int dim = d;
      if (Arrays.stream(first).noneMatch(f -> f == dim)) {
        order[at++] = d;
      }
    }
    return order;
  }

  /// `x` with a dimension at least: a scalar as a vector of one element, as in PyTorch's operations along a dimension.
  static Strided atLeastVector(Strided x) {
    return x.rank() > 0 ? x : x.with(x.offset(), new long[] {1}, new long[] {1});
  }

  /// `sizes` with another size at `dim`; those of a scalar stay as they are.
  static long[] resized(long[] sizes, int dim, long size) {
    if (sizes.length == 0) {
      return sizes;
    }
    long[] changed = sizes.clone();
    changed[dim] = size;
    return changed;
  }
}
