// Element-wise operations of any number of operands: out = F(in…). Products and sums are not contracted, so that a function gives the same
// bits alone and in a chain.
#include "functors.cuh"
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// A number of the host, which any type of arithmetic may take.
struct Number {
  double real;
  int64 whole;

  template <class C>
  __device__ __forceinline__ operator C() const {
    if constexpr (isReal<C>) {
      return static_cast<C>(real);
    } else {
      return whole;
    }
  }
};

// An operand in memory, or where `data` is null a number.
template <class T>
struct Input {
  const T *data;
  Number number;

  __device__ __forceinline__ Compute<T> at(long long i) const { return data ? load(data[i]) : Compute<T>(number); }

  template <int N>
  __device__ __forceinline__ Pack<T, N> pack(long long i) const {
    return data ? reinterpret_cast<const Pack<T, N> *>(data)[i] : Pack<T, N>{};
  }

  template <int N>
  __device__ __forceinline__ Compute<T> of(const Pack<T, N> &pack, int i) const {
    return data ? load(pack.at[i]) : Compute<T>(number);
  }
};

// Element types of a chain's operands, of which is known when it is compiled where they are. What is on the host may be read by several
// functions, each in its own type of arithmetic.
template <class T>
struct InMemory {
  T element;
};
struct OnHost {};

template <class T>
struct Arithmetic<InMemory<T>> : Arithmetic<T> {};
template <>
struct Arithmetic<OnHost> {
  using type = Number;
};

template <class T>
struct Input<InMemory<T>> {
  const InMemory<T> *data;
  Number unused;

  __device__ __forceinline__ Compute<T> at(long long i) const { return load(data[i].element); }

  template <int N>
  __device__ __forceinline__ Pack<InMemory<T>, N> pack(long long i) const {
    return reinterpret_cast<const Pack<InMemory<T>, N> *>(data)[i];
  }

  template <int N>
  __device__ __forceinline__ Compute<T> of(const Pack<InMemory<T>, N> &pack, int i) const {
    return load(pack.at[i].element);
  }
};

template <>
struct Input<OnHost> {
  const void *unused;
  Number number;

  __device__ __forceinline__ Number at(long long) const { return number; }

  template <int N>
  __device__ __forceinline__ Pack<OnHost, N> pack(long long) const {
    return {};
  }

  template <int N>
  __device__ __forceinline__ Number of(const Pack<OnHost, N> &, int) const {
    return number;
  }
};

// What is left of a result in the dtype that a link of a chain has.
template <class T, class C>
__device__ __forceinline__ Compute<T> rounded(C x) {
  return load(store<T>(x));
}

template <class F, int N, class Out, class... In>
__device__ __forceinline__ Pack<Out, N> apply(const Input<In> &...in, const Pack<In, N> &...x) {
  Pack<Out, N> y;
#pragma unroll
  for (int i = 0; i < N; i++) y.at[i] = store<Out>(F::of(in.of(x, i)...));
  return y;
}

// Operands that lie alike, without gaps. The first `packs` packs are aligned to their size.
template <class F, class Out, class... In>
__global__ void dense(Out *out, long long n, long long packs, Input<In>... in) {
  constexpr int N = packed<Out, In...>();
  long long first = blockIdx.x * static_cast<long long>(blockDim.x) + threadIdx.x;
  long long step = gridDim.x * static_cast<long long>(blockDim.x);
  for (long long i = first; i < packs; i += step) {
    reinterpret_cast<Pack<Out, N> *>(out)[i] = apply<F, N, Out, In...>(in..., in.template pack<N>(i)...);
  }
  for (long long i = packs * N + first; i < n; i += step) out[i] = store<Out>(F::of(in.at(i)...));
}

template <class T>
struct StridedInput {
  Input<T> input;
  Steps steps;

  __device__ __forceinline__ Compute<T> at(const Space &space, const Coordinates &c) const { return input.at(steps.offset(space, c)); }
};

// Operands of any layout.
template <class F, class Out, class... In>
__global__ void strided(Out *out, Steps steps, Space space, unsigned n, StridedInput<In>... in) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    Coordinates c = space.locate(i);
    out[steps.offset(space, c)] = store<Out>(F::of(in.at(space, c)...));
  }
}

}  // namespace flambeau
