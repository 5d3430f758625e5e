// Reductions of some dimensions to one element each, of many tensors to one, and the position of the largest or smallest along one.
#include "space.cuh"
#include "tensors.cuh"
#include "types.cuh"

namespace flambeau {

// ---- what is gathered: the names are ReduceOp's ----

template <class C>
__device__ __forceinline__ bool isNan(C x) {
  return x != x;
}

template <class C>
struct SUM {
  C sum = C(0);

  __device__ __forceinline__ void add(C x, int64, double) { sum += x; }
  __device__ __forceinline__ void merge(const SUM &other, double) { sum += other.sum; }
  __device__ __forceinline__ C result(int64, double) const { return sum; }
};

template <class C>
struct MEAN : SUM<C> {
  __device__ __forceinline__ C result(int64 n, double) const { return this->sum / C(n); }
};

template <class C>
struct PROD {
  C product = C(1);

  __device__ __forceinline__ void add(C x, int64, double) { product *= x; }
  __device__ __forceinline__ void merge(const PROD &other, double) { product *= other.product; }
  __device__ __forceinline__ C result(int64, double) const { return product; }
};

// The largest (or smallest) and where it is; NaN is beyond all, and of equals the first counts.
template <class C, bool LARGEST>
struct Extreme {
  C value = C(0);
  int64 place = -1;

  __device__ __forceinline__ void add(C x, int64 at, double) {
    if (place < 0 || beats(x, at)) {
      value = x;
      place = at;
    }
  }
  __device__ __forceinline__ bool beats(C x, int64 at) const {
    if (isNan(x) != isNan(value)) return isNan(x);
    if (x == value || isNan(x)) return at < place;
    return LARGEST ? x > value : x < value;
  }
  __device__ __forceinline__ void merge(const Extreme &other, double) {
    if (other.place >= 0) add(other.value, other.place, 0);
  }
  __device__ __forceinline__ C result(int64, double) const { return value; }
};

template <class C>
struct AMAX : Extreme<C, true> {};
template <class C>
struct AMIN : Extreme<C, false> {};

// Σ (x − mean)² / max(0, n − correction), by Welford's step and the merging of Chan, Golub and LeVeque.
template <class C>
struct VAR {
  C mean = C(0), squares = C(0);
  int64 count = 0;

  __device__ __forceinline__ void add(C x, int64, double) {
    C delta = x - mean;
    mean += delta / C(++count);
    squares += delta * (x - mean);
  }
  __device__ __forceinline__ void merge(const VAR &other, double) {
    if (other.count == 0) return;
    C delta = other.mean - mean, share = C(other.count) / C(count + other.count);
    C step = delta * share;
    squares += other.squares + step * C(count) * delta;  // in this order, 0 for the first one although delta² may be infinite
    mean += step;
    count += other.count;
  }
  __device__ __forceinline__ C result(int64 n, double correction) const {
    double degrees = static_cast<double>(n) - correction;
    return n == 0 ? C(0) / C(0) : squares / static_cast<C>(degrees > 0 ? degrees : 0);
  }
};

// (Σ |x|ᵖ)^(1/p); 0 counts what is not zero, ±∞ is the largest or smallest |x|.
template <class C>
struct NORM {
  C value = C(0);
  bool empty = true;

  static __device__ __forceinline__ bool isInfinite(double p) { return p - p != 0; }

  __device__ __forceinline__ void add(C x, int64, double p) {
    C size = fabs(x);
    gather(isInfinite(p) ? size : p == 2 ? size * size : p == 1 ? size : p == 0 ? C(x != C(0)) : pow(size, static_cast<C>(p)), p);
  }
  __device__ __forceinline__ void gather(C x, double p) {
    if (!isInfinite(p)) {
      value += x;
    } else if (empty || isNan(x) || (!isNan(value) && (p > 0 ? x > value : x < value))) {
      value = x;
    }
    empty = false;
  }
  __device__ __forceinline__ void merge(const NORM &other, double p) {
    if (!other.empty) gather(other.value, p);
  }
  __device__ __forceinline__ C result(int64, double p) const {
    return isInfinite(p) || p == 0 || p == 1 ? value : p == 2 ? sqrt(value) : pow(value, static_cast<C>(1 / p));
  }
};

template <class C>
struct ANY {
  bool value = false;

  __device__ __forceinline__ void add(C x, int64, double) { value |= x != C(0); }
  __device__ __forceinline__ void merge(const ANY &other, double) { value |= other.value; }
  __device__ __forceinline__ int64 result(int64, double) const { return value; }
};

template <class C>
struct ALL {
  bool value = true;

  __device__ __forceinline__ void add(C x, int64, double) { value &= x != C(0); }
  __device__ __forceinline__ void merge(const ALL &other, double) { value &= other.value; }
  __device__ __forceinline__ int64 result(int64, double) const { return value; }
};

// ---- where it goes ----

// One element for each kept place.
template <class T>
struct Value {
  T *out;
  Steps steps;

  template <class R>
  __device__ __forceinline__ void put(const R &gathered, int64 n, double parameter, const Space &kept, const Coordinates &c) const {
    out[steps.offset(kept, c)] = store<T>(gathered.result(n, parameter));
  }
};

// The position, and where `values` is not null also the element.
template <class T>
struct Position {
  T *values;
  int64 *places;
  Steps valueSteps, placeSteps;

  template <class R>
  __device__ __forceinline__ void put(const R &gathered, int64, double, const Space &kept, const Coordinates &c) const {
    places[placeSteps.offset(kept, c)] = gathered.place;
    if (values) values[valueSteps.offset(kept, c)] = store<T>(gathered.value);
  }
};

// ---- the kernels ----

// What is reduced: for each place of `kept`, all places of `reduced`, which are numbered from `first` on.
template <class T>
struct Source {
  const T *x;
  Steps keptSteps, reducedSteps;
  Space kept, reduced;
  unsigned keptCount, reducedCount;
  int64 first;
  unsigned firstPart;
};

constexpr int THREADS = 256;
// What a thread reads before it adds: single elements, or packs.
constexpr int IN_FLIGHT = 4;
constexpr int PACKS_IN_FLIGHT = 2;

// Leaves with the first lane of each place what all its lanes have, put together in an order that is always the same. `slot` is where this
// lane's lies; the lanes of a place lie `places` apart.
template <class R>
__device__ __forceinline__ void mergeLanes(R *shared, int lanes, int places, int lane, int slot, double parameter) {
  for (int half = lanes / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) shared[slot].merge(shared[slot + half * places], parameter);
  }
}

// Adds element number p of a place, to one of those in flight; or the pack that begins there: of N elements of a place where `alongReduced`, else
// of N places.
template <int N, class R, class T>
__device__ __forceinline__ void gather(R *gathered, int flight, const Source<T> &source, const T *x, unsigned p, bool alongReduced,
                                       double parameter) {
  const T *from = x + source.reducedSteps.offset(source.reduced, source.reduced.locate(p));
  if constexpr (N == 1) {
    gathered[flight].add(load(*from), source.first + p, parameter);
  } else {
    Pack<T, N> pack = *reinterpret_cast<const Pack<T, N> *>(from);
#pragma unroll
    for (int k = 0; k < N; k++) gathered[k].add(load(pack.at[k]), source.first + p + (alongReduced ? k : 0), parameter);
  }
}

// A block gathers as many kept places, or packs of them, as `lanes` leaves of its threads, with `lanes` threads for each. Neighbouring threads are
// lanes of one place where `alongReduced`, else the same lane of neighbouring places. With several blocks in y, each gathers a part, into `parts`,
// and several launches gather one after the other.
template <class R, class T, int N, class Sink>
__global__ void __launch_bounds__(THREADS) reduce(Source<T> source, Sink sink, double parameter, int lanes, bool alongReduced, R *parts) {
  alignas(16) __shared__ unsigned char memory[THREADS * sizeof(R)];  // as bytes, since nothing there may be initialized
  R *shared = reinterpret_cast<R *>(memory);
  int places = THREADS / lanes;
  int lane = alongReduced ? threadIdx.x % lanes : threadIdx.x / places;
  int column = alongReduced ? threadIdx.x / lanes : threadIdx.x % places;
  constexpr int FLIGHTS = N == 1 ? IN_FLIGHT : PACKS_IN_FLIGHT;
  constexpr int GATHERED = N == 1 ? IN_FLIGHT : N;
  unsigned stride = alongReduced ? N : 1, width = alongReduced ? 1 : N;  // elements of a place, and places, that are read at once
  unsigned steps = source.reducedCount / stride;
  unsigned each = (steps + gridDim.y - 1) / gridDim.y;
  unsigned begin = blockIdx.y * each;
  unsigned end = begin + each < steps ? begin + each : steps;

  for (unsigned first = blockIdx.x * places; first < source.keptCount / width; first += gridDim.x * places) {
    unsigned place = (first + column) * width;
    bool present = place < source.keptCount;
    R gathered[GATHERED];
    if (present) {
      const T *x = source.x + source.keptSteps.offset(source.kept, source.kept.locate(place));
      unsigned i = begin + lane;
      for (; i + (FLIGHTS - 1) * lanes < end; i += FLIGHTS * lanes) {
#pragma unroll
        for (int k = 0; k < FLIGHTS; k++) gather<N>(gathered, k, source, x, (i + k * lanes) * stride, alongReduced, parameter);
      }
      for (; i < end; i += lanes) gather<N>(gathered, 0, source, x, i * stride, alongReduced, parameter);
      if (N == 1 || alongReduced) {
#pragma unroll
        for (int k = 1; k < GATHERED; k++) gathered[0].merge(gathered[k], parameter);
      }
    }
    int slot = lane * places + column;
#pragma unroll
    for (int k = 0; k < N; k++) {
      if (k > 0 && alongReduced) break;
      shared[slot] = gathered[k];
      mergeLanes(shared, lanes, places, lane, slot, parameter);
      if (present && lane == 0) {
        if (parts) {
          parts[(source.firstPart + blockIdx.y) * static_cast<int64>(source.keptCount) + place + k] = shared[slot];
        } else {
          sink.put(shared[slot], source.reducedCount, parameter, source.kept, source.kept.locate(place + k));
        }
      }
      __syncthreads();
    }
  }
}

// Puts together what blocks in y gathered, with `lanes` threads of a block for each place, of which neighbours have neighbouring places.
template <class R, class Sink>
__global__ void __launch_bounds__(THREADS)
    merge(const R *parts, int count, Sink sink, double parameter, Space kept, unsigned keptCount, long long reducedCount, int lanes) {
  alignas(16) __shared__ unsigned char memory[THREADS * sizeof(R)];
  R *shared = reinterpret_cast<R *>(memory);
  int places = THREADS / lanes, lane = threadIdx.x / places;
  for (unsigned first = blockIdx.x * places; first < keptCount; first += gridDim.x * places) {
    unsigned place = first + threadIdx.x % places;
    bool present = place < keptCount;
    R gathered;
    for (int i = lane; present && i < count; i += lanes) gathered.merge(parts[i * static_cast<int64>(keptCount) + place], parameter);
    shared[threadIdx.x] = gathered;
    mergeLanes(shared, lanes, places, lane, threadIdx.x, parameter);
    if (present && lane == 0) sink.put(shared[threadIdx.x], reducedCount, parameter, kept, kept.locate(place));
    __syncthreads();
  }
}

// What each chunk of many tensors gives.
template <class R, class T>
__global__ void __launch_bounds__(THREADS) reduceChunks(Tensors<1> tensors, Compute<T> *results, double parameter) {
  constexpr int N = packed<T>();
  alignas(16) __shared__ unsigned char memory[THREADS * sizeof(R)];
  R *shared = reinterpret_cast<R *>(memory);
  Chunk chunk = tensors.chunk(blockIdx.x);
  const T *x = static_cast<const T *>(tensors.data[0][chunk.tensor]) + chunk.from;
  int packs = reinterpret_cast<unsigned long long>(x) % sizeof(Pack<T, N>) == 0 ? chunk.n / N : 0;
  R gathered[N];
  for (int i = threadIdx.x; i < packs; i += THREADS) {
    Pack<T, N> pack = reinterpret_cast<const Pack<T, N> *>(x)[i];
#pragma unroll
    for (int j = 0; j < N; j++) gathered[j].add(load(pack.at[j]), i * N + j, parameter);
  }
  for (int i = packs * N + threadIdx.x; i < chunk.n; i += THREADS) gathered[0].add(load(x[i]), i, parameter);
#pragma unroll
  for (int j = 1; j < N; j++) gathered[0].merge(gathered[j], parameter);
  shared[threadIdx.x] = gathered[0];
  mergeLanes(shared, THREADS, 1, threadIdx.x, threadIdx.x, parameter);
  if (threadIdx.x == 0) results[blockIdx.x] = shared[0].result(chunk.n, parameter);
}

}  // namespace flambeau
