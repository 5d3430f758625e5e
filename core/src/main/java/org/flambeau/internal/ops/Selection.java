package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.piecewiseLinear;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.Objects;
import java.util.stream.Stream;
import org.flambeau.DType;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// Element-wise choices: by a condition, or by bounds.
public final class Selection {
  private record Bounds(double low, double high) {}

  private static final Op<Unit> WHERE = Op.of("where", Derivative.of("WhereBackward0",
      term((_, _, _) -> null),
      term(saves(0), (g, s, _) -> Tensor.where(s.input(0), g, g.zerosLike())),
      term(saves(0), (g, s, _) -> Tensor.where(s.input(0), g.zerosLike(), g))));
  private static final Op<Bounds> CLAMP = Op.of("clamp", Derivative.of("ClampBackward1", within()));
  private static final Op<Bounds> CLAMP_MIN = Op.of("clamp_min", Derivative.of("ClampMinBackward0", within()));
  private static final Op<Bounds> CLAMP_MAX = Op.of("clamp_max", Derivative.of("ClampMaxBackward0", within()));
  private static final Op<Unit> CLAMP_TENSORS = Op.of("clamp.tensors", Derivative.of("ClampBackward0",
      term(saves(0, 1, 2), (g, s, _) -> where(s.input(0).ge(s.input(1)).logicalAnd(s.input(0).le(s.input(2))), g, g.zerosLike())),
      term(saves(0, 1, 2), (g, s, _) -> where(s.input(1).lt(s.input(2)).logicalAnd(s.input(0).lt(s.input(1))), g, g.zerosLike())),
      term(saves(0, 1, 2), (g, s, _) -> where(s.input(0).gt(s.input(2)).logicalOr(s.input(2).lt(s.input(1))), g, g.zerosLike()))));
  private static final Op<Unit> CLAMP_MIN_TENSOR = Op.of("clamp_min.tensor", Derivative.of("ClampMinBackward1",
      term(saves(0, 1), (g, s, _) -> where(s.input(0).ge(s.input(1)), g, g.zerosLike())),
      term(saves(0, 1), (g, s, _) -> where(s.input(0).lt(s.input(1)), g, g.zerosLike()))));
  private static final Op<Unit> CLAMP_MAX_TENSOR = Op.of("clamp_max.tensor", Derivative.of("ClampMaxBackward1",
      term(saves(0, 1), (g, s, _) -> where(s.input(0).le(s.input(1)), g, g.zerosLike())),
      term(saves(0, 1), (g, s, _) -> where(s.input(0).gt(s.input(1)), g, g.zerosLike()))));
  private static final Op<double[]> NAN_TO_NUM = Op.of("nan_to_num", Derivative.of("NanToNumBackward0",
      term(saves(0), (g, s, _) -> g.maskedFill(s.input(0).isfinite().logicalNot(), 0))));
  private static final Op<Double> LEAKY_RELU = Op.of("leaky_relu", Derivative.of("LeakyReluBackward0",
      piecewiseLinear(term(saves(0), (g, s, slope) -> Tensor.where(s.input(0).gt(0), g, g.mul(slope))))));

  private Selection() {}

  private static Derivative.Term<Bounds> within() {
    return term(saves(0), (g, s, a) -> Tensor.where(s.input(0).ge(a.low).logicalAnd(s.input(0).le(a.high)), g, 0));
  }

  public static Tensor where(Tensor condition, Tensor a, Tensor b) {
    Op.requireGiven("where", condition, a, b);
    if (condition.dtype() != DType.BOOL) {
      throw new IllegalArgumentException("[where] expected condition to be a boolean tensor, but got a tensor with dtype "
          + condition.dtype().label());
    }
    DType dtype = Promotion.of(a, b);
    long[] sizes = Shapes.broadcast("where", condition.strided().sizes(),
        Shapes.broadcast("where", a.strided().sizes(), b.strided().sizes()));
    Strided when = Shapes.expand(condition.strided(), sizes);
    Tensor[] operands = {condition, a, b};
    return WHERE.run(UNIT, dtype, Layout.ordered(sizes, condition.strided(), a.strided(), b.strided()),
        Binary.device("where", condition, Binary.device("where", a, b).equals(a.device()) ? a : b), operands,
        (k, out) -> Casts.with(a, dtype, x -> Casts.with(b, dtype,
            y -> k.where(out, when, x.isHostScalar() ? x : Shapes.expand(x, sizes), y.isHostScalar() ? y : Shapes.expand(y, sizes)))));
  }

  public static Tensor clamp(Tensor x, double low, double high, boolean inPlace) {
    return clamp(CLAMP, x, low, high, inPlace);
  }

  public static Tensor clampMin(Tensor x, double low, boolean inPlace) {
    return clamp(CLAMP_MIN, x, low, Double.POSITIVE_INFINITY, inPlace);
  }

  public static Tensor clampMax(Tensor x, double high, boolean inPlace) {
    return clamp(CLAMP_MAX, x, Double.NEGATIVE_INFINITY, high, inPlace);
  }

  private static Tensor clamp(Op<Bounds> op, Tensor x, double low, double high, boolean inPlace) {
    DType dtype = boundsDtype(x, low, high);
    if (low > Double.NEGATIVE_INFINITY) {
      Promotion.checkHolds(op.title(), dtype, low);
    }
    if (high < Double.POSITIVE_INFINITY) {
      Promotion.checkHolds(op.title(), dtype, high);
    }
    Bounds bounds = new Bounds(low, high);
    if (inPlace) {
      Promotion.checkStore(op.title(), dtype, x.dtype());
      return op.runInPlace(bounds, x, new Tensor[] {x}, (k, out) -> k.clamp(out, out, low, high));
    }
    Tensor operand = x.to(dtype);
    Strided in = operand.strided();
    return op.run(bounds, dtype, Layout.like(in), operand, (k, out) -> k.clamp(out, in, low, high));
  }

  /// `min(max(x, low), high)`, all broadcast.
  public static Tensor clamp(Tensor x, Tensor low, Tensor high) {
    return bounded(CLAMP_TENSORS, x, low, high);
  }

  public static Tensor clampMin(Tensor x, Tensor low) {
    return bounded(CLAMP_MIN_TENSOR, x, low, null);
  }

  public static Tensor clampMax(Tensor x, Tensor high) {
    return bounded(CLAMP_MAX_TENSOR, x, null, high);
  }

  private static Tensor bounded(Op<Unit> op, Tensor x, @Nullable Tensor low, @Nullable Tensor high) {
    Tensor[] given = Stream.of(x, low, high).filter(Objects::nonNull).toArray(Tensor[]::new);
    DType dtype = Promotion.of(given);
    long[] sizes = {};
    for (int i = 0; i < given.length; i++) {
      sizes = Shapes.broadcast(op.title(), sizes, given[i].strided().sizes());
      given[i] = given[i].to(dtype);
    }
    Strided[] operands = new Strided[given.length];
    for (int i = 0; i < given.length; i++) {
      Strided each = given[i].strided();
      operands[i] = each.isHostScalar() ? each : Shapes.expand(each, sizes);
    }
    Layout layout = Layout.ordered(sizes, Stream.of(operands).filter(o -> o.rank() > 0).toArray(Strided[]::new));
    return op.run(UNIT, dtype, layout, Binary.device(op.title(), given), given, (k, out) -> {
      Strided last = operands[operands.length - 1];
      k.binary(low != null ? BinaryOp.MAXIMUM : BinaryOp.MINIMUM, out, operands[0], operands[1]);
      if (operands.length == 3) {
        k.binary(BinaryOp.MINIMUM, out, out, last);
      }
    });
  }

  /// `x` with numbers in place of NaN and infinities; NaN as a bound stands for the largest (or least) number there is.
  public static Tensor nanToNum(Tensor x, double nan, double positive, double negative) {
    if (!x.dtype().isFloating()) {
      return x.clone();
    }
    double largest = Promotion.largest(x.dtype());
    double high = Double.isNaN(positive) ? largest : positive;
    double low = Double.isNaN(negative) ? -largest : negative;
    return NAN_TO_NUM.compose(new double[] {nan, high, low}, new Tensor[] {x}, () -> {
      Tensor finite = high >= largest && low <= -largest
          ? x.clamp(low, high)
          : x.maskedFill(x.eq(Double.POSITIVE_INFINITY), high).maskedFill_(x.eq(Double.NEGATIVE_INFINITY), low);
      return Binary.IF_NAN.inPlace(finite, Tensor.scalar(nan));
    });
  }

  private static DType boundsDtype(Tensor x, double low, double high) {
    boolean whole = (Double.isInfinite(low) || low == Math.rint(low)) && (Double.isInfinite(high) || high == Math.rint(high));
    return !whole ? Promotion.toFloat(x.dtype()) : x.dtype() == DType.BOOL ? DType.INT64 : x.dtype();
  }

  public static Tensor leakyRelu(Tensor x, double slope) {
    Strided in = x.strided();
    return LEAKY_RELU.run(slope, Promotion.requireFloat("leaky_relu", x), Layout.like(in), x, (k, out) -> k.leakyRelu(out, in, slope));
  }
}
