// Elements picked by indices, and values put where indices say.
#include "complaint.cuh"
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// Positions in one dimension of the indexed operand.
struct Indices {
  const int64 *data;
  Steps steps;
  int64 size;    // of that dimension
  int64 stride;  // of that dimension, in elements
  bool negative; // whether −1 means the last

  // Where index `at` leads, or −1 where that is out of range.
  __device__ __forceinline__ int64 offset(const Complaints &complaints, int64 at) const {
    int64 index = data[at];
    if (!complaints.within(index, size, negative)) return -1;
    return (index < 0 ? index + size : index) * stride;
  }
};

template <class T>
struct Operand {
  T *data;
  Steps steps;

  __device__ __forceinline__ T *at(const Space &space, const Coordinates &c) const { return data + steps.offset(space, c); }
};

// out[c] = x[c, but along one dimension what indices[c] says].
template <class T>
__global__ void pick(Operand<T> out, Operand<const T> x, Indices indices, Space space, unsigned n, Complaints complaints) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    Coordinates c = space.locate(i);
    int64 offset = indices.offset(complaints, indices.steps.offset(space, c));
    *out.at(space, c) = offset < 0 ? T{} : x.at(space, c)[offset];
  }
}

// out[c, but along one dimension what indices[c] says] = source[c]. Which of several values for one place stays is not defined.
template <class T>
__global__ void put(Operand<T> out, Operand<const T> source, Indices indices, Space space, unsigned n, Complaints complaints) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    Coordinates c = space.locate(i);
    int64 offset = indices.offset(complaints, indices.steps.offset(space, c));
    if (offset >= 0) out.at(space, c)[offset] = *source.at(space, c);
  }
}

// Adds up to `offsets` where an index of one dimension leads: several index one place after the other.
template <class T>
__global__ void locate(Operand<int64> offsets, Indices indices, Space space, unsigned n, bool first, Complaints complaints) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    Coordinates c = space.locate(i);
    int64 offset = indices.offset(complaints, indices.steps.offset(space, c));
    int64 *to = offsets.at(space, c);
    *to = (first || *to >= 0) && offset >= 0 ? offset + (first ? 0 : *to) : -1;
  }
}

// ---- values that meet in one place: the names are ScatterOp's ----

struct ADD {
  template <class C>
  static __device__ __forceinline__ C of(C a, C b) {
    return a + b;
  }
};
struct MUL {
  template <class C>
  static __device__ __forceinline__ C of(C a, C b) {
    return a * b;
  }
};
struct AMAX {
  template <class C>
  static __device__ __forceinline__ C of(C a, C b) {
    return a != a || a > b ? a : b;
  }
};
struct AMIN {
  template <class C>
  static __device__ __forceinline__ C of(C a, C b) {
    return a != a || a < b ? a : b;
  }
};

// What meets: for each of `columns`, which share no place, `entries` in their order.
template <class T>
struct Meeting {
  Operand<T> out;
  Operand<const T> source;
  Indices indices;
  Steps sourceEntries, indexEntries;
  Space columns, entries;
  unsigned columnCount, entryCount;
  double real;
  int64 whole;

  __device__ __forceinline__ Compute<T> scale() const {
    if constexpr (isReal<Compute<T>>) {
      return static_cast<Compute<T>>(real);
    } else {
      return whole;
    }
  }
};

// A thread for each column, where there are many: no two threads meet, and the order is that of the entries.
template <class F, class T>
__global__ void meet(Meeting<T> m, Complaints complaints) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < m.columnCount; i += gridDim.x * blockDim.x) {
    Coordinates c = m.columns.locate(i);
    T *out = m.out.at(m.columns, c);
    const T *source = m.source.at(m.columns, c);
    int64 index = m.indices.steps.offset(m.columns, c);
    for (unsigned e = 0; e < m.entryCount; e++) {
      Coordinates at = m.entries.locate(e);
      int64 offset = m.indices.offset(complaints, index + m.indexEntries.offset(m.entries, at));
      if (offset < 0) continue;
      Compute<T> x = load(source[m.sourceEntries.offset(m.entries, at)]) * m.scale();
      out[offset] = store<T>(F::of(load(out[offset]), x));
    }
  }
}

constexpr int MEETING = 256;

// A block for each column, where there are few. Of a block's entries for one place the first takes in the others, in their order.
template <class F, class T>
__global__ void __launch_bounds__(MEETING) meetInBlocks(Meeting<T> m, Complaints complaints) {
  __shared__ int64 offsets[MEETING];
  __shared__ Compute<T> values[MEETING];
  for (unsigned i = blockIdx.x; i < m.columnCount; i += gridDim.x) {
    Coordinates c = m.columns.locate(i);
    T *out = m.out.at(m.columns, c);
    const T *source = m.source.at(m.columns, c);
    int64 index = m.indices.steps.offset(m.columns, c);
    for (unsigned begin = 0; begin < m.entryCount; begin += MEETING) {
      unsigned e = begin + threadIdx.x;
      int64 mine = -1;
      if (e < m.entryCount) {
        Coordinates at = m.entries.locate(e);
        mine = m.indices.offset(complaints, index + m.indexEntries.offset(m.entries, at));
        values[threadIdx.x] = load(source[m.sourceEntries.offset(m.entries, at)]) * m.scale();
      }
      offsets[threadIdx.x] = mine;
      __syncthreads();
      bool first = mine >= 0;
      for (int k = 0; first && k < threadIdx.x; k++) first = offsets[k] != mine;
      if (first) {
        Compute<T> sum = load(out[mine]);
        for (int k = threadIdx.x; k < MEETING; k++) {
          if (offsets[k] == mine) sum = load(store<T>(F::of(sum, values[k])));
        }
        out[mine] = store<T>(sum);
      }
      __syncthreads();
    }
  }
}

}  // namespace flambeau
