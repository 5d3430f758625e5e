// Running sums and products along one dimension.
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// Real numbers are carried in float64: over a long row float32 would lose digits, and memory is what takes the time.
template <class C>
struct Carried {
  using type = double;
};
template <>
struct Carried<int64> {
  using type = int64;
};
template <class T>
using Carry = typename Carried<Compute<T>>::type;

// ---- what is carried: the names are ScanOp's ----

struct CUMSUM {
  static constexpr int START = 0;
  template <class C>
  static __device__ __forceinline__ C of(C a, C b) {
    return a + b;
  }
};

struct CUMPROD {
  static constexpr int START = 1;
  template <class C>
  static __device__ __forceinline__ C of(C a, C b) {
    return a * b;
  }
};

// Rows of `length` elements, each divided into gridDim.y parts of `each`. Without `out` a launch leaves in `totals` what each part comes to,
// all rows of one part after the other; with it, a part begins with the totals of the parts before it.
template <class T>
struct Rows {
  const T *x;
  T *out;
  Carry<T> *totals;
  int64 length, each;
  int64 step, outStep;  // from one element of a row to the next
  Steps steps, outSteps;
  Space space;
  unsigned count;

  __device__ __forceinline__ int64 begin() const { return blockIdx.y * each; }
  __device__ __forceinline__ int64 end() const { return length - begin() < each ? length : begin() + each; }

  // What every `lanes`-th of the parts before this one comes to, from number `lane` on.
  template <class Op>
  __device__ __forceinline__ Carry<T> before(unsigned row, unsigned lane, unsigned lanes) const {
    Carry<T> carry = Op::START;
    if (out) {
      for (unsigned p = lane; p < blockIdx.y; p += lanes) carry = Op::of(carry, totals[p * static_cast<int64>(count) + row]);
    }
    return carry;
  }

  __device__ __forceinline__ void total(unsigned row, Carry<T> carry) const {
    if (!out) totals[blockIdx.y * static_cast<int64>(count) + row] = carry;
  }
};

constexpr int THREADS = 256;

// A thread for each row, or its part: where neighbouring rows lie side by side.
template <class Op, class T>
__global__ void __launch_bounds__(THREADS) scanColumns(Rows<T> rows) {
  constexpr int IN_FLIGHT = sizeof(T) < 8 ? 8 : 4;
  for (unsigned row = blockIdx.x * THREADS + threadIdx.x; row < rows.count; row += gridDim.x * THREADS) {
    Coordinates c = rows.space.locate(row);
    const T *x = rows.x + rows.steps.offset(rows.space, c);
    T *out = rows.out ? rows.out + rows.outSteps.offset(rows.space, c) : nullptr;
    Carry<T> carry = rows.template before<Op>(row, 0, 1);
    int64 i = rows.begin(), end = rows.end();
    for (; end - i >= IN_FLIGHT; i += IN_FLIGHT) {
      T loaded[IN_FLIGHT];
#pragma unroll
      for (int k = 0; k < IN_FLIGHT; k++) loaded[k] = x[(i + k) * rows.step];
#pragma unroll
      for (int k = 0; k < IN_FLIGHT; k++) {
        carry = Op::of(carry, static_cast<Carry<T>>(load(loaded[k])));
        if (out) out[(i + k) * rows.outStep] = store<T>(carry);
      }
    }
    for (; i < end; i++) {
      carry = Op::of(carry, static_cast<Carry<T>>(load(x[i * rows.step])));
      if (out) out[i * rows.outStep] = store<T>(carry);
    }
    rows.total(row, carry);
  }
}

// Within a warp, what each lane comes to with all lanes before it.
template <class Op, class C>
__device__ __forceinline__ C scanWarp(C mine, unsigned lane) {
#pragma unroll
  for (int delta = 1; delta < 32; delta *= 2) {
    C other = __shfl_up_sync(0xffffffff, mine, delta);
    if (lane >= delta) mine = Op::of(other, mine);
  }
  return mine;
}

constexpr int EACH = 4;

// WARPS warps for each row, or its part: where a row's elements lie side by side. They look at EACH elements a thread together, whose groups
// of 32 are scanned each by itself, and then what the groups come to.
template <class Op, class T, int WARPS>
__global__ void __launch_bounds__(THREADS) scanLines(Rows<T> rows) {
  using C = Carry<T>;
  constexpr int LANES = 32 * WARPS;
  constexpr int GROUPS = EACH * WARPS;
  static_assert(WARPS == 1 || GROUPS == 32, "one warp scans what the groups of a block come to");
  __shared__ C groups[GROUPS];
  unsigned lane = threadIdx.x % 32, warp = threadIdx.x % LANES / 32;
  for (unsigned row = blockIdx.x * (THREADS / LANES) + threadIdx.x / LANES; row < rows.count; row += gridDim.x * (THREADS / LANES)) {
    Coordinates c = rows.space.locate(row);
    const T *x = rows.x + rows.steps.offset(rows.space, c);
    T *out = rows.out ? rows.out + rows.outSteps.offset(rows.space, c) : nullptr;
    C carry = rows.template before<Op>(row, lane, 32);
#pragma unroll
    for (int bit = 16; bit > 0; bit /= 2) carry = Op::of(carry, __shfl_xor_sync(0xffffffff, carry, bit));
    for (int64 tile = rows.begin(), end = rows.end(); tile < end; tile += EACH * LANES) {
      C mine[EACH];
#pragma unroll
      for (int k = 0; k < EACH; k++) {
        int64 i = tile + k * LANES + threadIdx.x % LANES;
        mine[k] = i < end ? static_cast<C>(load(x[i * rows.step])) : C(Op::START);
      }
#pragma unroll
      for (int k = 0; k < EACH; k++) mine[k] = scanWarp<Op>(mine[k], lane);
      C before[EACH];
      if constexpr (WARPS == 1) {
#pragma unroll
        for (int k = 0; k < EACH; k++) {
          before[k] = carry;
          carry = Op::of(carry, __shfl_sync(0xffffffff, mine[k], 31));
        }
      } else {
#pragma unroll
        for (int k = 0; k < EACH; k++) {
          if (lane == 31) groups[k * WARPS + warp] = mine[k];
        }
        __syncthreads();
        if (warp == 0) groups[lane] = scanWarp<Op>(groups[lane], lane);
        __syncthreads();
#pragma unroll
        for (int k = 0; k < EACH; k++) {
          int group = k * WARPS + warp;
          before[k] = group == 0 ? carry : Op::of(carry, groups[group - 1]);
        }
        carry = Op::of(carry, groups[GROUPS - 1]);
        __syncthreads();
      }
#pragma unroll
      for (int k = 0; k < EACH; k++) {
        int64 i = tile + k * LANES + threadIdx.x % LANES;
        if (out && i < end) out[i * rows.outStep] = store<T>(Op::of(before[k], mine[k]));
      }
    }
    if (threadIdx.x % LANES == 0) rows.total(row, carry);
  }
}

}  // namespace flambeau
