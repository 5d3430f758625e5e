// Functions that CUDA does not have, and arithmetic with PyTorch's edge cases. The formulas are SpecialFunctions'.
#pragma once

#include "types.cuh"

namespace flambeau {

constexpr double PI = 3.14159265358979323846;
constexpr double SQRT_HALF = 0.70710678118654752440;
constexpr double INV_SQRT_2PI = 0.39894228040143267794;
constexpr double SQRT_2_BY_PI = 0.79788456080286535588;
constexpr double GELU_CUBIC = 0.044715;

template <class C, int N>
__device__ __forceinline__ C polynomial(const double (&c)[N], C x) {
  C sum = C(c[N - 1]);
#pragma unroll
  for (int i = N - 2; i >= 0; i--) sum = sum * x + C(c[i]);
  return sum;
}

// ---- activations ----

template <class C>
__device__ __forceinline__ C sigmoid(C x) {
  return C(1) / (C(1) + exp(-x));
}

template <class C>
__device__ __forceinline__ C hardsigmoid(C x) {
  C y = x + C(3);
  return (y < C(0) ? C(0) : y > C(6) ? C(6) : y) / C(6);
}

// Φ(x).
template <class C>
__device__ __forceinline__ C normalDistribution(C x) {
  return C(0.5) * erfc(-x * C(SQRT_HALF));
}

template <class C>
__device__ __forceinline__ C geluInner(C x) {
  return C(SQRT_2_BY_PI) * (x + C(GELU_CUBIC) * x * x * x);
}

template <class C>
__device__ __forceinline__ C geluTanhDerivative(C x) {
  C t = tanh(geluInner(x));
  return C(0.5) * (C(1) + t) + C(0.5) * x * (C(1) - t * t) * C(SQRT_2_BY_PI) * (C(1) + C(3 * GELU_CUBIC) * x * x);
}

template <class C>
__device__ __forceinline__ C logAddExp(C a, C b) {
  return a == b && a - a != a - a ? a : fmax(a, b) + log1p(exp(-fabs(a - b)));
}

// ---- division ----

template <class C>
__device__ C floorDivide(C a, C b) {
  if (b == C(0)) return a / b;
  C mod = fmod(a, b);
  C quotient = (a - mod) / b;
  if (mod != C(0) && (b < C(0)) != (mod < C(0))) quotient -= C(1);
  if (quotient == C(0)) return copysign(C(0), a / b);
  C whole = floor(quotient);
  return quotient - whole > C(0.5) ? whole + C(1) : whole;
}

template <class C>
__device__ C remainderOf(C a, C b) {
  C mod = fmod(a, b);
  return mod != C(0) && (b < C(0)) != (mod < C(0)) ? mod + b : mod;
}

// A division by zero is core's to refuse where it can see it; here it gives −1, as PyTorch's does, and the smallest number by −1 wraps.
__device__ __forceinline__ int64 wholeDivide(int64 a, int64 b) { return b == 0 ? -1 : b == -1 ? static_cast<int64>(0ull - a) : a / b; }

__device__ __forceinline__ int64 wholeFloorDivide(int64 a, int64 b) {
  int64 quotient = wholeDivide(a, b);
  return b != 0 && quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

__device__ __forceinline__ int64 wholeRemainder(int64 a, int64 b) { return a - wholeFloorDivide(a, b) * b; }

// aᵇ, wrapping; a negative power is the truncated reciprocal.
__device__ inline int64 wholePower(int64 a, int64 b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b & 1 ? -1 : 1) : 0;
  unsigned long long result = 1, square = a;
  for (; b != 0; b >>= 1, square *= square) {
    if (b & 1) result *= square;
  }
  return static_cast<int64>(result);
}

// ---- the gamma function's ----

// sin πx and cos πx, with x reduced before π rounds it.
template <class C>
__device__ __forceinline__ C sinOfPi(C x) {
  C r = x - C(2) * rint(x / C(2));
  return fabs(r) <= C(0.5) ? sin(C(PI) * r) : sin(C(PI) * (copysign(C(1), r) - r));
}

template <class C>
__device__ __forceinline__ C cosOfPi(C x) {
  C r = fabs(x - C(2) * rint(x / C(2)));
  return r <= C(0.25) ? cos(C(PI) * r) : r < C(0.75) ? sin(C(PI) * (C(0.5) - r)) : -cos(C(PI) * (C(1) - r));
}

// The derivative of log Γ; ∓∞ at ±0, NaN at the negative whole numbers.
template <class C>
__device__ C digamma(C x) {
  constexpr double SERIES[] = {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12, -3617.0 / 8160};
  if (x == C(0)) return copysign(C(1) / C(0), -x);
  C reflected = C(0);
  if (x < C(0)) {
    if (x == floor(x)) return C(0) / C(0);
    reflected = C(PI) * cosOfPi(x) / sinOfPi(x);
    x = C(1) - x;
  }
  C sum = C(0);
  for (; x < C(10); x += C(1)) sum += C(1) / x;
  if (x - x != x - x) return x;
  C z = C(1) / (x * x);
  return log(x) - C(0.5) / x - z * polynomial(SERIES, z) - sum - reflected;
}

// The derivative of digamma; by reflection where x is less than ½.
template <class C>
__device__ C trigamma(C x) {
  C sum = C(0);
  bool reflect = x < C(0.5);
  if (reflect) {
    C sine = sinOfPi(x);
    sum = -C(PI * PI) / (sine * sine);
    x = C(1) - x;
  }
  for (int i = 0; i < 6; i++, x += C(1)) sum += C(1) / (x * x);
  C z = C(1) / (x * x);
  sum += (C(1) + C(1) / (C(2) * x) + z * (C(1.0 / 6) - z * (C(1.0 / 30) - z / C(42)))) / x;
  return reflect ? -sum : sum;
}

// Hurwitz' zeta function Σ (q + k)⁻ˣ over k ≥ 0, by the Euler-Maclaurin formula.
template <class C>
__device__ C zeta(C x, C q) {
  constexpr double SERIES[] = {12, -720, 30240, -1209600, 47900160, -1.8924375803183791606e9, 7.47242496e10, -2.950130727918164224e12,
                               1.1646782814350067249e14, -4.5979787224074726105e15, 1.8152105401943546773e17, -7.1661652561756670113e18};
  const C halfUlp = sizeof(C) == 4 ? C(0x1p-24) : C(0x1p-53);
  const C infinity = C(1) / C(0);
  if (x == C(1)) return infinity;
  if (x < C(1)) return infinity - infinity;
  if (q <= C(0)) {
    if (q == floor(q)) return infinity;
    if (x != floor(x)) return infinity - infinity;
  }
  C sum = pow(q, -x), a = q, power = C(0);
  for (int i = 0; i < 9 || a <= C(9); i++) {
    a += C(1);
    power = pow(a, -x);
    sum += power;
    if (fabs(power) < halfUlp * sum) return sum;
  }
  sum += power * a / (x - C(1)) - C(0.5) * power;
  C factor = C(1);
  for (int i = 0; i < 12; i++) {
    factor *= x + C(2 * i);
    power /= a;
    C term = factor * power / C(SERIES[i]);
    sum += term;
    if (fabs(term / sum) < halfUlp) return sum;
    factor *= x + C(2 * i + 1);
    power /= a;
  }
  return sum;
}

}  // namespace flambeau
