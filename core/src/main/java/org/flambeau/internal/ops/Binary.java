package org.flambeau.internal.ops;

import static org.flambeau.autograd.Derivative.RESULT;
import static org.flambeau.autograd.Derivative.fixing;
import static org.flambeau.autograd.Derivative.saves;
import static org.flambeau.autograd.Derivative.term;
import static org.flambeau.internal.ops.Unit.UNIT;

import java.util.function.Consumer;
import org.flambeau.AutogradException;
import org.flambeau.DType;
import org.flambeau.Device;
import org.flambeau.Tensor;
import org.flambeau.autograd.Derivative;
import org.flambeau.autograd.Derivative.Term;
import org.flambeau.internal.memory.HostAccess;
import org.flambeau.spi.BinaryOp;
import org.flambeau.spi.HalfPrecision;
import org.flambeau.spi.Strided;
import org.jspecify.annotations.Nullable;

/// The element-wise operations of two operands, with their derivatives.
public final class Binary {
  /// What dtypes an operation takes, and of what dtype it is computed.
  private enum Domain {
    /// Any; the operands' common dtype.
    ANY,
    /// Any, integral ones as float32.
    REAL,
    /// Any, if one is of a float dtype.
    FLOAT,
    /// Integral and bool only.
    WHOLE,
    /// Integral only.
    SHIFTED,
    /// Any but bool.
    NUMBERS
  }

  public static final Binary ADD = of("add", BinaryOp.ADD, Domain.ANY, term((g, _, _) -> g), term((g, _, _) -> g));
  public static final Binary SUB = of("sub", BinaryOp.SUB, Domain.NUMBERS, term((g, _, _) -> g), term((g, _, _) -> g.neg()));
  public static final Binary MUL = of("mul", BinaryOp.MUL, Domain.ANY,
      term(saves(1), (g, s, _) -> g.mul(s.input(1))),
      term(saves(0), (g, s, _) -> g.mul(s.input(0))));
  public static final Binary DIV = of("div", BinaryOp.DIV, Domain.REAL,
      term(saves(1), (g, s, _) -> g.div(s.input(1))),
      term(saves(0, 1), (g, s, _) -> g.neg().mul(s.input(0).div(s.input(1)).div(s.input(1)))));
  public static final Binary FLOOR_DIVIDE = new Binary(
      Op.of("floor_divide", Derivative.of("NotImplemented", notImplemented("floor_divide"), notImplemented("floor_divide"))),
      BinaryOp.FLOOR_DIVIDE, Domain.NUMBERS);
  public static final Binary TRUNC_DIVIDE = of("trunc_divide", "DivBackward2", BinaryOp.TRUNC_DIVIDE, Domain.NUMBERS,
      term((g, _, _) -> g.zerosLike()), term((g, _, _) -> g.zerosLike()));
  public static final Binary REMAINDER = remainder("remainder", "RemainderBackward1", BinaryOp.REMAINDER);
  public static final Binary REMAINDER_NUMBER = remainder("remainder.number", "RemainderBackward0", BinaryOp.REMAINDER);
  public static final Binary FMOD = remainder("fmod", "FmodBackward1", BinaryOp.FMOD);
  public static final Binary FMOD_NUMBER = remainder("fmod.number", "FmodBackward0", BinaryOp.FMOD);
  public static final Binary POW = of("pow", "PowBackward1", BinaryOp.POW, Domain.NUMBERS,
      fixing(RESULT, term(saves(0, 1), (g, s, _) -> {
        Tensor exponent = s.input(1);
        return Tensor.where(exponent.eq(0), 0, g.mul(exponent.mul(s.input(0).pow(exponent.sub(1)))));
      })),
      term(saves(0, 1) | RESULT, (g, s, _) -> {
        Tensor base = s.input(0);
        return g.mul(Tensor.where(base.eq(0).logicalAnd(s.input(1).ge(0)), 0, s.result().mul(base.to(s.result().dtype()).log())));
      }));
  public static final Binary ATAN2 = of("atan2", BinaryOp.ATAN2, Domain.REAL,
      term(saves(0, 1), (g, s, _) -> g.mul(bySquares(s.input(1), s.input(0), s.input(1)))),
      term(saves(0, 1), (g, s, _) -> g.mul(bySquares(s.input(0).neg(), s.input(0), s.input(1)))));
  public static final Binary HYPOT = of("hypot", BinaryOp.HYPOT, Domain.FLOAT,
      term(saves(0) | RESULT, (g, s, _) -> g.mul(s.input(0).div(s.result()))),
      term(saves(1) | RESULT, (g, s, _) -> g.mul(s.input(1).div(s.result()))));
  public static final Binary COPYSIGN = of("copysign", BinaryOp.COPYSIGN, Domain.REAL,
      term(saves(0) | RESULT, (g, s, _) -> g.mul(Tensor.where(s.input(0).eq(0), g.zerosLike(), s.result().div(s.input(0))))),
      fixing(RESULT, term((g, _, _) -> g.zerosLike())));
  public static final Binary XLOGY = of("xlogy", BinaryOp.XLOGY, Domain.REAL,
      term(saves(0, 1), (g, s, _) -> g.xlogy(s.input(1)).maskedFill(s.input(0).eq(0).logicalAnd(s.input(1).le(0)), 0)),
      term(saves(0, 1), (g, s, _) -> g.mul(s.input(0).div(s.input(1)))));
  public static final Binary LOGADDEXP = of("logaddexp", BinaryOp.LOG_ADD_EXP, Domain.FLOAT,
      term(saves(0, 1), (g, s, _) -> g.mul(s.input(0).sub(s.input(1)).sigmoid())),
      term(saves(0, 1), (g, s, _) -> g.mul(s.input(1).sub(s.input(0)).sigmoid())));
  public static final Binary ZETA = of("zeta", "SpecialZetaBackward0", BinaryOp.ZETA, Domain.REAL, notImplemented("zeta"),
      term(saves(0, 1), (g, s, _) -> g.mul(s.input(0).neg()).mul(s.input(0).add(1).zeta(s.input(1)))));
  public static final Binary MAXIMUM = extremum("maximum", BinaryOp.MAXIMUM, BinaryOp.LT);
  public static final Binary MINIMUM = extremum("minimum", BinaryOp.MINIMUM, BinaryOp.GT);
  public static final Binary BITWISE_AND = notDifferentiable("bitwise_and", BinaryOp.BITWISE_AND, Domain.WHOLE);
  public static final Binary BITWISE_OR = notDifferentiable("bitwise_or", BinaryOp.BITWISE_OR, Domain.WHOLE);
  public static final Binary BITWISE_XOR = notDifferentiable("bitwise_xor", BinaryOp.BITWISE_XOR, Domain.WHOLE);
  public static final Binary SHIFT_LEFT = notDifferentiable("bitwise_left_shift", BinaryOp.SHIFT_LEFT, Domain.SHIFTED);
  public static final Binary SHIFT_RIGHT = notDifferentiable("bitwise_right_shift", BinaryOp.SHIFT_RIGHT, Domain.SHIFTED);
  public static final Binary LOGICAL_AND = notDifferentiable("logical_and", BinaryOp.LOGICAL_AND, Domain.ANY);
  public static final Binary LOGICAL_OR = notDifferentiable("logical_or", BinaryOp.LOGICAL_OR, Domain.ANY);
  public static final Binary LOGICAL_XOR = notDifferentiable("logical_xor", BinaryOp.LOGICAL_XOR, Domain.ANY);
  public static final Binary EQ = notDifferentiable("eq", BinaryOp.EQ, Domain.ANY);
  public static final Binary NE = notDifferentiable("ne", BinaryOp.NE, Domain.ANY);
  public static final Binary LT = notDifferentiable("lt", BinaryOp.LT, Domain.ANY);
  public static final Binary LE = notDifferentiable("le", BinaryOp.LE, Domain.ANY);
  public static final Binary GT = notDifferentiable("gt", BinaryOp.GT, Domain.ANY);
  public static final Binary GE = notDifferentiable("ge", BinaryOp.GE, Domain.ANY);

  private static final Op<Double> ADD_SCALED = Op.of("add.scaled", Derivative.of("AddBackward0",
      term((g, _, _) -> g), term((g, _, alpha) -> g.mul(alpha))));
  private static final Op<Double> SUB_SCALED = Op.of("sub.scaled", Derivative.of("SubBackward0",
      term((g, _, _) -> g), term((g, _, alpha) -> g.mul(-alpha))));
  private static final Op<Unit> RSUB = Op.of("rsub", Derivative.of("RsubBackward1", term((g, _, _) -> g.neg())));
  /// Of losses, and of what replaces NaN; these are recorded, as a whole.
  static final Binary SQUARED_DIFFERENCE = notDifferentiable("squared_difference", BinaryOp.SQUARED_DIFFERENCE, Domain.FLOAT);
  static final Binary SMOOTH_DISTANCE = notDifferentiable("smooth_distance", BinaryOp.SMOOTH_DISTANCE, Domain.FLOAT);
  static final Binary IF_NAN = notDifferentiable("if_nan", BinaryOp.IF_NAN, Domain.FLOAT);

  private static final Op<Unit> FUSED_BACKWARD = Op.notDifferentiable("fused_backward");

  private final Op<Unit> op;
  private final BinaryOp kernel;
  private final Domain domain;
  private final boolean autocast;

  private Binary(Op<Unit> op, BinaryOp kernel, Domain domain) {
    this.op = op;
    this.kernel = kernel;
    this.domain = domain;
    this.autocast = AutocastPolicy.treats(op.name());
  }

  BinaryOp kernel() {
    return kernel;
  }

  private static Binary of(String name, BinaryOp kernel, Domain domain, Term<Unit> first, Term<Unit> second) {
    return of(name, Unary.nodeName(name), kernel, domain, first, second);
  }

  private static Binary of(String name, String node, BinaryOp kernel, Domain domain, Term<Unit> first, Term<Unit> second) {
    return new Binary(Op.of(name, Derivative.of(node, first, second)), kernel, domain);
  }

  private static Binary notDifferentiable(String name, BinaryOp kernel, Domain domain) {
    return new Binary(Op.notDifferentiable(name), kernel, domain);
  }

  private static Term<Unit> notImplemented(String name) {
    return term((_, _, _) -> {
      throw new AutogradException("the derivative for '" + name + "' is not implemented.");
    });
  }

  private static Binary remainder(String name, String node, BinaryOp kernel) {
    return of(name, node, kernel, Domain.NUMBERS,
        term((g, _, _) -> g),
        term(saves(0, 1), (g, s, _) -> {
          Tensor quotient = s.input(0).div(s.input(1));
          return g.neg().mul(kernel == BinaryOp.FMOD ? quotient.trunc() : quotient.floor());
        }));
  }

  /// The gradient goes to the operand that is not beaten, half to each where they are equal; to both where one is NaN.
  private static Binary extremum(String name, BinaryOp kernel, BinaryOp isBeaten) {
    return of(name, kernel, Domain.ANY,
        term(saves(0, 1), (g, s, _) -> share(g, s.input(0), s.input(1), isBeaten)),
        term(saves(0, 1), (g, s, _) -> share(g, s.input(1), s.input(0), isBeaten)));
  }

  private static Tensor share(Tensor g, Tensor own, Tensor other, BinaryOp isBeaten) {
    Tensor beaten = isBeaten == BinaryOp.LT ? own.lt(other) : own.gt(other);
    return Tensor.where(own.eq(other), g.div(2), g).maskedFill(beaten, 0);
  }

  /// x/(a² + b²), and 0 at the origin.
  private static Tensor bySquares(Tensor x, Tensor a, Tensor b) {
    Tensor squares = a.square().add(b.square());
    return x.div(squares).maskedFill(squares.eq(0), 0);
  }

  /// The operation's result as a new tensor, of the sizes and dtype in which the operands meet.
  public Tensor of(Tensor first, Tensor second) {
    AutocastPolicy policy = autocast ? AutocastPolicy.of(op.name(), first) : null;
    if (policy != null) {
      return policy.run(c -> of(c[0], c[1]), first, second);
    }
    DType dtype = computed(Op.given(op.title(), "operand 1", first), Op.given(op.title(), "operand 2", second));
    Tensor a = held(first, dtype);
    Tensor b = held(second, dtype);
    Device device = device(op.title(), a, b);
    long[] sizes = Shapes.broadcast(op.title(), a.strided().sizes(), b.strided().sizes());
    DType result = kernel.isPredicate() ? DType.BOOL : dtype;
    if (fits(a, true, dtype, device) && fits(b, false, dtype, device)) {
      Strided x = operand(a.strided(), true, sizes, dtype, device);
      Strided y = operand(b.strided(), false, sizes, dtype, device);
      return op.run(UNIT, result, Layout.of(sizes, x, y), device, a, b, (k, out) -> k.binary(kernel, out, x, y));
    }
    Layout layout = Layout.of(sizes, Shapes.expand(a.strided(), sizes), Shapes.expand(b.strided(), sizes));
    return op.run(UNIT, result, layout, device, a, b,
        (k, out) -> with(a, true, dtype, device, x -> with(b, false, dtype, device,
            y -> k.binary(kernel, out, operand(x, true, sizes, dtype, device), operand(y, false, sizes, dtype, device)))));
  }

  /// The operation's result in the place of `a`, whose sizes and dtype it must have.
  public Tensor inPlace(Tensor a, Tensor operand) {
    DType dtype = computed(a, Op.given(op.title(), "operand 2", operand));
    Tensor b = held(operand, dtype);
    Device device = device(op.title(), a, b);
    Promotion.checkStore(op.title(), kernel.isPredicate() ? DType.BOOL : dtype, a.dtype());
    long[] sizes = inPlaceSizes(op.title(), a, b);
    if (kernel.isPredicate() || dtype != a.dtype() || !dtype.isFloating() && mayDivideByZero()) {
      Overlaps.refusePartial(op.title(), a, b);
      return a.copy_(of(a, b));
    }
    return op.runInPlace(UNIT, a, new Tensor[] {a, b},
        (k, out) -> with(b, false, dtype, device,
            y -> k.binary(kernel, out, out, Copies.unaliased(a, operand(y, false, sizes, dtype, device)))));
  }

  /// Whether whole operands may be refused halfway, so that the result must not stand in the place of one.
  private boolean mayDivideByZero() {
    return switch (kernel) {
      case FLOOR_DIVIDE, TRUNC_DIVIDE, REMAINDER, FMOD -> true;
      default -> false;
    };
  }

  private static long[] inPlaceSizes(String name, Tensor a, Tensor b) {
    long[] sizes = a.strided().sizes();
    if (!java.util.Arrays.equals(Shapes.broadcast(name, sizes, b.strided().sizes()), sizes)) {
      throw new IllegalArgumentException("[" + name + "_] output with shape " + Shapes.show(sizes) + " doesn't match the broadcast shape "
          + Shapes.show(Shapes.broadcast(name, sizes, b.strided().sizes())));
    }
    return sizes;
  }

  /// a + alpha·b, or a − alpha·b.
  public Tensor scaled(Tensor a, Tensor b, double alpha) {
    if (alpha == 1) {
      return of(a, b);
    }
    DType dtype = computed(a, Op.given(op.title(), "operand 2", b));
    checkAlpha(dtype, alpha);
    Device device = device(op.title(), a, b);
    if (!fits(a, true, dtype, device) || !fits(b, false, dtype, device) || !dtype.isFloating()) {
      return Op.scoped(op.title(), () -> of(a, b.mul(Tensor.number(alpha, dtype))));
    }
    long[] sizes = Shapes.broadcast(op.title(), a.strided().sizes(), b.strided().sizes());
    Strided x = operand(a.strided(), true, sizes, dtype, device);
    Strided y = operand(b.strided(), false, sizes, dtype, device);
    double factor = this == SUB ? -alpha : alpha;
    return scaling().run(alpha, dtype, Layout.of(sizes, x, y), device, a, b, (k, out) -> k.addScaled(out, x, y, factor));
  }

  /// a += alpha·b, or a −= alpha·b.
  public Tensor scaledInPlace(Tensor a, Tensor b, double alpha) {
    if (alpha == 1) {
      return inPlace(a, b);
    }
    DType dtype = computed(a, Op.given(op.title(), "operand 2", b));
    checkAlpha(dtype, alpha);
    Device device = device(op.title(), a, b);
    if (!fits(b, false, dtype, device) || dtype != a.dtype() || !dtype.isFloating()) {
      return Op.scoped(op.title(), () -> inPlace(a, b.mul(Tensor.number(alpha, dtype))));
    }
    long[] sizes = inPlaceSizes(op.title(), a, b);
    double factor = this == SUB ? -alpha : alpha;
    return scaling().runInPlace(alpha, a, new Tensor[] {a, b},
        (k, out) -> k.addScaled(out, out, Copies.unaliased(a, operand(b.strided(), false, sizes, dtype, device)), factor));
  }

  private Op<Double> scaling() {
    return this == SUB ? SUB_SCALED : ADD_SCALED;
  }

  /// number − x.
  public static Tensor rsub(Tensor number, Tensor x) {
    if (!x.dtype().isFloating()) {
      return Op.scoped("rsub", () -> SUB.of(number, x));
    }
    Strided subtrahend = x.strided();
    Strided minuend = SUB.operand(number.strided(), true, subtrahend.sizes(), x.dtype(), x.device());
    return RSUB.run(UNIT, x.dtype(), Layout.like(subtrahend), x, (k, out) -> k.binary(BinaryOp.SUB, out, minuend, subtrahend));
  }

  private void checkAlpha(DType dtype, double alpha) {
    if (!dtype.isFloating() && alpha != Math.rint(alpha)) {
      throw new IllegalArgumentException(
          "[" + op.title() + "] For integral input tensors, argument alpha must not be a floating point number, got " + alpha);
    }
  }

  /// One of the kernels that a derivative uses while its own recording is off.
  static Tensor fusedBackward(BinaryOp kernel, Tensor grad, Tensor saved) {
    Strided g = grad.strided();
    Strided x = saved.strided();
    return FUSED_BACKWARD.run(UNIT, saved.dtype(), Layout.of(x.sizes(), x, g), saved.device(), grad, saved,
        (k, out) -> k.binary(kernel, out, g, x));
  }

  private DType computed(Tensor a, Tensor b) {
    DType promoted = Promotion.of(a, b);
    return switch (domain) {
      case ANY -> promoted;
      case REAL -> Promotion.toFloat(promoted);
      case FLOAT -> {
        if (!promoted.isFloating()) {
          throw new IllegalArgumentException("[" + op.title() + "] expected a float operand, got " + promoted.label()
              + ": cast one with to(FLOAT32) first");
        }
        yield promoted;
      }
      case WHOLE, SHIFTED -> {
        if (promoted.isFloating() || domain == Domain.SHIFTED && promoted == DType.BOOL) {
          throw new IllegalArgumentException("[" + op.title() + "] expected integral" + (domain == Domain.WHOLE ? " or bool" : "")
              + " operands, got " + promoted.label());
        }
        yield promoted;
      }
      case NUMBERS -> {
        if (kernel == BinaryOp.SUB && (a.dtype() == DType.BOOL || b.dtype() == DType.BOOL)) {
          throw new IllegalArgumentException("[sub] Subtraction, the `-` operator, with " + (promoted == DType.BOOL
              ? "two bool tensors is not supported. Use logicalXor() instead."
              : "a bool tensor is not supported. If you are trying to invert a mask, use logicalNot() instead."));
        }
        if (promoted == DType.BOOL) {
          throw new IllegalArgumentException("[" + op.title() + "] is not defined for two bool tensors: cast one to a number first");
        }
        yield promoted;
      }
    };
  }

  /// The operand as the integral `dtype` holds it: −1 beside uint8 is 255.
  private Tensor held(Tensor operand, DType dtype) {
    if (dtype.isFloating() || operand.dtype().size() <= dtype.size() || !operand.strided().isHostScalar()) {
      return operand;
    }
    long value = HostAccess.scalarLong(operand);
    int unused = Long.SIZE - dtype.size() * Byte.SIZE;
    long held = dtype == DType.UINT8 ? value & 0xff : value << unused >> unused;
    return held == value ? operand : Tensor.number(held);
  }

  /// Whether a kernel that computes in `dtype` needs no cast of the operand. A 0-d tensor that has to be rounded is cast, so that a tracer
  /// sees where its value comes from; a plain number is a constant.
  private boolean fits(Tensor operand, boolean first, DType dtype, Device device) {
    return operand.dtype() == dtype
        || operand.strided().isHostScalar() && (operand.isWrappedNumber() || !rounds(operand.strided(), first, dtype, device));
  }

  private void with(Tensor operand, boolean first, DType dtype, Device device, Consumer<Strided> use) {
    if (fits(operand, first, dtype, device)) {
      use.accept(operand.strided());
    } else {
      Casts.cast(operand, dtype, use);
    }
  }

  /// What a kernel that computes in `dtype` is given.
  private Strided operand(Strided x, boolean first, long[] sizes, DType dtype, Device device) {
    if (!x.isHostScalar()) {
      return Shapes.expand(x, sizes);
    }
    return rounds(x, first, dtype, device) ? Creation.hostScalar(x.scalarDouble(), dtype) : x;
  }

  /// Whether PyTorch's kernels for the device round a number to the half precision of the tensors beside it.
  private boolean rounds(Strided number, boolean first, DType dtype, Device device) {
    return HalfPrecision.is(dtype) && number.dtype() != dtype && switch (kernel) {
      case MUL, DIV -> first && device.type() == Device.Type.CPU;
      case FLOOR_DIVIDE, TRUNC_DIVIDE -> first;
      case ADD, SUB -> device.type() == Device.Type.CPU;
      default -> true;
    };
  }

  /// The device both are on, or the one that is not a CPU scalar's.
  static Device device(String name, Tensor a, Tensor b) {
    Device first = a.device();
    Device second = b.device();
    if (first == second || first.equals(second) || b.strided().isHostScalar()) {
      return first;
    }
    if (a.strided().isHostScalar()) {
      return second;
    }
    throw new IllegalArgumentException(
        "[" + name + "] Expected all tensors to be on the same device, but found at least two devices, " + first
            + " and " + second + ": move one of them with to(device)");
  }

  /// The device of all of `tensors`; null stands for a tensor that was not given.
  static Device device(String name, @Nullable Tensor... tensors) {
    Tensor first = null;
    for (Tensor tensor : tensors) {
      if (tensor != null) {
        first = first == null ? tensor : first;
        if (!tensor.device().equals(first.device())) {
          return device(name, first, tensor);
        }
      }
    }
    if (first == null) {
      throw new IllegalArgumentException("[" + name + "] expected at least one tensor");
    }
    return first.device();
  }
}
