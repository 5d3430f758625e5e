package org.flambeau.testkit;

import static org.flambeau.testkit.OpInfo.Check.GRAD_GRAD_CHECK;
import static org.flambeau.testkit.OpInfo.binary;
import static org.flambeau.testkit.OpInfo.op;
import static org.flambeau.testkit.OpInfo.unary;

import java.util.List;
import java.util.function.BiFunction;
import java.util.function.BinaryOperator;
import java.util.function.UnaryOperator;
import org.flambeau.DType;
import org.flambeau.Tensor;

/// The element-wise operations.
final class PointwiseOps {
  private PointwiseOps() {}

  private static final String ANY = "takes any tensor";

  // spotless:off
  static final List<OpInfo> UNARY = List.of(
      numeric("abs", Tensor::abs, Tensor::abs_),
      unary("neg", Tensor::neg, Tensor::neg_).refuses(() -> Tensor.of(true).neg(), "[neg]", "bool", "logicalNot()"),
      unary("sign", Tensor::sign, Tensor::sign_).refusesNothing(ANY),
      numeric("ceil", Tensor::ceil, Tensor::ceil_),
      numeric("floor", Tensor::floor, Tensor::floor_),
      numeric("round", Tensor::round, Tensor::round_),
      numeric("trunc", Tensor::trunc, Tensor::trunc_),
      unary("square", Tensor::square, Tensor::square_).refuses(() -> Tensor.of(true).square_(), "[square_]", "int64", "bool"),
      real("sqrt", Tensor::sqrt, Tensor::sqrt_),
      real("rsqrt", Tensor::rsqrt, Tensor::rsqrt_),
      real("reciprocal", Tensor::reciprocal, Tensor::reciprocal_),
      real("exp", Tensor::exp, Tensor::exp_),
      real("exp2", Tensor::exp2, Tensor::exp2_),
      real("expm1", Tensor::expm1, Tensor::expm1_),
      real("log", Tensor::log, Tensor::log_),
      real("log2", Tensor::log2, Tensor::log2_),
      real("log10", Tensor::log10, Tensor::log10_),
      real("log1p", Tensor::log1p, Tensor::log1p_),
      real("sin", Tensor::sin, Tensor::sin_),
      real("cos", Tensor::cos, Tensor::cos_),
      real("tan", Tensor::tan, Tensor::tan_),
      real("asin", Tensor::asin, Tensor::asin_),
      real("acos", Tensor::acos, Tensor::acos_),
      real("atan", Tensor::atan, Tensor::atan_),
      real("sinh", Tensor::sinh, Tensor::sinh_),
      real("cosh", Tensor::cosh, Tensor::cosh_),
      real("tanh", Tensor::tanh, Tensor::tanh_),
      real("asinh", Tensor::asinh, Tensor::asinh_),
      real("acosh", Tensor::acosh, Tensor::acosh_),
      real("atanh", Tensor::atanh, Tensor::atanh_),
      real("erf", Tensor::erf, Tensor::erf_),
      real("erfc", Tensor::erfc, Tensor::erfc_),
      real("erfinv", Tensor::erfinv, Tensor::erfinv_),
      real("lgamma", Tensor::lgamma, Tensor::lgamma_),
      real("digamma", Tensor::digamma, Tensor::digamma_),
      op("polygamma", (x, a) -> x.get(0).polygamma(a.integer("n"))).tolerance(4).refuses(() -> Tensor.ones(1).polygamma(-1), "[polygamma]", "negative n", "-1"),
      real("logit", Tensor::logit, Tensor::logit_),
      real("sigmoid", Tensor::sigmoid, Tensor::sigmoid_),
      numeric("relu", Tensor::relu, Tensor::relu_).records("relu", "fused_backward"),
      unary("bitwise_not", Tensor::bitwiseNot, Tensor::bitwiseNot_)
          .refuses(() -> Tensor.of(1f).bitwiseNot(), "[bitwise_not]", "float32", "integral"),
      unary("logical_not", Tensor::logicalNot, Tensor::logicalNot_).refusesNothing(ANY),
      unary("isnan", Tensor::isnan).refusesNothing(ANY),
      unary("isinf", Tensor::isinf).refusesNothing(ANY),
      unary("isfinite", Tensor::isfinite).refusesNothing(ANY));

  static final List<OpInfo> BINARY = List.of(
      shaped(binary("add", Tensor::add, Tensor::add_), Tensor::add),
      shaped(binary("sub", Tensor::sub, Tensor::sub_), Tensor::sub)
          .refuses(() -> Tensor.of(true).sub(Tensor.of(true)), "[sub] Subtraction, the `-` operator, with two bool tensors is not supported.")
          .refuses(() -> Tensor.of(true).sub(Tensor.of(1f)), "[sub] Subtraction, the `-` operator, with a bool tensor is not supported.")
          .refuses(() -> Tensor.of(1L).sub_(Tensor.of(true)), "[sub] Subtraction, the `-` operator, with a bool tensor is not supported."),
      shaped(binary("mul", Tensor::mul, Tensor::mul_), Tensor::mul),
      shaped(binary("div", Tensor::div, Tensor::div_), Tensor::div)
          .refuses(() -> Tensor.of(1).div_(Tensor.of(2)), "[div_]", "float32", "int32"),
      shaped(binary("floor_divide", Tensor::floorDivide, Tensor::floorDivide_), Tensor::floorDivide)
          .refuses(() -> Tensor.of(1).floorDivide(Tensor.of(0)), "ZeroDivisionError"),
      shaped(binary("trunc_divide", Tensor::truncDivide, Tensor::truncDivide_), Tensor::truncDivide),
      shaped(binary("remainder", Tensor::remainder, Tensor::remainder_), Tensor::remainder),
      shaped(binary("fmod", Tensor::fmod, Tensor::fmod_), Tensor::fmod),
      shaped(binary("pow", Tensor::pow, Tensor::pow_), Tensor::pow),
      shaped(binary("atan2", Tensor::atan2, Tensor::atan2_), Tensor::atan2),
      shaped(binary("hypot", Tensor::hypot, Tensor::hypot_), DType.FLOAT32, Tensor::hypot)
          .refuses(() -> Tensor.of(3L).hypot(Tensor.of(4L)), "[hypot]", "float", "int64"),
      shaped(binary("copysign", Tensor::copysign, Tensor::copysign_), Tensor::copysign),
      shaped(binary("xlogy", Tensor::xlogy, Tensor::xlogy_), Tensor::xlogy),
      shaped(binary("zeta", Tensor::zeta), Tensor::zeta).tolerance(4),
      shaped(binary("logaddexp", Tensor::logaddexp), DType.FLOAT32, Tensor::logaddexp)
          .refuses(() -> Tensor.of(3L).logaddexp(Tensor.of(true)), "[logaddexp]", "float", "int64"),
      shaped(binary("maximum", Tensor::maximum), Tensor::maximum),
      shaped(binary("minimum", Tensor::minimum), Tensor::minimum),
      whole(binary("bitwise_and", Tensor::bitwiseAnd, Tensor::bitwiseAnd_), Tensor::bitwiseAnd),
      whole(binary("bitwise_or", Tensor::bitwiseOr, Tensor::bitwiseOr_), Tensor::bitwiseOr),
      whole(binary("bitwise_xor", Tensor::bitwiseXor, Tensor::bitwiseXor_), Tensor::bitwiseXor),
      whole(binary("bitwise_left_shift", Tensor::bitwiseLeftShift, Tensor::bitwiseLeftShift_), Tensor::bitwiseLeftShift)
          .refuses(() -> Tensor.of(true).bitwiseLeftShift(Tensor.of(true)), "[bitwise_left_shift]", "integral", "bool"),
      whole(binary("bitwise_right_shift", Tensor::bitwiseRightShift, Tensor::bitwiseRightShift_), Tensor::bitwiseRightShift)
          .refuses(() -> Tensor.of(true).bitwiseRightShift(Tensor.of(true)), "[bitwise_right_shift]", "integral", "bool"),
      shaped(binary("logical_and", Tensor::logicalAnd, Tensor::logicalAnd_), Tensor::logicalAnd),
      shaped(binary("logical_or", Tensor::logicalOr, Tensor::logicalOr_), Tensor::logicalOr),
      shaped(binary("logical_xor", Tensor::logicalXor, Tensor::logicalXor_), Tensor::logicalXor),
      shaped(binary("eq", Tensor::eq, Tensor::eq_), Tensor::eq),
      shaped(binary("ne", Tensor::ne, Tensor::ne_), Tensor::ne),
      shaped(binary("lt", Tensor::lt, Tensor::lt_), Tensor::lt),
      shaped(binary("le", Tensor::le, Tensor::le_), Tensor::le),
      shaped(binary("gt", Tensor::gt, Tensor::gt_), Tensor::gt),
      shaped(binary("ge", Tensor::ge, Tensor::ge_), Tensor::ge));

  static final List<OpInfo> WITH_NUMBER = List.of(
      number("add", Tensor::add, Tensor::add, Tensor::add_, Tensor::add_),
      number("sub", Tensor::sub, Tensor::sub, Tensor::sub_, Tensor::sub_),
      number("mul", Tensor::mul, Tensor::mul, Tensor::mul_, Tensor::mul_),
      number("div", Tensor::div, Tensor::div, Tensor::div_, Tensor::div_),
      number("floor_divide", Tensor::floorDivide, Tensor::floorDivide, Tensor::floorDivide_, Tensor::floorDivide_),
      number("trunc_divide", Tensor::truncDivide, Tensor::truncDivide, Tensor::truncDivide_, Tensor::truncDivide_),
      number("remainder", Tensor::remainder, Tensor::remainder, Tensor::remainder_, Tensor::remainder_).records("remainder.number"),
      number("fmod", Tensor::fmod, Tensor::fmod, Tensor::fmod_, Tensor::fmod_).records("fmod.number"),
      number("pow", Tensor::pow, Tensor::pow, Tensor::pow_, Tensor::pow_).records("pow_number")
          .refuses(() -> Tensor.of(2L).pow(-1), "[pow]", "Integers to negative integer powers are not allowed"),
      comparison("eq", Tensor::eq, Tensor::eq).refusesNothing(ANY),
      comparison("ne", Tensor::ne, Tensor::ne).refusesNothing(ANY),
      comparison("lt", Tensor::lt, Tensor::lt).refusesNothing(ANY),
      comparison("le", Tensor::le, Tensor::le).refusesNothing(ANY),
      comparison("gt", Tensor::gt, Tensor::gt).refusesNothing(ANY),
      comparison("ge", Tensor::ge, Tensor::ge).refusesNothing(ANY),
      op("rsub", (x, a) -> x.get(0).rsub(a.number("other")))
          .refuses(() -> Tensor.of(true).rsub(1), "[rsub] Subtraction, the `-` operator, with a bool tensor is not supported."),
      op("rdiv", (x, a) -> x.get(0).rdiv(a.number("other"))).records("reciprocal", "mul").refusesNothing(ANY),
      op("rpow", (x, a) -> Tensor.number(a.number("base")).pow(x.get(0))).methods("pow").records("number_pow")
          .except(GRAD_GRAD_CHECK, "has an infinite one at base 0").refusesNothing(ANY),
      op("add_scaled", (x, a) -> x.get(0).add(x.get(1), a.number("alpha"))).inPlace((x, a) -> x.get(0).add_(x.get(1), a.number("alpha")))
          .methods("add", "add_").records("add.scaled").refuses(() -> Tensor.of(1).add(Tensor.of(2), 0.5), "[add]", "alpha", "0.5"),
      op("sub_scaled", (x, a) -> x.get(0).sub(x.get(1), a.number("alpha"))).inPlace((x, a) -> x.get(0).sub_(x.get(1), a.number("alpha")))
          .methods("sub", "sub_").records("sub.scaled")
          .refuses(() -> Tensor.of(1).sub(Tensor.of(2), 0.5), "[sub]", "alpha", "0.5"));

  static final List<OpInfo> BLENDS = List.of(
      op("clamp", (x, a) -> x.get(0).clamp(a.number("low"), a.number("high"))).inPlace((x, a) -> x.get(0).clamp_(a.number("low"), a.number("high")))
          .refuses(() -> Tensor.of(1).clamp_(0.5, 2), "[clamp_]", "float32", "int32"),
      op("clamp_min", (x, a) -> x.get(0).clampMin(a.number("bound"))).inPlace((x, a) -> x.get(0).clampMin_(a.number("bound")))
          .refuses(() -> Tensor.of(1).clampMin_(0.5), "[clamp_min_]", "float32", "int32"),
      op("clamp_max", (x, a) -> x.get(0).clampMax(a.number("bound"))).inPlace((x, a) -> x.get(0).clampMax_(a.number("bound")))
          .refuses(() -> Tensor.of(1).clampMax_(0.5), "[clamp_max_]", "float32", "int32"),
      op("clamp_tensors", (x, _) -> x.get(0).clamp(x.get(1), x.get(2))).methods("clamp").records("clamp.tensors")
          .refuses(() -> Tensor.ones(2).clamp(Tensor.ones(3), Tensor.ones(1)), "[clamp]", "(2,)", "(3,)"),
      binary("clamp_min_tensor", Tensor::clampMin).methods("clampMin").records("clamp_min.tensor")
          .refuses(() -> Tensor.ones(2).clampMin(Tensor.ones(3)), "[clamp_min]", "(2,)", "(3,)"),
      binary("clamp_max_tensor", Tensor::clampMax).methods("clampMax").records("clamp_max.tensor")
          .refuses(() -> Tensor.ones(2).clampMax(Tensor.ones(3)), "[clamp_max]", "(2,)", "(3,)"),
      binary("max_tensor", Tensor::max).methods("max").records("maximum")
          .refuses(() -> Tensor.ones(2).max(Tensor.ones(3)), "[max]", "(2,)", "(3,)"),
      binary("min_tensor", Tensor::min).methods("min").records("minimum")
          .refuses(() -> Tensor.ones(2).min(Tensor.ones(3)), "[min]", "(2,)", "(3,)"),
      op("nan_to_num", (x, a) -> a.has("nan") ? x.get(0).nanToNum(a.number("nan"), a.number("positive"), a.number("negative")) : x.get(0).nanToNum())
          .rough("numbers", "NaN and infinities have no neighbours").records("nan_to_num", "if_nan").refusesNothing(ANY),
      op("lerp", (x, _) -> x.get(0).lerp(x.get(1), x.get(2))).records("lerp.tensor")
          .refuses(() -> Tensor.ones(2).lerp(Tensor.ones(3), Tensor.ones(1)), "[lerp]", "(2,)", "(3,)"),
      op("lerp_number", (x, a) -> x.get(0).lerp(x.get(1), a.number("weight"))).methods("lerp", "lerp_").records("lerp", "chain")
          .inPlace((x, a) -> x.get(0).lerp_(x.get(1), a.number("weight")))
          .refuses(() -> Tensor.ones(2).lerp(Tensor.ones(3), 0.5), "[lerp]", "(2,)", "(3,)"),
      op("addcmul", (x, a) -> x.get(0).addcmul(x.get(1), x.get(2), a.number("value"))).inPlace((x, a) -> x.get(0).addcmul_(x.get(1), x.get(2), a.number("value")))
          .refuses(() -> Tensor.ones(2).addcmul(Tensor.ones(3), Tensor.ones(2), 1), "[addcmul]", "(2,)", "(3,)"),
      op("addcdiv", (x, a) -> x.get(0).addcdiv(x.get(1), x.get(2), a.number("value"))).inPlace((x, a) -> x.get(0).addcdiv_(x.get(1), x.get(2), a.number("value")))
          .refuses(() -> Tensor.ones(2).addcdiv(Tensor.ones(3), Tensor.ones(2), 1), "[addcdiv]", "(2,)", "(3,)"),
      op("isclose", (x, a) -> x.get(0).isclose(x.get(1), a.number("rtol"), a.number("atol"), a.flag("equalNan"))).records("le")
          .refuses(() -> Tensor.ones(2).isclose(Tensor.ones(3)), "3", "2").refuses(() -> Tensor.ones(2).isclose(Tensor.of(1, 2)), "[isclose]", "float32", "int32"));
  // spotless:on

  /// A function over the real numbers: of integral operands its result is float32, which cannot be stored in them.
  private static OpInfo real(String name, UnaryOperator<Tensor> call, UnaryOperator<Tensor> inPlace) {
    return unary(name, call, inPlace).refuses(() -> inPlace.apply(Tensor.of(1)), "[" + name, "float32", "int32");
  }

  /// A function of numbers.
  private static OpInfo numeric(String name, UnaryOperator<Tensor> call, UnaryOperator<Tensor> inPlace) {
    return unary(name, call, inPlace).refuses(() -> call.apply(Tensor.of(true)), "[" + name + "]", "bool");
  }

  private static OpInfo shaped(OpInfo info, BinaryOperator<Tensor> call) {
    return shaped(info, DType.INT64, call);
  }

  private static OpInfo shaped(OpInfo info, DType dtype, BinaryOperator<Tensor> call) {
    return info.refuses(() -> call.apply(Tensor.ones(dtype, 2, 3), Tensor.ones(dtype, 4)), "[" + info.name() + "]",
        "The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1");
  }

  private static OpInfo whole(OpInfo info, BinaryOperator<Tensor> call) {
    return shaped(info, call).refuses(() -> call.apply(Tensor.of(1f), Tensor.of(2f)), "[" + info.name() + "]", "float32", "integral");
  }

  private static OpInfo number(String name, BiFunction<Tensor, Long, Tensor> whole, BiFunction<Tensor, Double, Tensor> real,
      BiFunction<Tensor, Long, Tensor> wholeInPlace, BiFunction<Tensor, Double, Tensor> realInPlace) {
    String method = OpInfo.camel(name);
    return comparison(name, whole, real).methods(method, method + "_")
        .inPlace((x, a) -> a.isWhole("other") ? wholeInPlace.apply(x.get(0), (long) a.number("other"))
            : realInPlace.apply(x.get(0), a.number("other")))
        .refuses(() -> realInPlace.apply(Tensor.of(1), 0.5), "[" + name + "_]", "float32", "int32");
  }

  private static OpInfo comparison(String name, BiFunction<Tensor, Long, Tensor> whole, BiFunction<Tensor, Double, Tensor> real) {
    return op(name + "_scalar",
        (x, a) -> a.isWhole("other") ? whole.apply(x.get(0), (long) a.number("other")) : real.apply(x.get(0), a.number("other")))
        .methods(OpInfo.camel(name)).records(name);
  }
}
