// Random numbers of several distributions. Which thread's sequence an element is of is as in PyTorch, and with it the number.
#include "complaint.cuh"
#include "philox.cuh"
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// ---- distributions: what four words make, and the element of each ----

struct Parameters {
  double a, b;
  int64 from;
  uint64 range;
};

// (0, 1] turned to [a, b): what rounds to b becomes a.
template <class T>
struct UNIFORM {
  using C = Compute<T>;
  C from, to, range;

  __device__ __forceinline__ static C rounded(C x) { return load(store<T>(x)); }
  __device__ __forceinline__ explicit UNIFORM(const Parameters &p)
      : from(rounded(static_cast<C>(p.a))), to(rounded(static_cast<C>(p.b))), range(rounded(to - from)) {}

  __device__ __forceinline__ static auto draw(const Words &words) { return uniform<C>(words); }
  __device__ __forceinline__ T of(C u) const {
    T x = store<T>(fma(u, range, from));
    return load(x) == to ? store<T>(from) : x;
  }
};

template <class T>
struct NORMAL {
  using C = Compute<T>;
  C mean, deviation;

  __device__ __forceinline__ explicit NORMAL(const Parameters &p) : mean(static_cast<C>(p.a)), deviation(static_cast<C>(p.b)) {}

  __device__ __forceinline__ static auto draw(const Words &words) { return normal<C>(words); }
  __device__ __forceinline__ T of(C x) const { return store<T>(fma(x, deviation, mean)); }
};

template <class T>
struct EXPONENTIAL {
  using C = Compute<T>;
  C scale;

  __device__ __forceinline__ explicit EXPONENTIAL(const Parameters &p) : scale(C(-1) / static_cast<C>(p.a)) {}

  // Never 0, which the distribution excludes: not where u is 1, nor where the logarithm is rough.
  __device__ __forceinline__ static float logarithm(float u) { return u >= 1 - 0x1p-24f ? -0x1p-24f : __logf(u); }
  __device__ __forceinline__ static double logarithm(double u) { return u >= 1 - 0x1p-53 ? -0x1p-53 : log(u); }

  __device__ __forceinline__ static auto draw(const Words &words) { return uniform<C>(words); }
  __device__ __forceinline__ T of(C u) const { return store<T>(scale * logarithm(u)); }
};

// What a probability is compared in.
template <class T>
struct Comparison {
  using type = float;
};
template <>
struct Comparison<double> {
  using type = double;
};
template <class T>
using Chance = typename Comparison<T>::type;

template <class T>
struct BERNOULLI {
  using C = Chance<T>;
  C probability;

  __device__ __forceinline__ explicit BERNOULLI(const Parameters &p) : probability(static_cast<C>(p.a)) {}

  __device__ __forceinline__ static auto draw(const Words &words) { return uniform<C>(words); }
  __device__ __forceinline__ T of(C u) const { return store<T>(Compute<T>(u < probability)); }
};

__device__ __forceinline__ Numbers<uint64, 2> pairs(const Words &words) {
  return {{static_cast<uint64>(words.at[0]) << 32 | words.at[1], static_cast<uint64>(words.at[2]) << 32 | words.at[3]}};
}

// Whole numbers in a range below 2²⁸.
template <class T>
struct INTEGER {
  int64 from;
  uint32 range;

  __device__ __forceinline__ explicit INTEGER(const Parameters &p) : from(p.from), range(static_cast<uint32>(p.range)) {}

  __device__ __forceinline__ static Numbers<uint32, 4> draw(const Words &words) {
    return {{words.at[0], words.at[1], words.at[2], words.at[3]}};
  }
  __device__ __forceinline__ T of(uint32 x) const { return store<T>(from + static_cast<int64>(x % range)); }
};

// Whole numbers in any range.
template <class T>
struct WIDE_INTEGER {
  int64 from;
  uint64 range;

  __device__ __forceinline__ explicit WIDE_INTEGER(const Parameters &p) : from(p.from), range(p.range) {}

  __device__ __forceinline__ static auto draw(const Words &words) { return pairs(words); }
  __device__ __forceinline__ T of(uint64 x) const { return store<T>(static_cast<int64>(from + x % range)); }
};

// What a permutation is sorted by: the lower bits, of which `from` has ones, of a whole number of as many bits as `range`.
template <class T>
struct KEY {
  int64 mask;
  uint64 range;

  __device__ __forceinline__ explicit KEY(const Parameters &p) : mask(p.from), range(p.range) {}

  __device__ __forceinline__ static auto draw(const Words &words) { return pairs(words); }
  __device__ __forceinline__ T of(uint64 x) const {
    uint64 key = x % range + (range >> 1) + 1;  // from the type's least number on, which is −2³¹ or −2⁶³
    return (range >> 32 ? static_cast<int64>(key) : static_cast<int>(key)) & mask;
  }
};

// ---- where the elements lie ----

template <class T>
struct Dense {
  using Element = T;
  T *data;

  __device__ __forceinline__ T &at(uint32 i) const { return data[i]; }
};

template <class T>
struct Scattered {
  using Element = T;
  T *data;
  Steps steps;
  Space space;

  __device__ __forceinline__ T &at(uint32 i) const { return data[steps.offset(space, space.locate(i))]; }
};

// ---- kernels ----

// Each call of a thread's generator fills elements that lie a whole grid apart.
template <class D, class Out>
__global__ void draw(Out out, uint32 n, Generator from, Parameters parameters) {
  D distribution(parameters);
  Philox generator = from.get();
  uint32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  uint32 threads = gridDim.x * blockDim.x;
  uint32 i = thread;
  for (uint32 call = 0; i < n; call++) {
    auto drawn = D::draw(generator.words(thread, call));
#pragma unroll
    for (int k = 0; k < drawn.count; k++, i += threads) {
      if (i < n) out.at(i) = distribution.of(drawn.at[k]);
    }
  }
}

// One call of each thread's generator fills four neighbours.
template <class Out, class P>
__global__ void bernoulli(Out out, P probability, uint32 n, Generator generator, Complaints complaints) {
  using T = typename Out::Element;
  uint32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  auto u = uniform<float>(generator.get().words(thread));
#pragma unroll
  for (int k = 0; k < 4; k++) {
    uint32 i = 4 * thread + k;
    if (i < n) {
      auto p = static_cast<Chance<T>>(load(probability.at(i)));
      complaints.isProbability(p);
      out.at(i) = store<T>(Compute<T>(u.at[k] <= p));
    }
  }
}

// Shuffles the values of neighbours whose keys are the same, by the sequence of the first one's thread.
template <class T>
__global__ void shuffleTies(T *values, int64 stride, const int64 *keys, uint32 n, Generator from) {
  uint32 first = blockIdx.x * blockDim.x + threadIdx.x;
  if (first + 1 >= n || keys[first] != keys[first + 1] || (first > 0 && keys[first] == keys[first - 1])) return;
  uint32 count = 2;
  while (first + count < n && keys[first + count] == keys[first]) count++;
  values += first * stride;
  Philox generator = from.get();
  Words words;
  for (uint32 left = count - 1, drawn = 0; left > 0; left--, drawn++) {
    if (drawn % 4 == 0) words = generator.words(first, drawn / 4);
    uint32 word = drawn % 4 == 0 ? words.at[0] : drawn % 4 == 1 ? words.at[1] : drawn % 4 == 2 ? words.at[2] : words.at[3];
    T *other = values + word % (left + 1) * stride;
    T value = values[left * stride];
    values[left * stride] = *other;
    *other = value;
  }
}

// Leaves the generator's state where the kernels of a captured graph look for it.
__global__ void begin(Philox *state, Philox now) { *state = now; }

}  // namespace flambeau
