package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.term;

import java.util.Arrays;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.RecordedNode;
import org.flambeau.spi.Strided;

/// The view that stands for any other: the same memory by given sizes, strides and offset.
public final class AsStrided {
  private record Placement(long[] baseSizes, long[] baseStrides, long[] sizes, long[] strides, long offset) {}

  private static final Derivative<Placement> DERIVATIVE = Derivative.of("AsStridedBackward0", term((g, _, a) -> gradient(g, a)));
  private static final Op<Placement> VIEW = Op.of("as_strided", DERIVATIVE);

  private AsStrided() {}

  /// The same memory by sizes, strides and an offset from where the storage begins.
  public static Tensor of(Tensor x, long[] sizes, long[] strides, long offset) {
    Strided in = x.strided();
    if (sizes.length != strides.length) {
      throw new IllegalArgumentException(
          "[as_strided] mismatch in length of strides and shape: sizes " + Shapes.show(sizes) + " and strides "
              + Shapes.show(strides));
    }
    if (Arrays.stream(strides).anyMatch(stride -> stride < 0)) {
      throw new IllegalArgumentException(
          "[as_strided] Negative strides are not supported at the moment, got strides: " + Arrays.toString(strides));
    }
    long end = reach(sizes, strides, offset);
    if (offset < 0 || end > in.storage().bytes() / in.dtype().size()) {
      throw new IllegalArgumentException(
          "[as_strided] sizes " + Shapes.show(sizes) + ", strides " + Shapes.show(strides) + ", storage offset "
              + offset + ", and itemsize " + in.dtype().size() + " requiring a storage of " + end
              + " elements are out of bounds for storage of size " + in.storage().bytes());
    }
    return VIEW.view(new Placement(in.sizes(), in.strides(), sizes, strides, offset - in.offset()), x,
        in.with(offset, sizes, strides));
  }

  /// Records that `view` is a view of `base`, whatever the mode: its history after the base has changed.
  public static void record(Tensor base, Tensor view) {
    Strided in = base.strided();
    Strided out = view.strided();
    RecordedNode.record(DERIVATIVE, new Placement(in.sizes(), in.strides(), out.sizes(), out.strides(), out.offset() - in.offset()),
        new Tensor[] {base}, view);
  }

  /// By way of the memory that both tensors lie in: what several elements of a view show is summed; what several elements of the base share is
  /// given to each in equal parts.
  private static Tensor gradient(Tensor grad, Placement place) {
    long low = Math.min(0, place.offset);
    long span = Math.max(reach(place.baseSizes, place.baseStrides, 0), reach(place.sizes, place.strides, place.offset)) - low;
    Tensor memory = Tensor.zeros(grad.device(), grad.dtype(), span);
    if (overlaps(place.sizes, place.strides)) {
      Tensor positions = Creation.positions(grad.device(), span).asStrided(place.sizes, place.strides, place.offset - low);
      memory = memory.indexAdd(0, positions.reshape(-1), grad.reshape(-1));
    } else {
      memory.asStrided(place.sizes, place.strides, place.offset - low).copy_(grad);
    }
    if (overlaps(place.baseSizes, place.baseStrides)) {
      Tensor positions = Creation.positions(grad.device(), span).asStrided(place.baseSizes, place.baseStrides, -low);
      Tensor sharers = Tensor.zeros(grad.device(), grad.dtype(), span)
          .indexAdd(0, positions.reshape(-1), Tensor.ones(grad.device(), grad.dtype(), positions.numel()));
      memory = memory.div(sharers.clamp(1, Double.POSITIVE_INFINITY));
    }
    return memory.asStrided(place.baseSizes, place.baseStrides, -low);
  }

  private static long reach(long[] sizes, long[] strides, long offset) {
    return Strided.numel(sizes) == 0 ? offset : Strided.end(offset, sizes, strides);
  }

  /// Whether two indices may fall on one place: strides, in order, do not each reach beyond the dimensions before.
  public static boolean overlaps(long[] sizes, long[] strides) {
    Integer[] order = new Integer[sizes.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Long.compare(strides[a], strides[b]));
    long covered = 0;
    for (int d : order) {
      if (sizes[d] > 1) {
        if (strides[d] <= covered) {
          return true;
        }
        covered += (sizes[d] - 1) * strides[d];
      }
    }
    return false;
  }
}
