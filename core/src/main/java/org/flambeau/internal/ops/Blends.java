package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Arrays;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.Chain;
import org.flambeau.spi.Pointwise;
import org.flambeau.spi.Strided;

/// Element-wise functions of three tensors, composed of others or as one pass of the same bits, and comparisons of two up to a tolerance.
public final class Blends {
  private static final Op<Double> ADDCMUL = Op.of("addcmul", Derivative.of("AddcmulBackward0",
      term((g, _, _) -> g),
      term(saves(2), (g, s, value) -> g.mul(s.input(2)).mul(value)),
      term(saves(1), (g, s, value) -> g.mul(s.input(1)).mul(value))));
  private static final Op<Double> ADDCDIV = Op.of("addcdiv", Derivative.of("AddcdivBackward0",
      term((g, _, _) -> g),
      term(saves(2), (g, s, value) -> g.div(s.input(2)).mul(value)),
      term(saves(1, 2), (g, s, value) -> g.mul(s.input(1).div(s.input(2).square())).mul(-value))));
  private static final Op<Double> LERP = Op.of("lerp", Derivative.of("LerpBackward0",
      term((g, _, weight) -> g.mul(1 - weight)),
      term((g, _, weight) -> g.mul(weight))));
  private static final Op<Unit> LERP_TENSOR = Op.of("lerp.tensor", Derivative.of("LerpBackward1",
      term(saves(2), (g, s, _) -> g.mul(s.input(2).rsub(1))),
      term(saves(2), (g, s, _) -> g.mul(s.input(2))),
      term(saves(0, 1), (g, s, _) -> g.mul(s.input(1).sub(s.input(0))))));

  private Blends() {}

  /// x + value·a·b.
  public static Tensor addcmul(Tensor x, Tensor a, Tensor b, double value) {
    AutocastPolicy policy = AutocastPolicy.of("addcmul", x);
    if (policy != null) {
      return policy.run(c -> addcmul(c[0], c[1], c[2], value), x, a, b);
    }
    requireBroadcast("addcmul", x, a, b);
    return ADDCMUL.compose(value, new Tensor[] {x, a, b}, () -> addScaled(x, Binary.MUL, a, b, value));
  }

  public static Tensor addcmulInPlace(Tensor x, Tensor a, Tensor b, double value) {
    Op.requireGiven("addcmul", x, a, b);
    Overlaps.refusePartial("addcmul", x, a);
    Overlaps.refusePartial("addcmul", x, b);
    return ADDCMUL.composeInPlace(value, new Tensor[] {x, a, b}, () -> addScaledInPlace(x, Binary.MUL, a, b, value));
  }

  /// x + value·a/b.
  public static Tensor addcdiv(Tensor x, Tensor a, Tensor b, double value) {
    AutocastPolicy policy = AutocastPolicy.of("addcdiv", x);
    if (policy != null) {
      return policy.run(c -> addcdiv(c[0], c[1], c[2], value), x, a, b);
    }
    requireFloat(a, b);
    requireBroadcast("addcdiv", x, a, b);
    return ADDCDIV.compose(value, new Tensor[] {x, a, b}, () -> addScaled(x, Binary.DIV, a, b, value));
  }

  public static Tensor addcdivInPlace(Tensor x, Tensor a, Tensor b, double value) {
    requireFloat(a, b);
    Overlaps.refusePartial("addcdiv", x, a);
    Overlaps.refusePartial("addcdiv", x, b);
    return ADDCDIV.composeInPlace(value, new Tensor[] {x, a, b}, () -> addScaledInPlace(x, Binary.DIV, a, b, value));
  }

  private static void requireBroadcast(String op, Tensor... operands) {
    Op.requireGiven(op, operands);
    long[] sizes = {};
    for (Tensor operand : operands) {
      sizes = Shapes.broadcast(op, sizes, operand.strided().sizes());
    }
  }

  private static void requireFloat(Tensor a, Tensor b) {
    Tensor _ = Op.given("addcdiv", "operand 2", a);
    Tensor _ = Op.given("addcdiv", "operand 3", b);
    if (!a.dtype().isFloating() && !b.dtype().isFloating()) {
      throw new IllegalArgumentException(
          "[addcdiv] Integer division with addcdiv is no longer supported, got " + a.dtype().label() + " and "
              + b.dtype().label() + ": cast one to a float dtype");
    }
  }

  /// x + weight·(end − x), from the nearer end.
  public static Tensor lerp(Tensor x, Tensor end, double weight) {
    requireSame(x, end);
    requireBroadcast("lerp", x, end);
    return LERP.compose(weight, new Tensor[] {x, end}, () -> towards(x, end, weight));
  }

  public static Tensor lerpInPlace(Tensor x, Tensor end, double weight) {
    requireSame(x, end);
    Overlaps.refusePartial("lerp", x, end);
    return LERP.composeInPlace(weight, new Tensor[] {x, end},
        () -> weight < 0.5 ? addScaledInPlace(x, Binary.SUB, end, x, weight) : x.copy_(towards(x, end, weight)));
  }

  private static Tensor towards(Tensor x, Tensor end, double weight) {
    return weight < 0.5 ? addScaled(x, Binary.SUB, end, x, weight) : addScaled(end, Binary.SUB, end, x, weight - 1);
  }

  public static Tensor lerp(Tensor x, Tensor end, Tensor weight) {
    requireSame(x, end);
    requireSame(x, weight);
    requireBroadcast("lerp", x, end, weight);
    return LERP_TENSOR.compose(UNIT, new Tensor[] {x, end, weight}, () -> {
      Tensor way = end.sub(x);
      return Tensor.where(weight.abs().lt(0.5), x.add(way.mul(weight)), end.sub(way.mul(weight.rsub(1))));
    });
  }

  private static void requireSame(Tensor x, Tensor other) {
    if (x.dtype() != Op.given("lerp", "`end` or `weight`", other).dtype()) {
      throw new IllegalArgumentException("[lerp] expected dtype " + x.dtype().label() + " for `end` and `weight` but got dtype "
          + other.dtype().label());
    }
  }

  /// x + scale·op(a, b).
  private static Tensor addScaled(Tensor x, Binary op, Tensor a, Tensor b, double scale) {
    return areAlike(x, a, b) && Chains.pay(x)
        ? Chains.run(new Tensor[] {x, a, b}, ofOperands(op, x), addition(x, scale))
        : x.add(op.of(a, b), scale);
  }

  private static Tensor addScaledInPlace(Tensor x, Binary op, Tensor a, Tensor b, double scale) {
    return areAlike(x, a, b) && Chains.pay(x)
        ? Chains.runInPlace(new Tensor[] {x, a, b}, ofOperands(op, x), addition(x, scale))
        : x.add_(op.of(a, b), scale);
  }

  private static Chain.Link ofOperands(Binary op, Tensor x) {
    return Chains.link(new Pointwise.Binary(op.kernel()), x, 1, 2);
  }

  private static Chain.Link addition(Tensor x, double scale) {
    return Chains.link(new Pointwise.AddScaled(scale), x, 0, 3);
  }

  /// Whether nothing has to be broadcast or promoted, and the result lies as all of them do.
  private static boolean areAlike(Tensor x, Tensor... others) {
    Strided first = x.strided();
    boolean alike = true;
    for (Tensor other : others) {
      Strided o = other.strided();
      alike = alike && o.dtype() == first.dtype() && other.device().equals(x.device()) && Arrays.equals(o.sizes(), first.sizes())
          && Arrays.equals(o.strides(), first.strides());
    }
    return alike;
  }

  // ---- closeness ----

  /// Whether |a − b| ≤ atol + rtol·|b|, or both are the same infinity, or, where `equalNan`, both are NaN.
  public static Tensor isclose(Tensor a, Tensor b, double rtol, double atol, boolean equalNan) {
    if (a.dtype() != Op.given("isclose", "operand 2", b).dtype()) {
      throw new IllegalArgumentException("[isclose] " + a.dtype().label() + " did not match " + b.dtype().label()
          + ": cast one with to(dtype)");
    }
    if (!(rtol >= 0) || !(atol >= 0)) {
      throw new IllegalArgumentException("[isclose] rtol and atol must be greater than or equal to zero, but got " + rtol + " and " + atol);
    }
    return Op.scoped("isclose", () -> {
      Tensor x = a.detach();
      Tensor y = b.detach();
      Tensor same = equalNan ? x.eq(y).logicalOr(x.isnan().logicalAnd(y.isnan())) : x.eq(y);
      if (rtol == 0 && atol == 0) {
        return same;
      }
      Tensor real = y.dtype().isFloating() ? y : y.to(DType.FLOAT32);
      Tensor error = x.sub(real).abs();
      Tensor allowed = real.mul(rtol).abs().add(atol);
      return same.logicalOr(error.isfinite().logicalAnd(error.le(allowed)));
    });
  }

  /// Whether sizes and elements are equal.
  public static boolean equal(Tensor a, Tensor b) {
    return Arrays.equals(a.strided().sizes(), Op.given("equal", "operand 2", b).strided().sizes())
        && a.detach().eq(b.detach()).all().toBoolean();
  }
}
