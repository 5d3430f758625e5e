// Element-wise operations of any number of operands: out = F(in…).
#include "functors.cuh"
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// An operand in memory, or where `data` is null a number, in both forms.
template <class T>
struct Input {
  const T *data;
  double real;
  int64 whole;

  __device__ __forceinline__ Compute<T> number() const {
    if constexpr (isReal<Compute<T>>) {
      return static_cast<Compute<T>>(real);
    } else {
      return whole;
    }
  }

  __device__ __forceinline__ Compute<T> at(long long i) const { return data ? load(data[i]) : number(); }

  template <int N>
  __device__ __forceinline__ Pack<T, N> pack(long long i) const {
    return data ? reinterpret_cast<const Pack<T, N> *>(data)[i] : Pack<T, N>{};
  }

  template <int N>
  __device__ __forceinline__ Compute<T> of(const Pack<T, N> &pack, int i) const {
    return data ? load(pack.at[i]) : number();
  }
};

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
