package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.Strided;

/// Element-wise choices: by a condition, or by bounds.
public final class Selection {
  private record Bounds(double low, double high) {}

  private static final Op<Unit> WHERE = Op.of("where", Derivative.of("WhereBackward0",
      term((_, _, _) -> null),
      term(saves(0), (g, s, _) -> Tensor.where(s.input(0), g, g.zerosLike())),
      term(saves(0), (g, s, _) -> Tensor.where(s.input(0), g.zerosLike(), g))));
  private static final Op<Bounds> CLAMP = Op.of("clamp", Derivative.of("ClampBackward1", term(saves(0), (g, s, a) -> {
    Tensor x = s.input(0);
    return Tensor.where(x.ge(a.low).logicalAnd(x.le(a.high)), g, g.zerosLike());
  })));
  private static final Op<Double> LEAKY_RELU = Op.of("leaky_relu", Derivative.of("LeakyReluBackward0",
      term(saves(0), (g, s, slope) -> Tensor.where(s.input(0).gt(0), g, g.mul(slope)))));
  private static final Op<Double> ELU = Op.of("elu", Derivative.of("EluBackward0",
      term(saves(0), (g, s, alpha) -> Tensor.where(s.input(0).gt(0), g, g.mul(s.input(0).exp().mul(alpha))))));

  private Selection() {}

  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    if (condition.dtype() != DType.BOOL) {
      throw new IllegalArgumentException("[where] expected condition to be a boolean tensor, but got a tensor with dtype "
          + condition.dtype().label());
    }
    DType dtype = Promotion.of(a, b);
    long[] sizes = Shapes.broadcast("where", condition.strided().sizes(),
        Shapes.broadcast("where", a.strided().sizes(), b.strided().sizes()));
    Strided when = Shapes.expand(condition.strided(), sizes);
    Tensor[] operands = {condition, a, b};
    return WHERE.run(UNIT, dtype, Layout.of(sizes, Shapes.expand(a.strided(), sizes), Shapes.expand(b.strided(), sizes)),
        Binary.device("where", condition, Binary.device("where", a, b).equals(a.device()) ? a : b), operands,
        (k, out) -> Casts.with(a, dtype, x -> Casts.with(b, dtype,
            y -> k.where(out, when, x.isHostScalar() ? x : Shapes.expand(x, sizes), y.isHostScalar() ? y : Shapes.expand(y, sizes)))));
  }

  /// `x` with `value` where `mask` is true.
  public static Tensor maskedFill(Tensor x, Tensor mask, Tensor value) {
    if (mask.dtype() != DType.BOOL) {
      throw new IllegalArgumentException("[masked_fill] only supports boolean masks, but got mask with dtype " + mask.dtype().label());
    }
    if (value.dim() != 0) {
      throw new IllegalArgumentException("[masked_fill] only supports a 0-dimensional value tensor, but got tensor with " + value.dim()
          + " dimension(s).");
    }
    return where(mask, value, x).to(x.dtype());
  }

  public static Tensor clamp(Tensor x, double low, double high) {
    Strided in = x.strided();
    DType dtype = boundsDtype(x, low, high);
    if (dtype != x.dtype()) {
      return clamp(x.to(dtype), low, high);
    }
    return CLAMP.run(new Bounds(low, high), dtype, Layout.like(in), x, (k, out) -> k.clamp(out, in, low, high));
  }

  public static Tensor clampInPlace(Tensor x, double low, double high) {
    Promotion.checkStore("clamp", boundsDtype(x, low, high), x.dtype());
    return CLAMP.runInPlace(new Bounds(low, high), x, new Tensor[] {x}, (k, out) -> k.clamp(out, out, low, high));
  }

  private static DType boundsDtype(Tensor x, double low, double high) {
    if (x.dtype() == DType.BOOL) {
      throw new IllegalArgumentException("[clamp] is not defined for bool tensors");
    }
    boolean whole = (Double.isInfinite(low) || low == Math.rint(low)) && (Double.isInfinite(high) || high == Math.rint(high));
    return whole ? x.dtype() : Promotion.toFloat(x.dtype());
  }

  public static Tensor leakyRelu(Tensor x, double slope) {
    Strided in = x.strided();
    return LEAKY_RELU.run(slope, requireFloat("leaky_relu", x), Layout.like(in), x, (k, out) -> k.leakyRelu(out, in, slope));
  }

  public static Tensor elu(Tensor x, double alpha) {
    Strided in = x.strided();
    return ELU.run(alpha, requireFloat("elu", x), Layout.like(in), x, (k, out) -> k.elu(out, in, alpha, 1));
  }

  private static DType requireFloat(String op, Tensor x) {
    if (!x.dtype().isFloating()) {
      throw new IllegalArgumentException("[" + op + "] expected a float tensor, got " + x.dtype().label());
    }
    return x.dtype();
  }
}
