// The element-wise operations, by the names of UnaryOp, BinaryOp and TernaryOp, whose formulas they follow. C is the type of arithmetic:
// float, double or int64. Where an operation has no meaning for one, core never asks for it.
#pragma once

#include "special.cuh"
#include "types.cuh"

namespace flambeau {

// An operation with one formula for every type of arithmetic.
#define UNARY(NAME, FORMULA)                         \
  struct NAME {                                      \
    template <class C>                               \
    static __device__ __forceinline__ auto of(C x) { \
      return FORMULA;                                \
    }                                                \
  };

#define BINARY(NAME, FORMULA)                             \
  struct NAME {                                           \
    template <class C>                                    \
    static __device__ __forceinline__ auto of(C a, C b) { \
      return FORMULA;                                     \
    }                                                     \
  };

// An operation whose formula over whole numbers is another.
#define UNARY_OR_WHOLE(NAME, REAL, WHOLE)            \
  struct NAME {                                      \
    template <class C>                               \
    static __device__ __forceinline__ C of(C x) {    \
      if constexpr (isReal<C>) {                     \
        return REAL;                                 \
      } else {                                       \
        return WHOLE;                                \
      }                                              \
    }                                                \
  };

#define BINARY_OR_WHOLE(NAME, REAL, WHOLE)                \
  struct NAME {                                           \
    template <class C>                                    \
    static __device__ __forceinline__ C of(C a, C b) {    \
      if constexpr (isReal<C>) {                          \
        return REAL;                                      \
      } else {                                            \
        return WHOLE;                                     \
      }                                                   \
    }                                                     \
  };

// ---- UnaryOp ----

UNARY(COPY, x)
UNARY_OR_WHOLE(ABS, fabs(x), x < 0 ? -x : x)
UNARY(NEG, -x)
UNARY(SIGN, C(C(0) < x) - C(x < C(0)))
UNARY_OR_WHOLE(CEIL, ceil(x), x)
UNARY_OR_WHOLE(FLOOR, floor(x), x)
UNARY_OR_WHOLE(ROUND, rint(x), x)
UNARY_OR_WHOLE(TRUNC, trunc(x), x)
UNARY(SQUARE, x * x)
UNARY(CUBE, x * x * x)
UNARY(SQRT, sqrt(x))
UNARY(RSQRT, C(1) / sqrt(x))
UNARY(RECIPROCAL, C(1) / x)
UNARY(EXP, exp(x))
UNARY(EXP2, exp2(x))
UNARY(EXPM1, expm1(x))
UNARY(LOG, log(x))
UNARY(LOG2, log2(x))
UNARY(LOG10, log10(x))
UNARY(LOG1P, log1p(x))
UNARY(SIN, sin(x))
UNARY(COS, cos(x))
UNARY(TAN, tan(x))
UNARY(ASIN, asin(x))
UNARY(ACOS, acos(x))
UNARY(ATAN, atan(x))
UNARY(SINH, sinh(x))
UNARY(COSH, cosh(x))
UNARY(TANH, tanh(x))
UNARY(ASINH, asinh(x))
UNARY(ACOSH, acosh(x))
UNARY(ATANH, atanh(x))
UNARY(ERF, erf(x))
UNARY(ERFC, erfc(x))
UNARY(ERFINV, erfinv(x))
UNARY(LGAMMA, lgamma(x))
UNARY(DIGAMMA, digamma(x))
UNARY(TRIGAMMA, trigamma(x))
UNARY(LOGIT, log(x / (C(1) - x)))
UNARY(SIGMOID, sigmoid(x))
UNARY(RELU, x < C(0) ? C(0) : x)
UNARY(SILU, x *sigmoid(x))
UNARY(GELU, x *normalDistribution(x))
UNARY(GELU_TANH, C(0.5) * x * (C(1) + tanh(geluInner(x))))
UNARY(SOFTPLUS, fmax(x, C(0)) + log1p(exp(-fabs(x))))
UNARY(HARDSIGMOID, hardsigmoid(x))
UNARY(HARDSWISH, x *hardsigmoid(x))
UNARY(BITWISE_NOT, ~x)
UNARY(LOGICAL_NOT, x == C(0))
UNARY(IS_NAN, x != x)
UNARY(IS_INF, isReal<C> && x - x != x - x && x == x)
UNARY(IS_FINITE, !isReal<C> || x - x == x - x)

// ---- BinaryOp ----

BINARY(ADD, a + b)
BINARY(SUB, a - b)
BINARY(MUL, a *b)
BINARY(DIV, a / b)
BINARY_OR_WHOLE(FLOOR_DIVIDE, floorDivide(a, b), wholeFloorDivide(a, b))
BINARY_OR_WHOLE(TRUNC_DIVIDE, trunc(a / b), wholeDivide(a, b))
BINARY_OR_WHOLE(REMAINDER, remainderOf(a, b), wholeRemainder(a, b))
BINARY_OR_WHOLE(FMOD, fmod(a, b), a - wholeDivide(a, b) * b)
BINARY_OR_WHOLE(POW, pow(a, b), wholePower(a, b))
BINARY(ATAN2, atan2(a, b))
BINARY(HYPOT, hypot(a, b))
BINARY(COPYSIGN, copysign(a, b))
BINARY(XLOGY, a == C(0) && b == b ? C(0) : a * log(b))
BINARY(SQUARED_DIFFERENCE, (a - b) * (a - b))
BINARY(SMOOTH_DISTANCE, fabs(a - b) < C(1) ? C(0.5) * (a - b) * (a - b) : fabs(a - b) - C(0.5))
BINARY(IF_NAN, a != a ? b : a)
BINARY(LOG_ADD_EXP, logAddExp(a, b))
BINARY(MAXIMUM, a != a || a > b ? a : b)
BINARY(MINIMUM, a != a || a < b ? a : b)
BINARY(BITWISE_AND, a &b)
BINARY(BITWISE_OR, a | b)
BINARY(BITWISE_XOR, a ^ b)
BINARY(SHIFT_LEFT, b < 0 || b > 63 ? 0 : static_cast<int64>(static_cast<unsigned long long>(a) << b))
BINARY(SHIFT_RIGHT, a >> (b < 0 || b > 63 ? 63 : b))
BINARY(ZETA, zeta(a, b))
BINARY(LOGICAL_AND, a != C(0) && b != C(0))
BINARY(LOGICAL_OR, a != C(0) || b != C(0))
BINARY(LOGICAL_XOR, (a != C(0)) != (b != C(0)))
BINARY(EQ, a == b)
BINARY(NE, a != b)
BINARY(LT, a < b)
BINARY(LE, a <= b)
BINARY(GT, a > b)
BINARY(GE, a >= b)
BINARY(RELU_BACKWARD, b <= C(0) ? C(0) : a)
BINARY(SIGMOID_BACKWARD, a *b *(C(1) - b))
BINARY(TANH_BACKWARD, a *(C(1) - b * b))
BINARY(GELU_BACKWARD, a *(normalDistribution(b) + b * C(INV_SQRT_2PI) * exp(C(-0.5) * b * b)))
BINARY(GELU_TANH_BACKWARD, a *geluTanhDerivative(b))
BINARY(SILU_BACKWARD, a *sigmoid(b) * (C(1) + b * (C(1) - sigmoid(b))))
BINARY(HARDSIGMOID_BACKWARD, b > C(-3) && b < C(3) ? a / C(6) : C(0))
BINARY(HARDSWISH_BACKWARD, b <= C(-3) ? C(0) : b < C(3) ? a *(b / C(3) + C(0.5)) : a)

// ---- three operands ----

// a + c·b.
struct ADD_SCALED {
  template <class C>
  static __device__ __forceinline__ C of(C a, C b, C c) {
    if constexpr (isReal<C>) {
      return fma(b, c, a);
    } else {
      return a + b * c;
    }
  }
};

// condition ? a : b.
struct WHERE {
  template <class C>
  static __device__ __forceinline__ C of(int64 condition, C a, C b) {
    return condition ? a : b;
  }
};

// min(max(x, low), high); NaN stays.
struct CLAMP {
  template <class C>
  static __device__ __forceinline__ C of(C x, C low, C high) {
    C raised = x < low ? low : x;
    return raised > high ? high : raised;
  }
};

// x > 0 ? x : slope·x.
struct LEAKY_RELU {
  template <class C>
  static __device__ __forceinline__ C of(C x, C slope) {
    return x > C(0) ? x : x * slope;
  }
};

// x > 0 ? scale·x : factor·(eˣ − 1).
struct ELU {
  template <class C>
  static __device__ __forceinline__ C of(C x, C factor, C scale) {
    return x > C(0) ? x * scale : factor * expm1(x);
  }
};

#undef UNARY
#undef BINARY
#undef UNARY_OR_WHOLE
#undef BINARY_OR_WHOLE

}  // namespace flambeau
