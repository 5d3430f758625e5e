package org.flambeau.internal.ops;

import org.flambeau.Tensor;

/// Orders and repetitions of elements that are made of views and copies.
public final class Rearranging {
  private Rearranging() {}

  public static Tensor movedim(Tensor x, int source, int destination) {
    int from = Shapes.dim("movedim", source, x.dim());
    int to = Shapes.dim("movedim", destination, x.dim());
    int[] order = new int[x.dim()];
    for (int d = 0, next = 0; d < order.length; d++) {
      next += next == from ? 1 : 0;
      order[d] = d == to ? from : next++;
    }
    return x.permute(order);
  }

  public static Tensor get(Tensor x, long... indices) {
    Tensor part = x;
    for (long index : indices) {
      part = part.select(0, index);
    }
    return part;
  }

  public static Tensor flip(Tensor x, int... dims) {
    int[] counted = dims.length == 0 ? new int[0] : Shapes.dims("flip", dims, x.dim());
    Tensor flipped = x;
    for (int dim : counted) {
      long size = x.size(dim);
      flipped = flipped.indexSelect(dim, Tensor.arange(size).rsub(size - 1).to(x.device()));
    }
    return flipped == x ? x.clone() : flipped;
  }

  public static Tensor roll(Tensor x, long shift, int dim) {
    int at = Shapes.dim("roll", dim, x.dim());
    long size = x.size(at);
    if (size == 0) {
      return x.clone();
    }
    long start = Math.floorMod(-shift, size);
    return Joining.cat(at, x.narrow(at, start, size - start), x.narrow(at, 0, start));
  }

  public static Tensor repeat(Tensor x, long... repeats) {
    if (repeats.length < x.dim()) {
      throw new IllegalArgumentException(
          "[repeat] Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor: got "
              + Shapes.show(repeats) + " for sizes " + Shapes.show(x.sizes()));
    }
    for (long times : repeats) {
      if (times < 0) {
        throw new IllegalArgumentException("[repeat] Trying to create tensor with negative dimension: repeats " + Shapes.show(repeats));
      }
    }
    int lead = repeats.length - x.dim();
    long[] single = new long[2 * repeats.length];
    long[] expanded = new long[2 * repeats.length];
    long[] result = new long[repeats.length];
    for (int d = 0; d < repeats.length; d++) {
      long size = d < lead ? 1 : x.size(d - lead);
      single[2 * d] = 1;
      single[2 * d + 1] = size;
      expanded[2 * d] = repeats[d];
      expanded[2 * d + 1] = size;
      result[d] = repeats[d] * size;
    }
    return copied(x, x.reshape(single).expand(expanded).reshape(result));
  }

  public static Tensor repeatInterleave(Tensor x, long repeats, int dim) {
    int at = Shapes.dim("repeatInterleave", dim, x.dim());
    if (repeats < 0) {
      throw new IllegalArgumentException("[repeatInterleave] repeats must be non-negative, got " + repeats);
    }
    Tensor whole = x.dim() == 0 ? x.reshape(1) : x;
    Tensor column = whole.unsqueeze(at + 1);
    long[] expanded = column.sizes();
    expanded[at + 1] = repeats;
    return copied(x, column.expand(expanded).flatten(at, at + 1));
  }

  /// `result` with memory of its own.
  private static Tensor copied(Tensor x, Tensor result) {
    return result.strided().storage() == x.strided().storage() ? result.clone() : result;
  }
}
