package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.internal.memory.HostAccess;
import org.flambeau.spi.Strided;

/// Elements picked and placed by truth values, and the positions of those that are not zero.
public final class Masking {
  private static final Op<Unit> MASKED_FILL = Op.of("masked_fill", Derivative.of("MaskedFillBackward0", kept()));
  private static final Op<Unit> MASKED_FILL_TENSOR = Op.of("masked_fill.tensor", Derivative.of("MaskedFillBackward1",
      kept(), term((_, _, _) -> null), term(saves(1), (g, s, _) -> g.maskedFill(s.input(1).logicalNot(), 0).sum())));
  private static final Op<long[]> MASKED_SELECT = Op.of("masked_select", Derivative.of("MaskedSelectBackward0",
      fixing(saves(0), term(saves(1), (g, s, sizes) -> Tensor.zeros(g.device(), g.dtype(), sizes).maskedScatter(s.input(1), g)))));
  private static final Op<long[]> INDEX_MASK = Op.of("index.mask", Derivative.of("IndexBackward0",
      term(saves(1), (g, s, sizes) -> Tensor.zeros(g.device(), g.dtype(), sizes).maskedScatter(s.input(1), g))));
  private static final Op<Unit> MASKED_SCATTER = Op.of("masked_scatter", Derivative.of("MaskedScatterBackward0",
      kept(), term((_, _, _) -> null), term(saves(1), (g, s, _) -> scatterBack(g, s.input(1), s.sizes(2)))));
  private static final Op<Unit> NONZERO = Op.notDifferentiable("nonzero");

  private Masking() {}

  private static Term<Unit> kept() {
    return term(saves(1), (g, s, _) -> g.maskedFill(s.input(1), 0));
  }

  private static void requireBool(String op, Tensor mask) {
    if (Op.given(op, "mask", mask).dtype() != DType.BOOL) {
      throw new IllegalArgumentException("[" + op + "] only supports boolean masks, but got mask with dtype " + mask.dtype().label());
    }
  }

  /// `x` with a number where `mask`, broadcast with it, is true.
  public static Tensor maskedFill(Tensor x, Tensor mask, double value, boolean inPlace) {
    Promotion.checkHolds("masked_fill", x.dtype(), value);
    return fill(MASKED_FILL, x, mask, Creation.hostScalar(value), inPlace, x, mask);
  }

  /// With a value of rank 0.
  public static Tensor maskedFill(Tensor x, Tensor mask, Tensor value, boolean inPlace) {
    if (Op.given("masked_fill", "value", value).dim() != 0) {
      throw new IllegalArgumentException("[masked_fill] only supports a 0-dimensional value tensor, but got tensor with " + value.dim()
          + " dimension(s).");
    }
    Tensor apart = inPlace ? Copies.separate(x, value) : value;
    Tensor filling = apart.strided().isHostScalar() ? apart : apart.to(x.device()).to(x.dtype());
    return fill(MASKED_FILL_TENSOR, x, mask, filling.strided(), inPlace, x, mask, filling);
  }

  private static Tensor fill(Op<Unit> op, Tensor x, Tensor mask, Strided value, boolean inPlace, Tensor... operands) {
    requireBool(op.title(), mask);
    Binary.device(op.title(), x, mask);
    Strided in = x.strided();
    long[] sizes = Shapes.broadcast(op.title(), in.sizes(), mask.strided().sizes());
    Strided when = Shapes.expand(mask.strided(), sizes);
    Strided filling = value.isHostScalar() ? value : Shapes.expand(value, sizes);
    if (inPlace) {
      if (!Arrays.equals(sizes, in.sizes())) {
        throw new IllegalArgumentException("[" + op.title() + "_] output with shape " + Shapes.show(in.sizes())
            + " doesn't match the broadcast shape " + Shapes.show(sizes));
      }
      return op.runInPlace(UNIT, x, operands, (k, out) -> k.where(out, Copies.unaliased(x, when), filling, out));
    }
    Strided whole = Shapes.expand(in, sizes);
    return op.run(UNIT, x.dtype(), Layout.contiguous(sizes), x.device(), operands, (k, out) -> k.where(out, when, filling, whole));
  }

  /// The elements of `x` where `mask` is true, both broadcast, in row-major order.
  public static Tensor maskedSelect(Tensor x, Tensor mask) {
    if (Op.given("masked_select", "mask", mask).dtype() != DType.BOOL) {
      throw new IllegalArgumentException("[masked_select] expected BoolTensor for mask, got " + mask.dtype().label());
    }
    long[] sizes = Shapes.broadcast("masked_select", x.strided().sizes(), mask.strided().sizes());
    Strided in = Shapes.expand(x.strided(), sizes);
    Strided when = Shapes.expand(mask.strided(), sizes);
    long count = count(mask, sizes);
    return MASKED_SELECT.run(sizes, x.dtype(), Layout.contiguous(count), Binary.device("masked_select", x, mask), x, mask,
        (k, out) -> k.maskedSelect(out, in, when));
  }

  /// The elements of `x` where `mask`, of the same sizes, is true: as if indexed by the positions of all of these.
  static Tensor index(Tensor x, Tensor mask) {
    Strided in = x.strided();
    Strided when = mask.strided();
    return INDEX_MASK.run(in.sizes(), x.dtype(), Layout.contiguous(HostAccess.countNonzero(mask)), x.device(), x, mask,
        (k, out) -> k.maskedSelect(out, in, when));
  }

  /// How many elements of `mask`, broadcast to `sizes`, are true.
  private static long count(Tensor mask, long[] sizes) {
    return mask.numel() == 0 ? 0 : HostAccess.countNonzero(mask) * (Shapes.numel(sizes) / mask.numel());
  }

  /// `x` with the elements of `source`, in order, where `mask` is true.
  public static Tensor maskedScatter(Tensor x, Tensor mask, Tensor source, boolean inPlace) {
    requireBool("masked_scatter", mask);
    if (x.dtype() != Op.given("masked_scatter", "source", source).dtype()) {
      throw new IllegalArgumentException(
          "[masked_scatter] expected self and source to have same dtypes but got " + x.dtype().label() + " and "
              + source.dtype().label());
    }
    long[] sizes = Shapes.broadcast("masked_scatter", x.strided().sizes(), mask.strided().sizes());
    if (!Arrays.equals(sizes, x.strided().sizes())) {
      if (inPlace) {
        throw new IllegalArgumentException("[masked_scatter_] output with shape " + Shapes.show(x.sizes())
            + " doesn't match the broadcast shape " + Shapes.show(sizes));
      }
      return maskedScatter(x.expand(sizes), mask, source, false);
    }
    Strided when = Shapes.expand(mask.strided(), sizes);
    // On a device, counting would mean waiting: there the kernel finds out.
    if (x.device().equals(Device.CPU) && source.numel() < count(mask, sizes)) {
      throw new IllegalArgumentException("[masked_scatter] Number of elements of source < number of ones in mask: " + source.numel() + " < "
          + count(mask, sizes));
    }
    Tensor values = (inPlace ? Copies.separate(x, source) : source).contiguous();
    Strided flat = values.strided().with(values.strided().offset(), new long[] {values.numel()}, new long[] {1});
    return MASKED_SCATTER.change(UNIT, inPlace, new Tensor[] {x, mask, values}, (k, out) -> k.maskedScatter(out, when, flat));
  }

  /// The gradient of a source: what stands where it went, and 0 for what was left over.
  private static Tensor scatterBack(Tensor grad, Tensor mask, long[] sizes) {
    Strided when = Shapes.expand(mask.strided(), grad.sizes());
    return MASKED_SELECT.run(grad.sizes(), grad.dtype(), Layout.contiguous(Shapes.numel(sizes)), grad.device(), grad, mask, (k, out) -> {
      k.fill(out, Tensor.number(0).strided());
      k.maskedSelect(out, grad.strided(), when);
    }).reshape(sizes);
  }

  /// The positions of the elements that are not zero: a row for each, in row-major order.
  public static Tensor nonzero(Tensor x) {
    Strided in = x.strided();
    return NONZERO.run(UNIT, DType.INT64, Layout.contiguous(HostAccess.countNonzero(x), x.dim()), x, (k, out) -> k.nonzero(out, in));
  }

  /// The columns of [#nonzero]: a vector of positions for each dimension.
  public static List<Tensor> nonzeroTuple(Tensor x) {
    List<Tensor> columns = new ArrayList<>();
    Tensor rows = nonzero(x.dim() == 0 ? x.detach().reshape(1) : x);
    for (int d = 0; d < rows.size(1); d++) {
      columns.add(rows.select(1, d));
    }
    return columns;
  }
}
