// Element types as they lie in memory, the types that are computed with, and the casts between them. Names are those of DType.
#pragma once

namespace flambeau {

using boolean = bool;
using uint8 = unsigned char;
using int8 = signed char;
using int16 = short;
using int32 = int;
using int64 = long long;
using float32 = float;
using float64 = double;

struct bfloat16 {
  unsigned short bits;
};

struct float16 {
  unsigned short bits;
};

// The type of arithmetic: half precision computes in float32 and rounds once, whole numbers compute in int64 and wrap.
template <class T>
struct Arithmetic {
  using type = int64;
};
template <>
struct Arithmetic<float16> {
  using type = float;
};
template <>
struct Arithmetic<bfloat16> {
  using type = float;
};
template <>
struct Arithmetic<float> {
  using type = float;
};
template <>
struct Arithmetic<double> {
  using type = double;
};
template <class T>
using Compute = typename Arithmetic<T>::type;

template <class C>
struct IsReal {
  static constexpr bool value = true;
};
template <>
struct IsReal<int64> {
  static constexpr bool value = false;
};
template <class C>
constexpr bool isReal = IsReal<C>::value;

// ---- from memory ----

template <class T>
__device__ __forceinline__ Compute<T> load(T x) {
  return x;
}
__device__ __forceinline__ float load(bfloat16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }
__device__ __forceinline__ float load(float16 x) {
#ifdef FLAMBEAU_SIMULATED
  return simulatedHalfToFloat(x.bits);
#else
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#endif
}

// ---- to memory ----

// Casts as PyTorch does: real to whole truncates, to bool asks whether it is not zero, to half precision rounds to nearest even.
template <class T>
struct Cast {
  template <class C>
  static __device__ __forceinline__ T of(C x) {
    return static_cast<T>(x);
  }
};
template <class T>
struct WholeCast {
  static __device__ __forceinline__ T of(int64 x) { return static_cast<T>(x); }
  static __device__ __forceinline__ T of(float x) { return static_cast<T>(static_cast<int64>(x)); }
  static __device__ __forceinline__ T of(double x) { return static_cast<T>(static_cast<int64>(x)); }
};
template <>
struct Cast<uint8> : WholeCast<uint8> {};
template <>
struct Cast<int8> : WholeCast<int8> {};
template <>
struct Cast<int16> : WholeCast<int16> {};
template <>
struct Cast<int32> : WholeCast<int32> {};
template <>
struct Cast<boolean> {
  template <class C>
  static __device__ __forceinline__ bool of(C x) {
    return x != C(0);
  }
};
template <>
struct Cast<bfloat16> {
  template <class C>
  static __device__ __forceinline__ bfloat16 of(C x) {
    float y = static_cast<float>(x);
    unsigned u = __float_as_uint(y);
    unsigned rounded = u + 0x7fff + (u >> 16 & 1);
    return {static_cast<unsigned short>(y != y ? 0x7fc0 : rounded >> 16)};
  }
};
template <>
struct Cast<float16> {
  template <class C>
  static __device__ __forceinline__ float16 of(C x) {
    float y = static_cast<float>(x);
#ifdef FLAMBEAU_SIMULATED
    return {simulatedFloatToHalf(y)};
#else
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(y));
    return {bits};
#endif
  }
};

template <class T, class C>
__device__ __forceinline__ T store(C x) {
  return Cast<T>::of(x);
}

// ---- several at once ----

// N neighbours that one access moves.
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T at[N];
};

// As many elements of the widest type as one access of 16 bytes moves.
template <class... T>
__device__ constexpr int packed() {
  int widest = 1;
  ((widest = sizeof(T) > widest ? sizeof(T) : widest), ...);
  return 16 / widest;
}

}  // namespace flambeau
