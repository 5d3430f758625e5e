// Sorting and selection along one dimension, stable, NaN beyond all.
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

using uint32 = unsigned;
using uint64 = unsigned long long;

// ---- elements as unsigned integers in the same order: both zeros are equal, and all NaN, which are greater than the rest ----

__device__ __forceinline__ uint32 key(boolean x) { return x; }
__device__ __forceinline__ uint32 key(uint8 x) { return x; }
__device__ __forceinline__ uint32 key(int32 x) { return static_cast<uint32>(x) ^ 0x80000000u; }
__device__ __forceinline__ uint32 key(int8 x) { return key(int32(x)); }
__device__ __forceinline__ uint32 key(int16 x) { return key(int32(x)); }
__device__ __forceinline__ uint64 key(int64 x) { return static_cast<uint64>(x) ^ 1ull << 63; }
__device__ __forceinline__ uint32 key(float32 x) {
  if (x != x) return ~0u;
  uint32 bits = x == 0 ? 0 : __float_as_uint(x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ uint64 key(float64 x) {
  if (x != x) return ~0ull;
  uint64 bits = x == 0 ? 0 : static_cast<uint64>(__double_as_longlong(x));
  return bits >> 63 ? ~bits : bits | 1ull << 63;
}
__device__ __forceinline__ uint32 key(float16 x) { return key(load(x)); }
__device__ __forceinline__ uint32 key(bfloat16 x) { return key(load(x)); }

// ---- what is sorted: a key and where in the row it comes from, which makes no two alike and the order stable ----

struct Narrow {
  uint64 keyAndIndex;

  static __device__ __forceinline__ Narrow of(uint32 key, uint32 index) { return {static_cast<uint64>(key) << 32 | index}; }
  static __device__ __forceinline__ Narrow last() { return {~0ull}; }
  __device__ __forceinline__ uint32 index() const { return static_cast<uint32>(keyAndIndex); }
  __device__ __forceinline__ bool operator<(const Narrow &other) const { return keyAndIndex < other.keyAndIndex; }
};

struct alignas(16) Wide {
  uint64 key, at;

  static __device__ __forceinline__ Wide of(uint64 key, uint32 index) { return {key, index}; }
  static __device__ __forceinline__ Wide last() { return {~0ull, ~0ull}; }
  __device__ __forceinline__ uint32 index() const { return static_cast<uint32>(at); }
  __device__ __forceinline__ bool operator<(const Wide &other) const { return key < other.key || (key == other.key && at < other.at); }
};

template <class K>
struct Entry {
  using type = Narrow;
};
template <>
struct Entry<uint64> {
  using type = Wide;
};
template <class T>
using Item = typename Entry<decltype(key(T()))>::type;

// ---- where items come from and where they go ----

// The elements of rows, from row number `first` on; in descending order all bits of the keys are turned.
template <class T>
struct Elements {
  using Item = flambeau::Item<T>;
  const T *x;
  int64 step;
  Steps steps;
  Space rows;
  uint32 first;
  bool descending;

  struct Row {
    const T *x;
    int64 step;
    bool descending;

    __device__ __forceinline__ Item operator[](uint32 i) const {
      auto k = key(x[i * step]);
      return Item::of(descending ? ~k : k, i);
    }
  };
  __device__ __forceinline__ Row row(uint32 row) const { return {x + steps.offset(rows, rows.locate(first + row)), step, descending}; }
};

// Items in working memory, `length` for each row.
template <class I>
struct Items {
  using Item = I;
  I *items;
  int64 length;

  __device__ __forceinline__ I *row(uint32 row) const { return items + row * length; }
};

// Values, taken from where the items come from, and indices. A row's items are put in order from its beginning.
template <class T>
struct Sorted {
  using Item = flambeau::Item<T>;
  const T *x;
  T *values;
  int64 *indices;
  int64 step, valueStep, indexStep;
  Steps steps, valueSteps, indexSteps;
  Space rows;
  uint32 first;

  struct Row {
    const T *x;
    T *values;
    int64 *indices;
    int64 step, valueStep, indexStep;

    __device__ __forceinline__ void put(uint32 i, const Item &item) const {
      values[i * valueStep] = x[item.index() * step];
      indices[i * indexStep] = item.index();
    }
  };
  __device__ __forceinline__ Row row(uint32 row) const {
    Coordinates c = rows.locate(first + row);
    return {x + steps.offset(rows, c), values + valueSteps.offset(rows, c), indices + indexSteps.offset(rows, c), step, valueStep, indexStep};
  }
};

template <class I>
struct Kept {
  I *items;
  int64 length;

  struct Row {
    I *items;

    __device__ __forceinline__ void put(uint32 i, const I &item) const { items[i] = item; }
  };
  __device__ __forceinline__ Row row(uint32 row) const { return {items + row * length}; }
};

// ---- sorting what a block holds ----

constexpr int THREADS = 256;
constexpr int EACH = 8;
constexpr int TILE = THREADS * EACH;

// A tile in shared memory, laid out so that threads that each write a run of EACH items meet in few banks.
template <class I>
struct Shared {
  I *items;

  __device__ __forceinline__ I &operator[](uint32 i) const { return items[i ^ (i / EACH % EACH)]; }
};

template <class I>
__device__ __forceinline__ void sortThread(I (&mine)[EACH]) {
#pragma unroll
  for (int round = 0; round < EACH; round++) {
#pragma unroll
    for (int k = round % 2; k + 1 < EACH; k += 2) {
      if (mine[k + 1] < mine[k]) {
        I smaller = mine[k + 1];
        mine[k + 1] = mine[k];
        mine[k] = smaller;
      }
    }
  }
}

// How many of the first `diagonal` items of two merged runs are from the first one (Green, McColl and Bader, "GPU Merge Path", 2012).
template <class Run>
__device__ __forceinline__ uint32 mergePath(const Run &run, uint32 a, uint32 aCount, uint32 b, uint32 bCount, uint32 diagonal) {
  uint32 low = diagonal > bCount ? diagonal - bCount : 0, high = diagonal < aCount ? diagonal : aCount;
  while (low < high) {
    uint32 middle = (low + high) / 2;
    if (run[b + diagonal - 1 - middle] < run[a + middle]) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// EACH items from where the first run is at `a` and the second at `b` on.
template <class I>
__device__ __forceinline__ void mergeThread(const Shared<I> &tile, uint32 a, uint32 aEnd, uint32 b, uint32 bEnd, I (&mine)[EACH]) {
#pragma unroll
  for (int k = 0; k < EACH; k++) {
    bool first = b >= bEnd || (a < aEnd && tile[a] < tile[b]);
    mine[k] = first ? a < aEnd ? tile[a] : I::last() : tile[b];
    first ? a++ : b++;
  }
}

// Sorts each `span` items of a tile, a power of 2 from EACH on. All threads of the block must come here.
template <class I>
__device__ __forceinline__ void sortTile(const Shared<I> &tile, uint32 span) {
  I mine[EACH];
  uint32 own = threadIdx.x * EACH;
  __syncthreads();
#pragma unroll
  for (int k = 0; k < EACH; k++) mine[k] = tile[own + k];
  sortThread(mine);
#pragma unroll
  for (int k = 0; k < EACH; k++) tile[own + k] = mine[k];
  __syncthreads();
  for (uint32 width = EACH; width < span; width *= 2) {
    uint32 begin = own / (2 * width) * (2 * width), diagonal = own - begin;
    uint32 a = mergePath(tile, begin, width, begin + width, width, diagonal);
    mergeThread(tile, begin + a, begin + width, begin + width + diagonal - a, begin + 2 * width, mine);
    __syncthreads();
#pragma unroll
    for (int k = 0; k < EACH; k++) tile[own + k] = mine[k];
    __syncthreads();
  }
}

// ---- the kernels ----

// Sorts pieces of `span` items: whole rows, as many as a tile takes, of which the first `kept` items are put, or where a row is longer than a
// tile its pieces. Neighbouring threads read neighbouring elements of a row where `alongRow`, else those of neighbouring rows.
template <class Source, class Sink>
__global__ void __launch_bounds__(THREADS) sortTiles(Source source, Sink sink, uint32 rows, uint32 length, uint32 span, uint32 kept, bool alongRow) {
  using I = typename Source::Item;
  __shared__ I memory[TILE];
  Shared<I> tile{memory};
  uint32 together = TILE / span, pieces = (length + span - 1) / span;
  uint32 row = blockIdx.x / pieces * together, begin = blockIdx.x % pieces * span;
  for (uint32 t = threadIdx.x; t < TILE; t += THREADS) {
    uint32 r = alongRow ? t / span : t % together, i = alongRow ? t % span : t / together;
    bool present = row + r < rows && begin + i < length;
    tile[r * span + i] = present ? source.row(row + r)[begin + i] : I::last();
  }
  sortTile(tile, span);
  for (uint32 t = threadIdx.x; t < TILE; t += THREADS) {
    uint32 r = alongRow ? t / span : t % together, i = alongRow ? t % span : t / together;
    if (row + r < rows && begin + i < kept) sink.row(row + r).put(begin + i, tile[r * span + i]);
  }
}

// Merges each two neighbouring runs of `width` items, a multiple of a tile, of a row. A block makes one tile of the result.
template <class I, class Sink>
__global__ void __launch_bounds__(THREADS) mergeRuns(Items<I> items, Sink sink, uint32 length, uint32 width, uint32 kept) {
  __shared__ I memory[TILE];
  __shared__ uint32 ends[2];
  Shared<I> tile{memory};
  uint32 tiles = (kept + TILE - 1) / TILE;
  uint32 row = blockIdx.x / tiles, begin = blockIdx.x % tiles * TILE;
  const I *from = items.row(row);
  uint32 a = begin / width / 2 * 2 * width;  // where the first run begins
  uint32 b = length - a < width ? length : a + width;
  uint32 end = length - b < width ? length : b + width;
  uint32 count = end - begin < TILE ? end - begin : TILE;
  if (threadIdx.x < 2) ends[threadIdx.x] = mergePath(from, a, b - a, b, end - b, begin - a + threadIdx.x * count);
  __syncthreads();
  uint32 aCount = ends[1] - ends[0], bCount = count - aCount;
  const I *as = from + a + ends[0], *bs = from + b + (begin - a - ends[0]);
  for (uint32 t = threadIdx.x; t < count; t += THREADS) tile[t] = t < aCount ? as[t] : bs[t - aCount];
  __syncthreads();
  uint32 diagonal = threadIdx.x * EACH < count ? threadIdx.x * EACH : count;
  uint32 first = mergePath(tile, 0, aCount, aCount, bCount, diagonal);
  I mine[EACH];
  mergeThread(tile, first, aCount, aCount + diagonal - first, count, mine);
  __syncthreads();
#pragma unroll
  for (int k = 0; k < EACH; k++) tile[threadIdx.x * EACH + k] = mine[k];
  __syncthreads();
  auto to = sink.row(row);
  for (uint32 t = threadIdx.x; t < count; t += THREADS) {
    if (begin + t < kept) to.put(begin + t, tile[t]);
  }
}

constexpr int IN_FLIGHT = 4;

// The first `kept` items of each row, in order: at most half a tile. Each of gridDim.y blocks goes through a part of the row. It keeps the best
// so far at the beginning of a tile, gathers behind them those that come before the worst of these, and sorts when the tile may not hold the
// next ones: of a long row few items are ever sorted. In which order they are gathered is left to chance, but no two items are alike.
template <class Source, class Sink>
__global__ void __launch_bounds__(THREADS) selectFirst(Source source, Sink sink, uint32 length, uint32 each, uint32 kept) {
  using I = typename Source::Item;
  constexpr uint32 STEP = THREADS * IN_FLIGHT;
  __shared__ I memory[TILE];
  __shared__ uint32 gathered;
  Shared<I> tile{memory};
  auto from = source.row(blockIdx.x);
  uint32 begin = blockIdx.y * each, end = length - begin < each ? length : begin + each;
  for (uint32 t = threadIdx.x; t < TILE; t += THREADS) tile[t] = I::last();
  if (threadIdx.x == 0) gathered = kept;
  __syncthreads();
  I worst = I::last();
  for (uint32 first = begin; first < end; first += STEP) {
    I items[IN_FLIGHT];
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; k++) {
      uint32 i = first + k * THREADS + threadIdx.x;
      items[k] = i < end ? from[i] : I::last();
    }
#pragma unroll
    for (int k = 0; k < IN_FLIGHT; k++) {
      if (items[k] < worst) tile[atomicAdd(&gathered, 1u)] = items[k];
    }
    __syncthreads();
    if (gathered > TILE - STEP || end - first <= STEP) {
      sortTile(tile, TILE);
      worst = tile[kept - 1];
      __syncthreads();
      for (uint32 t = kept + threadIdx.x; t < TILE; t += THREADS) tile[t] = I::last();
      if (threadIdx.x == 0) gathered = kept;
    }
    __syncthreads();
  }
  auto to = sink.row(blockIdx.x * gridDim.y + blockIdx.y);
  for (uint32 t = threadIdx.x; t < kept; t += THREADS) to.put(t, tile[t]);
}

}  // namespace flambeau
