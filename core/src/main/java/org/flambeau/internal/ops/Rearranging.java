package org.flambeau.internal.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.Strided;

/// Orders and repetitions of elements that are made of views and copies.
public final class Rearranging {
  private record Turn(long shift, int dim) {}

  private static final Op<Turn> ROLL = Op.of("roll",
      Derivative.of("RollBackward0", Derivative.term((g, _, turn) -> roll(g, -turn.shift, turn.dim))));

  /// Its attributes are how often each dimension is repeated, and its size, in turn.
  private static final Op<long[]> REPEAT = Op.of("repeat", Derivative.of("RepeatBackward0", Derivative.term(
      (g, s, pairs) -> g.reshape(pairs).sum(IntStream.range(0, pairs.length / 2).map(d -> 2 * d).toArray(), false).reshape(s.sizes(0)))));
  private static final Op<int[]> FLIP = Op.of("flip", Derivative.of("FlipBackward0", Derivative.term((g, _, dims) -> flip(g, dims))));

  private static final Op<Integer> PIXEL_SHUFFLE = Op.of("pixel_shuffle", Derivative.of("PixelShuffleBackward0", Derivative.term(
      (g, s, factor) -> pixelUnshuffle(g, s.sizes(0), factor))));

  private Rearranging() {}

  /// Channels laid out as pixels: each of (…, c·factor², h, w) gives factor² of (…, c, h·factor, w·factor).
  public static Tensor pixelShuffle(Tensor x, int factor) {
    if (x.dim() < 3 || factor < 1 || x.size(-3) % ((long) factor * factor) != 0) {
      throw new IllegalArgumentException(
          "[pixel_shuffle] expected at least 3 dimensions and a number of channels divisible by the square of "
              + "the positive upscale_factor (" + factor + "), got sizes " + Arrays.toString(x.sizes()));
    }
    int first = x.dim() - 3;
    int[] order = IntStream.range(0, x.dim() + 2).toArray();
    System.arraycopy(new int[] {first, first + 3, first + 1, first + 4, first + 2}, 0, order, first, 5);
    long[] sizes = x.sizes();
    sizes[first] /= (long) factor * factor;
    sizes[first + 1] *= factor;
    sizes[first + 2] *= factor;
    return PIXEL_SHUFFLE.compose(factor, new Tensor[] {x}, () -> {
      Tensor parts = x.unflatten(first, sizes[first], factor, factor);
      return Layout.isChannelsLast(x.strided())
          ? parts.permute(0, 4, 2, 5, 3, 1).reshape(sizes[0], sizes[2], sizes[3], sizes[1]).permute(0, 3, 1, 2)
          : parts.permute(order).reshape(sizes);
    });
  }

  /// The reverse of [#pixelShuffle], into `sizes`.
  private static Tensor pixelUnshuffle(Tensor g, long[] sizes, int factor) {
    int first = sizes.length - 3;
    int[] order = IntStream.range(0, sizes.length + 2).toArray();
    System.arraycopy(new int[] {first, first + 2, first + 4, first + 1, first + 3}, 0, order, first, 5);
    return g.unflatten(first + 2, sizes[first + 2], factor).unflatten(first + 1, sizes[first + 1], factor).permute(order).reshape(sizes);
  }

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
    if (indices.length > x.dim()) {
      throw new IndexOutOfBoundsException("[get] too many indices: got " + indices.length + " for a tensor of " + x.dim() + " dimensions");
    }
    return Op.scoped("get", () -> {
      Tensor part = x;
      for (long index : indices) {
        part = part.select(0, index);
      }
      return part;
    });
  }

  public static Tensor flip(Tensor x, int... dims) {
    int[] counted = dims.length == 0 ? new int[0] : Shapes.dims("flip", dims, x.dim());
    Strided in = x.strided();
    return FLIP.run(counted, x.dtype(), Layout.like(in), x, (k, out) -> k.flip(out, in, counted));
  }

  public static Tensor roll(Tensor x, long shift, int dim) {
    int at = Shapes.dim("roll", dim, x.dim());
    long size = x.size(at);
    if (size == 0) {
      return x.clone();
    }
    long start = Math.floorMod(-shift, size);
    return ROLL.compose(new Turn(shift, at), new Tensor[] {x},
        () -> Joining.cat(at, x.narrow(at, start, size - start), x.narrow(at, 0, start)));
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
    return REPEAT.compose(expanded, new Tensor[] {x}, () -> x.reshape(single).expand(expanded).reshape(result));
  }

  public static Tensor repeatInterleave(Tensor x, long repeats, int dim) {
    int at = Shapes.dim("repeat_interleave", dim, x.dim());
    if (repeats < 0) {
      throw new IllegalArgumentException("[repeat_interleave] repeats must be non-negative, got " + repeats);
    }
    Tensor whole = x.dim() == 0 ? x.reshape(1) : x;
    Tensor column = whole.unsqueeze(at + 1);
    long[] expanded = column.sizes();
    expanded[at + 1] = repeats;
    return Copies.rowMajor(column.expand(expanded)).flatten(at, at + 1);
  }

  public static List<Tensor> broadcastTensors(Tensor... tensors) {
    Op.requireGiven("broadcast_tensors", tensors);
    long[] sizes = {};
    for (Tensor tensor : tensors) {
      sizes = Shapes.broadcast("broadcast_tensors", sizes, tensor.strided().sizes());
    }
    List<Tensor> expanded = new ArrayList<>();
    for (Tensor tensor : tensors) {
      expanded.add(Arrays.equals(tensor.strided().sizes(), sizes) ? tensor : tensor.expand(sizes));
    }
    return expanded;
  }

  public static List<Tensor> meshgrid(List<Tensor> vectors, String indexing) {
    boolean swap = indexing.equals("xy") && vectors.size() > 1;
    if (!indexing.equals("xy") && !indexing.equals("ij")) {
      throw new IllegalArgumentException("[meshgrid] indexing must be one of \"xy\" or \"ij\", but received: " + indexing);
    }
    Device _ = Binary.device("meshgrid", vectors.toArray(Tensor[]::new));
    long[] sizes = new long[vectors.size()];
    for (int i = 0; i < sizes.length; i++) {
      Tensor vector = vectors.get(i);
      if (vector.dim() > 1) {
        throw new IllegalArgumentException(
            "[meshgrid] Expected 0D or 1D tensor in the tensor list but got: " + Shapes.show(vector.sizes()));
      }
      if (vector.dtype() != vectors.getFirst().dtype()) {
        throw new IllegalArgumentException(
            "[meshgrid] expects all tensors to have the same dtype, got " + vectors.getFirst().dtype().label()
                + " and " + vector.dtype().label());
      }
      sizes[swap && i < 2 ? 1 - i : i] = vector.numel();
    }
    List<Tensor> grids = new ArrayList<>();
    for (int i = 0; i < sizes.length; i++) {
      long[] own = new long[sizes.length];
      Arrays.fill(own, 1);
      own[swap && i < 2 ? 1 - i : i] = vectors.get(i).numel();
      grids.add(vectors.get(i).reshape(own).expand(sizes));
    }
    return grids;
  }
}
