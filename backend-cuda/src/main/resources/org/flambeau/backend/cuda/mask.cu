// What is not zero: how many, where, and the elements that a mask selects.
#include "complaint.cuh"
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

constexpr int THREADS = 256;
constexpr int WARPS = THREADS / 32;
constexpr int EACH = 4;
// Places that a block looks at together: as many groups of 32 as a warp has lanes.
constexpr int TILE = EACH * THREADS;
static_assert(EACH * WARPS == 32, "one warp adds up what the groups of a tile have found");

// What is asked of: each block looks at a range of the places, `each` of them, a multiple of a tile.
template <class T>
struct Asked {
  const T *x;
  Steps steps;
  Space space;
  unsigned count, each;
  bool packed;  // whether the elements lie one after the other, aligned to 16 bytes

  __device__ __forceinline__ unsigned begin() const { return blockIdx.x * each; }
  __device__ __forceinline__ unsigned end() const { return count - begin() < each ? count : begin() + each; }
  __device__ __forceinline__ bool isTrue(const Coordinates &c) const { return load(x[steps.offset(space, c)]) != Compute<T>(0); }
};

__device__ __forceinline__ int64 sumOfBlock(int64 mine) {
  __shared__ int64 sums[WARPS];
#pragma unroll
  for (int delta = 16; delta > 0; delta /= 2) mine += __shfl_down_sync(0xffffffff, mine, delta);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = mine;
  __syncthreads();
  int64 sum = 0;
#pragma unroll
  for (int w = 0; w < WARPS; w++) sum += sums[w];
  return sum;
}

// How many of each block's range are not zero.
template <class T>
__global__ void __launch_bounds__(THREADS) count(Asked<T> asked, int64 *counts) {
  constexpr int N = packed<T>();
  unsigned end = asked.end(), i = asked.begin();
  int64 mine = 0;
  if (asked.packed) {
    for (i += threadIdx.x * N; i < end && end - i >= N; i += THREADS * N) {
      Pack<T, N> pack = *reinterpret_cast<const Pack<T, N> *>(asked.x + i);
#pragma unroll
      for (int k = 0; k < N; k++) mine += load(pack.at[k]) != Compute<T>(0);
    }
    for (; i < end; i++) mine += load(asked.x[i]) != Compute<T>(0);
  } else {
    for (i += threadIdx.x; i < end; i += THREADS) mine += asked.isTrue(asked.space.locate(i));
  }
  int64 sum = sumOfBlock(mine);
  if (threadIdx.x == 0) counts[blockIdx.x] = sum;
}

// Puts each element that is not zero into the place that is its own: after as many others as come before it. `counts` are those of the blocks
// from the very first on, the first of this launch having number `before`.
template <class T, class Sink>
__global__ void __launch_bounds__(THREADS) compact(Asked<T> asked, const int64 *counts, int before, Sink sink) {
  __shared__ unsigned found[EACH][WARPS];
  __shared__ unsigned total;
  unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int64 mine = 0;
  for (int b = threadIdx.x; b < before + static_cast<int>(blockIdx.x); b += THREADS) mine += counts[b];
  int64 start = sumOfBlock(mine);
  for (unsigned tile = asked.begin(); tile < asked.end(); tile += TILE) {
    Coordinates at[EACH];
    unsigned votes[EACH];
#pragma unroll
    for (int k = 0; k < EACH; k++) {
      unsigned place = tile + k * THREADS + threadIdx.x;
      at[k] = asked.space.locate(place < asked.count ? place : 0);
      votes[k] = __ballot_sync(0xffffffff, place < asked.end() && asked.isTrue(at[k]));
      if (lane == 0) found[k][warp] = __popc(votes[k]);
    }
    __syncthreads();
    if (warp == 0) {
      unsigned own = found[lane / WARPS][lane % WARPS], sum = own;
#pragma unroll
      for (int delta = 1; delta < 32; delta *= 2) {
        unsigned other = __shfl_up_sync(0xffffffff, sum, delta);
        if (lane >= delta) sum += other;
      }
      found[lane / WARPS][lane % WARPS] = sum - own;
      if (lane == 31) total = sum;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < EACH; k++) {
      if (votes[k] >> lane & 1) {
        int64 number = start + found[k][warp] + __popc(votes[k] & ((1u << lane) - 1));
        sink.put(number, tile + k * THREADS + threadIdx.x, asked.space, at[k]);
      }
    }
    start += total;
    __syncthreads();
  }
}

// The positions in some dimensions: a place's number divided by how many places an index stands for is the index.
struct Positions {
  int64 *out;
  int64 row, column;  // strides of `out`
  int64 first;        // the number of this launch's first place
  int count;
  int64 sizes[MAX_RANK], inner[MAX_RANK];

  __device__ __forceinline__ void put(int64 number, unsigned place, const Space &, const Coordinates &) const {
#pragma unroll
    for (int d = 0; d < MAX_RANK; d++) {
      if (d < count) out[number * row + d * column] = (first + place) / inner[d] % sizes[d];
    }
  }
};

// The elements where the mask is true, as many as there is room for.
template <class T>
struct Select {
  T *out;
  int64 stride, size;
  const T *x;
  Steps steps;

  __device__ __forceinline__ void put(int64 number, unsigned, const Space &space, const Coordinates &c) const {
    if (number < size) out[number * stride] = x[steps.offset(space, c)];
  }
};

// To where the mask is true.
template <class T>
struct Scatter {
  T *out;
  const T *source;
  int64 stride, size;
  Complaints complaints;
  Steps steps;

  __device__ __forceinline__ void put(int64 number, unsigned, const Space &space, const Coordinates &c) const {
    if (complaints.within(number, size)) out[steps.offset(space, c)] = source[number * stride];
  }
};

}  // namespace flambeau
