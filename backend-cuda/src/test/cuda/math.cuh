// Part of gpu.h: the arithmetic that CUDA has and <math.h> has not.
#pragma once

// ---- bits ----

namespace simulated {

template <class To, class From>
inline To bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

}  // namespace simulated

static inline float __int_as_float(int bits) { return simulated::bits<float>(bits); }
static inline float __uint_as_float(unsigned bits) { return simulated::bits<float>(bits); }
static inline int __float_as_int(float value) { return simulated::bits<int>(value); }
static inline unsigned __float_as_uint(float value) { return simulated::bits<unsigned>(value); }
static inline double __longlong_as_double(long long bits) { return simulated::bits<double>(bits); }
static inline long long __double_as_longlong(double value) { return simulated::bits<long long>(value); }
static inline double __hiloint2double(int high, int low) { return __longlong_as_double((long long)high << 32 | unsigned(low)); }
static inline int __double2hiint(double value) { return __double_as_longlong(value) >> 32; }
static inline int __double2loint(double value) { return __double_as_longlong(value); }

// IEEE binary16, to nearest even.
static inline float simulatedHalfToFloat(unsigned short half) {
  typedef short Halves __attribute__((vector_size(16)));
  return __builtin_ia32_vcvtph2ps(Halves{short(half)})[0];
}
static inline unsigned short simulatedFloatToHalf(float value) {
  typedef float Floats __attribute__((vector_size(16)));
  return __builtin_ia32_vcvtps2ph(Floats{value}, 0)[0];
}

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned long long __brevll(unsigned long long x) {
  x = __builtin_bswap64(x);
  x = (x >> 4 & 0x0f0f0f0f0f0f0f0f) | (x & 0x0f0f0f0f0f0f0f0f) << 4;
  x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
  return (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
}
static inline unsigned __brev(unsigned x) { return __brevll(x) >> 32; }
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  unsigned long long bytes = (unsigned long long)y << 32 | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    unsigned select = selector >> 4 * i & 15, byte = bytes >> 8 * (select & 7) & 0xff;
    result |= (select & 8 ? (byte & 0x80 ? 0xff : 0) : byte) << 8 * i;
  }
  return result;
}
static inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return ((unsigned long long)high << 32 | low) << (shift & 31) >> 32;
}
static inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return ((unsigned long long)high << 32 | low) >> (shift & 31);
}

// ---- integers ----

static inline int __mulhi(int x, int y) { return (long long)x * y >> 32; }
static inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned long long)x * y >> 32; }
static inline long long __mul64hi(long long x, long long y) { return (__int128)x * y >> 64; }
static inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) { return (unsigned __int128)x * y >> 64; }
static inline int __mul24(int x, int y) { return (x << 8 >> 8) * (y << 8 >> 8); }
static inline unsigned __umul24(unsigned x, unsigned y) { return (x & 0xffffff) * (y & 0xffffff); }
static inline unsigned __sad(int x, int y, unsigned z) { return (x < y ? unsigned(y) - x : unsigned(x) - y) + z; }

#define MIN_MAX(T)                                         \
  static inline T min(T x, T y) { return y < x ? y : x; }  \
  static inline T max(T x, T y) { return x < y ? y : x; }
MIN_MAX(int)
MIN_MAX(unsigned)
MIN_MAX(long)
MIN_MAX(unsigned long)
MIN_MAX(long long)
MIN_MAX(unsigned long long)
#undef MIN_MAX
// As on a GPU, the number where one of the two is none.
static inline float min(float x, float y) { return fminf(x, y); }
static inline float max(float x, float y) { return fmaxf(x, y); }
static inline double min(double x, double y) { return fmin(x, y); }
static inline double max(double x, double y) { return fmax(x, y); }

// ---- conversions: NaN is 0, and what does not fit is the nearest that does ----

namespace simulated {

enum Rounding { NEAREST, ZERO, UP, DOWN };

template <Rounding R, class T>
inline T rounded(T x) {
  return R == NEAREST ? nearbyint(x) : R == ZERO ? trunc(x) : R == UP ? ceil(x) : floor(x);
}

template <class To, Rounding R, class From>
inline To saturated(From x) {
  x = rounded<R>(x);
  constexpr bool SIGNED = To(-1) < To(0);
  constexpr int BITS = sizeof(To) * 8 - SIGNED;
  constexpr To MAX = To(~0ull >> (64 - BITS));
  if (x != x) return 0;
  if (x >= From(2) * From(1ull << (BITS - 1))) return MAX;
  if (x <= (SIGNED ? From(-2) * From(1ull << (BITS - 1)) : From(0))) return To(-MAX - 1) * SIGNED;
  return To(x);
}

}  // namespace simulated

#define CONVERSIONS(name, From, suffix, rounding)                                                                                          \
  static inline int __##name##2int_##suffix(From x) { return simulated::saturated<int, simulated::rounding>(x); }                          \
  static inline unsigned __##name##2uint_##suffix(From x) { return simulated::saturated<unsigned, simulated::rounding>(x); }               \
  static inline long long __##name##2ll_##suffix(From x) { return simulated::saturated<long long, simulated::rounding>(x); }               \
  static inline unsigned long long __##name##2ull_##suffix(From x) { return simulated::saturated<unsigned long long, simulated::rounding>(x); }
#define ROUNDINGS(name, From)        \
  CONVERSIONS(name, From, rn, NEAREST) \
  CONVERSIONS(name, From, rz, ZERO)  \
  CONVERSIONS(name, From, ru, UP)    \
  CONVERSIONS(name, From, rd, DOWN)
ROUNDINGS(float, float)
ROUNDINGS(double, double)
#undef ROUNDINGS
#undef CONVERSIONS
static inline float __int2float_rn(int x) { return x; }
static inline float __uint2float_rn(unsigned x) { return x; }
static inline float __ll2float_rn(long long x) { return x; }
static inline float __ull2float_rn(unsigned long long x) { return x; }
static inline double __int2double_rn(int x) { return x; }
static inline double __uint2double_rn(unsigned x) { return x; }
static inline double __ll2double_rn(long long x) { return x; }
static inline double __ull2double_rn(unsigned long long x) { return x; }
static inline float __double2float_rn(double x) { return x; }

// ---- floating point, without contraction where the name promises it ----

#define UNCONTRACTED __attribute__((optimize("fp-contract=off"), noinline))
static UNCONTRACTED float __fadd_rn(float x, float y) { return x + y; }
static UNCONTRACTED float __fsub_rn(float x, float y) { return x - y; }
static UNCONTRACTED float __fmul_rn(float x, float y) { return x * y; }
static UNCONTRACTED double __dadd_rn(double x, double y) { return x + y; }
static UNCONTRACTED double __dsub_rn(double x, double y) { return x - y; }
static UNCONTRACTED double __dmul_rn(double x, double y) { return x * y; }
#undef UNCONTRACTED
static inline float __fdiv_rn(float x, float y) { return x / y; }
static inline float __frcp_rn(float x) { return 1 / x; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
static inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
static inline double __ddiv_rn(double x, double y) { return x / y; }
static inline double __drcp_rn(double x) { return 1 / x; }
static inline double __dsqrt_rn(double x) { return sqrt(x); }
static inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }
static inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }

// Those that a GPU answers quickly and roughly. The names that glibc has taken are macros.
static inline float fdividef(float x, float y) { return x / y; }
static inline float __fdividef(float x, float y) { return x / y; }
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __log10f(x) log10f(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __tanf(x) tanf(x)
#define __sincosf(x, sine, cosine) sincosf(x, sine, cosine)

static inline float rsqrtf(float x) { return 1 / sqrtf(x); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
static inline float rcbrtf(float x) { return 1 / cbrtf(x); }
static inline double rcbrt(double x) { return 1 / cbrt(x); }
static inline double rhypot(double x, double y) { return 1 / hypot(x, y); }
static inline float rhypotf(float x, float y) { return 1 / hypotf(x, y); }

// Of x half turns: exact where that is.
static inline double cospi(double x) { return sin(M_PI * (0.5 - fabs(x - 2 * nearbyint(x / 2)))); }
static inline double sinpi(double x) {
  double turn = x - 2 * nearbyint(x / 2);  // in [-1, 1]
  return trunc(x) == x ? copysign(0.0, x) : sin(M_PI * (fabs(turn) > 0.5 ? copysign(1.0, turn) - turn : turn));
}
static inline float sinpif(float x) { return sinpi(x); }
static inline float cospif(float x) { return cospi(x); }
static inline void sincospi(double x, double *sine, double *cosine) { *sine = sinpi(x), *cosine = cospi(x); }
static inline void sincospif(float x, float *sine, float *cosine) { *sine = sinpi(x), *cosine = cospi(x); }

// The normal distribution, and the inverse of erf by a start within 2e-3 (Giles, 2012, made rough) and steps of Halley's method.
static inline double normcdf(double x) { return 0.5 * erfc(-M_SQRT1_2 * x); }
static inline double erfinv(double y) {
  if (!(fabs(y) < 1)) return fabs(y) == 1 ? copysign(HUGE_VAL, y) : NAN;
  double w = log1p(-y * y), a = 2 / (M_PI * 0.147) + w / 2, x = copysign(sqrt(sqrt(a * a - w / 0.147) - a), y);
  for (int i = 0; i < 4; i++) {
    double error = (fabs(y) < 0.5 ? erf(x) - y : copysign(1.0, y) * ((1 - fabs(y)) - erfc(fabs(x)))) / (M_2_SQRTPI * exp(-x * x));
    x -= error / (1 + x * error);
  }
  return x;
}
static inline double erfcinv(double y) { return erfinv(1 - y); }
static inline double normcdfinv(double y) { return M_SQRT2 * erfinv(2 * y - 1); }
static inline double erfcx(double x) { return x < 25 ? exp(x * x) * erfc(x) : M_2_SQRTPI / 2 / x * (1 - 1 / (2 * x * x)); }
static inline float normcdff(float x) { return normcdf(x); }
static inline float normcdfinvf(float y) { return normcdfinv(y); }
static inline float erfinvf(float y) { return erfinv(y); }
static inline float erfcinvf(float y) { return erfcinv(y); }
static inline float erfcxf(float x) { return erfcx(x); }

// Of one name for float and double, as CUDA has them.
#undef isfinite
#undef isinf
#undef isnan
#undef signbit
#define CLASSIFY(name)                                                       \
  static inline bool name(float x) { return __builtin_##name(x) != 0; }      \
  static inline bool name(double x) { return __builtin_##name(x) != 0; }
CLASSIFY(isfinite) CLASSIFY(isinf) CLASSIFY(isnan) CLASSIFY(signbit)
#undef CLASSIFY
#define UNARY(name) \
  static inline float name(float x) { return name##f(x); }
UNARY(acos) UNARY(acosh) UNARY(asin) UNARY(asinh) UNARY(atan) UNARY(atanh) UNARY(cbrt) UNARY(ceil) UNARY(cos) UNARY(cosh) UNARY(cospi)
UNARY(erf) UNARY(erfc) UNARY(erfcinv) UNARY(erfcx) UNARY(erfinv) UNARY(exp) UNARY(exp10) UNARY(exp2) UNARY(expm1) UNARY(fabs) UNARY(floor)
UNARY(lgamma) UNARY(log) UNARY(log10) UNARY(log1p) UNARY(log2) UNARY(logb) UNARY(nearbyint) UNARY(normcdf) UNARY(normcdfinv) UNARY(rcbrt)
UNARY(rint) UNARY(round) UNARY(rsqrt) UNARY(sin) UNARY(sinh) UNARY(sinpi) UNARY(sqrt) UNARY(tan) UNARY(tanh) UNARY(tgamma) UNARY(trunc)
#undef UNARY
#define BINARY(name)                                                         \
  static inline float name(float x, float y) { return name##f(x, y); }       \
  static inline double name(float x, double y) { return name(double(x), y); } \
  static inline double name(double x, float y) { return name(x, double(y)); }
BINARY(atan2) BINARY(copysign) BINARY(fdim) BINARY(fmax) BINARY(fmin) BINARY(fmod) BINARY(hypot) BINARY(nextafter) BINARY(pow)
BINARY(remainder) BINARY(rhypot)
#undef BINARY
static inline float fma(float x, float y, float z) { return fmaf(x, y, z); }
static inline float frexp(float x, int *exponent) { return frexpf(x, exponent); }
static inline float ldexp(float x, int exponent) { return ldexpf(x, exponent); }
static inline float modf(float x, float *whole) { return modff(x, whole); }
static inline double pow(double x, int y) { return pow(x, double(y)); }
static inline float pow(float x, int y) { return powf(x, float(y)); }
static inline void sincos(float x, float *sine, float *cosine) { sincosf(x, sine, cosine); }
static inline int abs(int x) { return x < 0 ? -x : x; }
static inline long abs(long x) { return x < 0 ? -x : x; }
static inline long long abs(long long x) { return x < 0 ? -x : x; }
static inline float abs(float x) { return fabsf(x); }
static inline double abs(double x) { return fabs(x); }
static inline long long llabs(long long x) { return x < 0 ? -x : x; }
