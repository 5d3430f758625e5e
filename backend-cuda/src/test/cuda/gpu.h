// CUDA C++ for g++: included before a kernel's source, it gives it the language and the functions that NVRTC has built in. A thread that
// waits for others is a fiber, see processor.cpp; everything else is plain C++.
#ifndef FLAMBEAU_SIMULATED
#define FLAMBEAU_SIMULATED 1

// C's headers alone: those of C++ would take longer to read than a kernel to compile.
#define _GLIBCXX_INCLUDE_NEXT_C_HEADERS
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "kernel.h"

#define __CUDACC__ 1
#define __CUDACC_RTC__ 1
#define __CUDA_ARCH__ 900

#define __global__
#define __device__
#define __host__
#define __constant__
#define __managed__
// A block stays on one thread of the host. What is never written is poison, not zero: the compiler must not think that it knows.
#define __shared__ __attribute__((used)) thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)  // libnvrtc.cpp reads them
#define __cluster_dims__(...)
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __builtin_assume(condition) ((condition) ? void() : __builtin_unreachable())
#define __trap() simulated::fail(719, "__trap() at line %d", __LINE__)
#define assert(condition) ((condition) ? void() : simulated::fail(710, "assertion failed at line %d: %s", __LINE__, #condition))

// Dynamic shared memory has this one name: `extern __shared__ __align__(16) unsigned char dynamicShared[];`, a declaration that the
// simulated NVRTC takes out of the source. It ends before a page that cannot be touched.
#define dynamicShared simulatedDynamicShared

constexpr int warpSize = 32;

// ---- vectors ----

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

#define VECTORS(T, name, align2, align4)                                        \
  struct name##1 { T x; };                                                      \
  struct __align__(align2) name##2 { T x, y; };                                 \
  struct name##3 { T x, y, z; };                                                \
  struct __align__(align4) name##4 { T x, y, z, w; };                           \
  static inline name##1 make_##name##1(T x) { return {x}; }                     \
  static inline name##2 make_##name##2(T x, T y) { return {x, y}; }             \
  static inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }     \
  static inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
#define uint3 uint3_  // kernel.h has it
VECTORS(signed char, char, 2, 4)
VECTORS(unsigned char, uchar, 2, 4)
VECTORS(short, short, 4, 8)
VECTORS(unsigned short, ushort, 4, 8)
VECTORS(int, int, 8, 16)
VECTORS(unsigned, uint, 8, 16)
VECTORS(long, long, 16, 16)
VECTORS(unsigned long, ulong, 16, 16)
VECTORS(long long, longlong, 16, 16)
VECTORS(unsigned long long, ulonglong, 16, 16)
VECTORS(float, float, 8, 16)
VECTORS(double, double, 16, 16)
#undef uint3
#undef VECTORS

// ---- threads that wait for each other ----

static inline void __syncthreads(int line = __builtin_LINE()) { simulated::barrier(false, line); }
static inline int __syncthreads_count(int predicate, int line = __builtin_LINE()) { return simulated::barrier(predicate != 0, line); }
static inline int __syncthreads_or(int predicate, int line = __builtin_LINE()) { return simulated::barrier(predicate != 0, line) != 0; }
static inline int __syncthreads_and(int predicate, int line = __builtin_LINE()) { return simulated::barrier(predicate == 0, line) == 0; }

namespace simulated {

template <class T> struct Same {
  using Type = T;
};

constexpr unsigned WARP = 0xffffffffu;

inline int lane() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32; }

template <class T>
inline T shuffle(unsigned mask, T value, int source, int line) {
  static_assert((sizeof(T) == 4 || sizeof(T) == 8) && !__is_class(T), "a shuffle moves int, long long, float or double");
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = exchange(Exchange::SHUFFLE, mask, bits, source, line);
  memcpy(&value, &bits, sizeof value);
  return value;
}

}  // namespace simulated

static inline void __syncwarp(unsigned mask = simulated::WARP, int line = __builtin_LINE()) {
  simulated::exchange(simulated::Exchange::BALLOT, mask, 0, 0, line);
}
static inline unsigned __ballot_sync(unsigned mask, int predicate, int line = __builtin_LINE()) {
  return simulated::exchange(simulated::Exchange::BALLOT, mask, predicate != 0, 0, line);
}
static inline int __any_sync(unsigned mask, int predicate, int line = __builtin_LINE()) { return __ballot_sync(mask, predicate, line) != 0; }
static inline int __all_sync(unsigned mask, int predicate, int line = __builtin_LINE()) { return __ballot_sync(mask, !predicate, line) == 0; }
// Which lanes happen to run together is nothing to rely on.
static inline unsigned __activemask() { return 1u << simulated::lane(); }

template <class T>
static inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, int line = __builtin_LINE()) {
  return simulated::shuffle(mask, value, (simulated::lane() & ~(width - 1)) | (source & (width - 1)), line);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, int line = __builtin_LINE()) {
  int lane = simulated::lane();
  return simulated::shuffle(mask, value, unsigned(lane & (width - 1)) < delta ? lane : lane - delta, line);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, int line = __builtin_LINE()) {
  int lane = simulated::lane();
  return simulated::shuffle(mask, value, (lane & (width - 1)) + delta >= unsigned(width) ? lane : lane + delta, line);
}
template <class T>
static inline T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32, int line = __builtin_LINE()) {
  int lane = simulated::lane(), source = lane ^ bits;
  return simulated::shuffle(mask, value, source / width > lane / width ? lane : source, line);
}

#define REDUCE(name, kind, signedKind)                                                               \
  static inline unsigned __reduce_##name##_sync(unsigned mask, unsigned value, int line = __builtin_LINE()) { \
    return simulated::exchange(simulated::Exchange::kind, mask, value, 0, line);                     \
  }                                                                                                  \
  static inline int __reduce_##name##_sync(unsigned mask, int value, int line = __builtin_LINE()) {  \
    return simulated::exchange(simulated::Exchange::signedKind, mask, unsigned(value), 0, line);     \
  }
REDUCE(add, ADD, ADD)
REDUCE(min, UNSIGNED_MIN, MIN)
REDUCE(max, UNSIGNED_MAX, MAX)
REDUCE(and, AND, AND)
REDUCE(or, OR, OR)
REDUCE(xor, XOR, XOR)
#undef REDUCE

// ---- tensor cores ----

// mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32, the sums being both what is added to and the result.
static inline void simulatedMma(float (&sums)[4], const unsigned (&left)[4], const unsigned (&right)[2], int line = __builtin_LINE()) {
  simulated::Fragment mine = {sums, left, right};
  simulated::exchange(simulated::Exchange::MULTIPLY, simulated::WARP, reinterpret_cast<uint64_t>(&mine), 0, line);
}

// ---- memory ----

// cp.async, cp.async.commit_group and cp.async.wait_group.
static inline void simulatedBeginCopy(void *to, const void *from, unsigned bytes, bool within) {
  simulated::beginCopy(to, within ? from : nullptr, bytes);
}
static inline void simulatedEndCopies() { simulated::endCopies(); }
static inline void simulatedAwaitCopies(unsigned groups) { simulated::awaitCopies(groups); }

static inline void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void __threadfence_system() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

#define LOAD(name) \
  template <class T> static inline T name(const T *from) { return *from; }
#define STORE(name) \
  template <class T> static inline void name(T *to, typename simulated::Same<T>::Type value) { *to = value; }
LOAD(__ldg) LOAD(__ldca) LOAD(__ldcg) LOAD(__ldcs) LOAD(__ldlu) LOAD(__ldcv)
STORE(__stwb) STORE(__stcg) STORE(__stcs) STORE(__stwt)
#undef LOAD
#undef STORE

namespace simulated {

// The value before `change`, which is done as one step.
template <class T, class Change>
inline T atomically(T *at, Change change) {
  T before, after;
  __atomic_load(at, &before, __ATOMIC_RELAXED);
  do after = change(before);
  while (!__atomic_compare_exchange(at, &before, &after, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  return before;
}

}  // namespace simulated

#define ATOMIC(name, result)                                                      \
  template <class T> static inline T atomic##name(T *at, typename simulated::Same<T>::Type value) { \
    return simulated::atomically(at, [=](T old) -> T { return result; });         \
  }
ATOMIC(Add, old + value)
ATOMIC(Sub, old - value)
ATOMIC(Min, value < old ? value : old)
ATOMIC(Max, old < value ? value : old)
ATOMIC(And, old & value)
ATOMIC(Or, old | value)
ATOMIC(Xor, old ^ value)
ATOMIC(Inc, old >= value ? 0 : old + 1)
ATOMIC(Dec, old == 0 || old > value ? value : old - 1)
ATOMIC(Exch, value)
#undef ATOMIC
template <class T> static inline T atomicCAS(T *at, typename simulated::Same<T>::Type expected, typename simulated::Same<T>::Type value) {
  __atomic_compare_exchange(at, &expected, &value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}

#include "math.cuh"

// ---- the table of kernels ----

namespace simulated {

template <unsigned...> struct Indices {};

template <auto KERNEL> struct Entry;
template <class... T, void (*KERNEL)(T...)> struct Entry<KERNEL> {
  static constexpr unsigned SIZES[] = {sizeof(T)..., 0};

  template <unsigned... I> static __forceinline__ void call(void **parameters, Indices<I...>) {
    KERNEL(*static_cast<T *>(parameters[I])...);
  }
  static __attribute__((flatten)) void run(void **parameters) { call(parameters, Indices<__integer_pack(sizeof...(T))...>()); }
};

template <auto KERNEL>
constexpr Kernel kernel(const char *name, unsigned threads) {
  using Entry = Entry<KERNEL>;
  return {name, &Entry::run, sizeof(Entry::SIZES) / sizeof(unsigned) - 1, Entry::SIZES, threads};
}

}  // namespace simulated

#endif
