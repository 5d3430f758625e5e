package org.flambeau.internal.ops;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.MemoryFormat;
import org.flambeau.spi.Storage;
import org.flambeau.spi.Strided;

/// The sizes and strides that a result is to have, over a storage of its own.
///
/// @param sizes shared: do not change
/// @param strides shared: do not change
public record Layout(long[] sizes, long[] strides, long numel) {
  /// Row-major.
  public static Layout contiguous(long... sizes) {
    return new Layout(sizes, Strided.contiguousStrides(sizes), Strided.numel(sizes));
  }

  /// Images (n, c, h, w) with their channels innermost.
  public static Layout channelsLast(long... sizes) {
    long c = Math.max(sizes[1], 1);
    long row = c * Math.max(sizes[3], 1);
    long image = row * Math.max(sizes[2], 1);
    return new Layout(sizes, new long[] {image, 1, row, c}, Strided.numel(sizes));
  }

  static Layout of(MemoryFormat format, long... sizes) {
    return format == MemoryFormat.CHANNELS_LAST ? channelsLast(sizes) : contiguous(sizes);
  }

  /// Whether `x` are images whose channels are innermost, by PyTorch's rule, which decides where sizes of 1 leave it open.
  public static boolean isChannelsLast(Strided x) {
    if (x.rank() != 4 || x.stride(1) == 0) {
      return false;
    }
    long least = 0;
    for (int d : new int[] {1, 3, 2, 0}) {
      if (x.size(d) == 0 || x.stride(d) < least || d == 0 && least == x.stride(1)) {
        return false;
      }
      least = x.stride(d) * Math.max(x.size(d), 1);
    }
    return true;
  }

  /// The layout of an operation on images: channels-last where `x` is.
  static Layout ofImages(Strided x, long... sizes) {
    return isChannelsLast(x) ? channelsLast(sizes) : contiguous(sizes);
  }

  /// The layout of an element-wise result: where the operand is dense its strides, else dense ones in the same order.
  public static Layout like(Strided x) {
    if (x.isContiguous()) {
      return new Layout(x.sizes(), x.strides(), x.numel());
    }
    return ordered(x.sizes(), x);
  }

  /// Whether the elements of `x` fill a stretch of memory without gaps, each in a place of its own.
  public static boolean isDense(Strided x) {
    return x.isContiguous() || ordered(x.sizes(), x).fits(x);
  }

  /// The elements of a dense `x` in the order in which they lie.
  static Strided asStretch(Strided x) {
    return x.with(x.offset(), new long[] {x.numel()}, new long[] {1});
  }

  /// The layout of the gradient of `x`: where x is dense its own, else row-major, whatever way the gradient came about.
  public static Layout ofGradient(Strided x) {
    return isDense(x) ? new Layout(x.sizes(), x.strides(), x.numel()) : contiguous(x.sizes());
  }

  /// Whether `x`, of these sizes, lies by these strides; those of dimensions of size 1 say nothing.
  public boolean fits(Strided x) {
    for (int d = 0; d < sizes.length; d++) {
      if (sizes[d] != 1 && strides[d] != x.stride(d)) {
        return false;
      }
    }
    return true;
  }

  /// The layout of an element-wise result of two operands, of the broadcast `sizes`: row-major unless both agree on
  /// another order of dimensions, as in PyTorch.
  public static Layout of(long[] sizes, Strided a, Strided b) {
    if (a.isContiguous() && a.sizes() == sizes) {
      if (b.isContiguous() || b.rank() == 0) {
        return new Layout(sizes, a.strides(), a.numel());
      }
    } else if (b.isContiguous() && b.sizes() == sizes && a.rank() == 0) {
      return new Layout(sizes, b.strides(), b.numel());
    }
    return ordered(sizes, a, b);
  }

  /// Dense strides over `sizes`, with the dimensions in the order of the operands' strides, where the first operand that
  /// tells two dimensions apart decides.
  static Layout ordered(long[] sizes, Strided... operands) {
    int rank = sizes.length;
    int[] order = new int[rank]; // from the fastest dimension to the slowest
    for (int i = 0; i < rank; i++) {
      order[i] = rank - 1 - i;
    }
    for (int i = 1; i < rank; i++) {
      int at = i;
      for (int before = i - 1; before >= 0; before--) {
        int comparison = compare(order[before], order[at], sizes, operands);
        if (comparison > 0) {
          int swap = order[before];
          order[before] = order[at];
          order[at] = swap;
          at = before;
        } else if (comparison < 0) {
          break;
        }
      }
    }
    long[] strides = new long[rank];
    long step = 1;
    for (int dim : order) {
      strides[dim] = step;
      step *= Math.max(sizes[dim], 1);
    }
    return new Layout(sizes, strides, Strided.numel(sizes));
  }

  /// Positive where dimension `d` must be slower than `e`, negative where faster, 0 where nothing tells.
  private static int compare(int d, int e, long[] sizes, Strided[] operands) {
    for (Strided operand : operands) {
      long first = stride(operand, d, sizes);
      long second = stride(operand, e, sizes);
      if (first == 0 || second == 0) {
        continue; // broadcast: says nothing
      }
      if (first != second) {
        return first > second ? 1 : -1;
      }
      if (sizes[d] > sizes[e]) {
        return 1;
      }
    }
    return 0;
  }

  private static long stride(Strided operand, int dim, long[] sizes) {
    int own = dim - (sizes.length - operand.rank());
    return own < 0 || operand.size(own) != sizes[dim] ? 0 : operand.stride(own);
  }

  /// This layout from the beginning of `storage`.
  Strided over(Storage storage, DType dtype) {
    return Strided.of(storage, dtype, 0, sizes, strides);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Layout that && Arrays.equals(sizes, that.sizes) && Arrays.equals(strides, that.strides);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(sizes) * 31 + Arrays.hashCode(strides);
  }

  @Override
  public String toString() {
    return "sizes " + Arrays.toString(sizes) + ", strides " + Arrays.toString(strides);
  }
}
