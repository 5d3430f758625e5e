// Rows of operands that have the same sizes, along one of their dimensions: held in the registers of a warp, or gone over by a block.
#pragma once

#include "space.cuh"
#include "types.cuh"

namespace flambeau {

constexpr int WARP = 32;
constexpr int THREADS = 256;
constexpr int WARPS = THREADS / WARP;

template <class C>
__device__ __forceinline__ C infinity() {
  return static_cast<C>(__int_as_float(0x7f800000));
}

// ---- operands ----

// One row of n elements for each place of the space.
struct Rows {
  Space space;
  unsigned count, n;
};

// Where an operand's rows begin, and what lies between neighbours in a row.
template <class T>
struct Lines {
  T *data;
  Steps steps;
  int64 step;

  __device__ __forceinline__ T *row(const Rows &rows, const Coordinates &at) const { return data + steps.offset(rows.space, at); }
};

// N neighbours of a row from i on, as one access; one alone may lie apart from the next.
template <int N, class T>
__device__ __forceinline__ void readPack(Compute<T> (&to)[N], const T *row, int64 step, unsigned i) {
  if constexpr (N == 1) {
    to[0] = load(row[i * step]);
  } else {
    Pack<T, N> pack = *reinterpret_cast<const Pack<T, N> *>(row + i);
#pragma unroll
    for (int k = 0; k < N; k++) to[k] = load(pack.at[k]);
  }
}

template <int N, class T>
__device__ __forceinline__ void writePack(T *row, int64 step, unsigned i, const Compute<T> *from) {
  if constexpr (N == 1) {
    row[i * step] = store<T>(from[0]);
  } else {
    Pack<T, N> pack;
#pragma unroll
    for (int k = 0; k < N; k++) pack.at[k] = store<T>(from[k]);
    *reinterpret_cast<Pack<T, N> *>(row + i) = pack;
  }
}

// ---- a row in the registers of a warp ----

// E elements a lane, as packs of N that lie side by side across the lanes.
template <class T, int E, int N>
struct Held {
  Compute<T> at[E];

  // Which element of the row at[k] is, for k a multiple of N.
  static __device__ __forceinline__ unsigned place(int k) { return k * WARP + threadIdx.x % WARP * N; }

  // Whether at[k] is an element of a row of length n, which packs divide.
  static __device__ __forceinline__ bool present(int k, unsigned n) { return place(k / N * N) < n; }

  __device__ __forceinline__ void read(const T *row, int64 step, unsigned n, Compute<T> beyond) {
#pragma unroll
    for (int k = 0; k < E; k += N) {
      if (place(k) < n) {
        readPack<N, T>(*reinterpret_cast<Compute<T>(*)[N]>(at + k), row, step, place(k));
      } else {
#pragma unroll
        for (int j = 0; j < N; j++) at[k + j] = beyond;
      }
    }
  }

  __device__ __forceinline__ void write(T *row, int64 step, unsigned n) const {
#pragma unroll
    for (int k = 0; k < E; k += N) {
      if (place(k) < n) writePack<N>(row, step, place(k), at + k);
    }
  }
};

// Every lane gets the sum, in an order that is always the same.
template <class C>
__device__ __forceinline__ C warpSum(C x) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffff, x, distance);
  return x;
}

template <class C>
__device__ __forceinline__ C warpMax(C x) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    C other = __shfl_xor_sync(0xffffffff, x, distance);
    x = other > x ? other : x;
  }
  return x;
}

// ---- rows gone over by a block ----

// What is added up.
template <class C>
struct Total {
  C sum = C(0);

  __device__ __forceinline__ void merge(const Total &other) { sum += other.sum; }
};

template <class C>
struct TwoTotals {
  C first = C(0), second = C(0);

  __device__ __forceinline__ void merge(const TwoTotals &other) {
    first += other.first;
    second += other.second;
  }
};

// A block's threads: `lanes` go over one row, as many rows at a time as that leaves. Neighbouring threads are lanes of one row where `along`,
// else the same lane of neighbouring rows.
struct Team {
  int lanes, places, lane, column;

  __device__ __forceinline__ Team(int lanes, bool along) : lanes(lanes), places(THREADS / lanes) {
    lane = along ? threadIdx.x % lanes : threadIdx.x / places;
    column = along ? threadIdx.x / lanes : threadIdx.x % places;
  }

  // What the lanes of each row gathered, put together in an order that is always the same. All threads of the block come here.
  template <class S>
  __device__ __forceinline__ S merge(const S &gathered) const {
    alignas(16) __shared__ unsigned char memory[THREADS * sizeof(S)];
    S *shared = reinterpret_cast<S *>(memory);
    int slot = lane * places + column;
    shared[slot] = gathered;
    for (int half = lanes / 2; half > 0; half /= 2) {
      __syncthreads();
      if (lane < half) shared[slot].merge(shared[slot + half * places]);
    }
    __syncthreads();
    S whole = shared[column];
    __syncthreads();
    return whole;
  }
};

}  // namespace flambeau
