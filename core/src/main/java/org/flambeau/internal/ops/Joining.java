package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.joint;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.jspecify.annotations.Nullable;

/// Several tensors as one.
public final class Joining {
  private record Pieces(int dim, long[] lengths) {}

  private record Rows(int dim, int count) {}

  private static final Op<Pieces> CAT = Op.of("cat", joint("CatBackward0", 0, (gs, s, parts) -> pieces(gs[0], parts, s::needs)));
  private static final Op<Rows> STACK = Op.of("stack", joint("StackBackward0", 0, (gs, s, rows) -> rows(gs[0], rows, s::needs)));

  private Joining() {}

  private interface Needs {
    boolean of(int i);
  }

  private static @Nullable Tensor[] pieces(@Nullable Tensor grad, Pieces parts, Needs needs) {
    @Nullable Tensor[] pieces = new Tensor[parts.lengths.length];
    long from = 0;
    for (int i = 0; i < pieces.length; i++) {
      if (grad != null && needs.of(i)) {
        pieces[i] = parts.lengths[i] < 0 ? null : grad.narrow(parts.dim, from, parts.lengths[i]);
      }
      from += Math.max(parts.lengths[i], 0);
    }
    return pieces;
  }

  private static @Nullable Tensor[] rows(@Nullable Tensor grad, Rows rows, Needs needs) {
    @Nullable Tensor[] gradients = new Tensor[rows.count];
    for (int i = 0; i < rows.count; i++) {
      gradients[i] = grad != null && needs.of(i) ? grad.select(rows.dim, i) : null;
    }
    return gradients;
  }

  /// The tensors one after the other along `dim`, channels-last where all are images that are so. A vector without elements is left out,
  /// whatever the others' rank.
  public static Tensor cat(int dim, Tensor... tensors) {
    if (tensors.length == 0) {
      throw new IllegalArgumentException("[cat] expected a non-empty list of Tensors");
    }
    Op.requireGiven("cat", tensors);
    AutocastPolicy policy = AutocastPolicy.of("cat", tensors[0]);
    if (policy != null) {
      return policy.run(c -> cat(dim, c), tensors);
    }
    return cat(dim, Arrays.stream(tensors).allMatch(tensor -> Layout.isChannelsLast(tensor.strided())), tensors);
  }

  private static Tensor cat(int dim, boolean channelsLast, Tensor... tensors) {
    Tensor model = null;
    for (int i = 0; i < tensors.length; i++) {
      Tensor tensor = tensors[i];
      if (tensor.dim() == 0) {
        throw new IllegalArgumentException("[cat] zero-dimensional tensor (at position " + i + ") cannot be concatenated");
      }
      model = model == null && !isSkipped(tensor) ? tensor : model;
    }
    model = model == null ? tensors[0] : model;
    int at = Shapes.dim("cat", dim, model.dim());
    Device device = Binary.device("cat", tensors);
    DType dtype = Promotion.of(tensors);
    long[] sizes = model.sizes();
    sizes[at] = 0;
    long[] lengths = new long[tensors.length];
    for (int i = 0; i < tensors.length; i++) {
      lengths[i] = isSkipped(tensors[i]) ? tensors[i].dim() == model.dim() && at == 0 ? 0 : -1 : checkedLength(model, tensors[i], at, i);
      sizes[at] += Math.max(lengths[i], 0);
    }
    Layout layout = channelsLast ? Layout.channelsLast(sizes) : Layout.contiguous(sizes);
    return CAT.run(new Pieces(at, lengths), dtype, layout, device, tensors, (k, out) -> Parts.run(k, out, at, part -> {
      long from = 0;
      for (int i = 0; i < tensors.length; i++) {
        if (lengths[i] > 0) {
          k.copy(part.of(new Parts.Part(at, from, from + lengths[i]).of(out)), part.of(tensors[i].strided()));
          from += lengths[i];
        }
      }
    }));
  }

  private static boolean isSkipped(Tensor tensor) {
    return tensor.dim() == 1 && tensor.numel() == 0;
  }

  private static long checkedLength(Tensor model, Tensor tensor, int at, int number) {
    if (tensor.dim() != model.dim()) {
      throw new IllegalArgumentException("[cat] Tensors must have same number of dimensions: got " + model.dim() + " and " + tensor.dim());
    }
    for (int d = 0; d < model.dim(); d++) {
      if (d != at && tensor.size(d) != model.size(d)) {
        throw new IllegalArgumentException(
            "[cat] Sizes of tensors must match except in dimension " + at + ". Expected size " + model.size(d)
                + " but got size " + tensor.size(d) + " for tensor number " + number + " in the list.");
      }
    }
    return tensor.size(at);
  }

  /// The tensors along a new dimension; of channels-last images, the channels stay innermost unless that dimension is the last.
  public static Tensor stack(int dim, Tensor... tensors) {
    if (tensors.length == 0) {
      throw new IllegalArgumentException("[stack] expected a non-empty list of Tensors");
    }
    Op.requireGiven("stack", tensors);
    AutocastPolicy policy = AutocastPolicy.of("stack", tensors[0]);
    if (policy != null) {
      return policy.run(c -> stack(dim, c), tensors);
    }
    int at = Shapes.dim("stack", dim, tensors[0].dim() + 1);
    for (int i = 1; i < tensors.length; i++) {
      if (!Arrays.equals(tensors[i].strided().sizes(), tensors[0].strided().sizes())) {
        throw new IllegalArgumentException("[stack] stack expects each tensor to be equal size, but got " + Shapes.show(tensors[0].sizes())
            + " at entry 0 and " + Shapes.show(tensors[i].sizes()) + " at entry " + i);
      }
    }
    return Op.scoped("stack", () -> STACK.compose(new Rows(at, tensors.length), tensors, () -> {
      if (at < tensors[0].dim()) {
        return cat(at, tensors).unflatten(at, tensors.length, tensors[0].size(at));
      }
      Tensor[] columns = new Tensor[tensors.length];
      Arrays.setAll(columns, i -> tensors[i].unsqueeze(at));
      return cat(at, false, columns);
    }));
  }
}
