// Steps of optimizers, and what is done to gradients before them: many tensors in one launch, each element read and written once.
#include "tensors.cuh"

namespace flambeau {

enum Kind { FLOAT64, FLOAT32, FLOAT16, BFLOAT16, INT64, INT32 };

// A number that lies on the device, where a captured graph may find another at each replay, or where `data` is null the host's.
struct Number {
  const void *data;
  double value;
  Kind kind;

  __device__ double get() const {
    if (!data) return value;
    switch (kind) {
      case FLOAT64: return *static_cast<const float64 *>(data);
      case FLOAT32: return *static_cast<const float32 *>(data);
      case FLOAT16: return load(*static_cast<const float16 *>(data));
      case BFLOAT16: return load(*static_cast<const bfloat16 *>(data));
      case INT64: return *static_cast<const int64 *>(data);
      default: return *static_cast<const int32 *>(data);
    }
  }
};

// Multiplication by one number.
template <class T>
struct SCALE {
  using C = Compute<T>;
  struct Options {
    Number factor;
  };
  C factor;

  __device__ void prepare(const Options &o) { factor = static_cast<C>(o.factor.get()); }

  __device__ __forceinline__ bool changesNothing() const { return factor == C(1); }

  template <int DEPTH>
  __device__ __forceinline__ void update(C (&x)[DEPTH]) const {
    x[0] *= factor;
  }
};

// A gradient with its sign and the decay of the parameter x. Without decay an infinite parameter leaves it alone.
template <class C>
__device__ __forceinline__ C decayed(C sign, C gradient, C decay, C x) {
  C g = sign * gradient;
  return decay == C(0) ? g : g + decay * x;
}

// Stochastic gradient descent, with momentum (Sutskever et al., 2013): parameter, gradient, and with momentum velocity.
template <class T>
struct SGD {
  using C = Compute<T>;
  struct Options {
    Number lr;
    double momentum, undamped, weightDecay;
    bool first, nesterov, maximize;
  };
  C lr, momentum, undamped, weightDecay, sign;
  bool first, nesterov;

  __device__ void prepare(const Options &o) {
    lr = static_cast<C>(o.lr.get());
    momentum = static_cast<C>(o.momentum);
    undamped = static_cast<C>(o.undamped);
    weightDecay = static_cast<C>(o.weightDecay);
    sign = o.maximize ? -1 : 1;
    first = o.first;
    nesterov = o.nesterov;
  }

  __device__ __forceinline__ bool changesNothing() const { return false; }

  template <int DEPTH>
  __device__ __forceinline__ void update(C (&x)[DEPTH]) const {
    C g = decayed(sign, x[1], weightDecay, x[0]);
    C way = g;
    if constexpr (DEPTH > 2) {
      C v = first ? g : momentum * x[2] + undamped * g;
      x[2] = v;
      way = nesterov ? g + momentum * v : v;
    }
    x[0] -= lr * way;
  }
};

// Adam (Kingma and Ba, 2015), with weight decay in the gradient or beside it (Loshchilov and Hutter, 2019): parameter, gradient, average,
// average of squares, and where it is asked for the largest of these (Reddi et al., 2018).
template <class T>
struct ADAM {
  using C = Compute<T>;
  struct Options {
    Number lr, step;
    double beta1, beta2, eps, weightDecay;
    bool decoupled, maximize;
  };
  C beta1, toAverage, beta2, toSquare, eps, gradientDecay, sign, stepSize, correction, kept;

  __device__ void prepare(const Options &o) {
    double rate = o.lr.get(), t = o.step.get();
    beta1 = static_cast<C>(o.beta1);
    toAverage = static_cast<C>(1 - o.beta1);
    beta2 = static_cast<C>(o.beta2);
    toSquare = static_cast<C>(1 - o.beta2);
    eps = static_cast<C>(o.eps);
    gradientDecay = static_cast<C>(o.decoupled ? 0 : o.weightDecay);
    sign = o.maximize ? -1 : 1;
    stepSize = static_cast<C>(rate / (1 - pow(o.beta1, t)));
    correction = static_cast<C>(sqrt(1 - pow(o.beta2, t)));
    kept = static_cast<C>(o.decoupled ? 1 - rate * o.weightDecay : 1);
  }

  __device__ __forceinline__ bool changesNothing() const { return false; }

  template <int DEPTH>
  __device__ __forceinline__ void update(C (&x)[DEPTH]) const {
    C g = decayed(sign, x[1], gradientDecay, x[0]);
    x[2] = toAverage < C(0.5) ? x[2] + toAverage * (g - x[2]) : g - beta1 * (g - x[2]); // from the nearer end
    x[3] = beta2 * x[3] + toSquare * g * g;
    C square = x[3];
    if constexpr (DEPTH > 4) {
      x[4] = x[4] > square || x[4] != x[4] ? x[4] : square;
      square = x[4];
    }
    x[0] = kept * x[0] - stepSize * x[2] / (sqrt(square) / correction + eps);
  }
};

template <class U, class T, int DEPTH>
__global__ void update(Tensors<DEPTH> tensors, typename U::Options options) {
  constexpr int N = packed<T>();
  constexpr int GRADIENT = 1;
  using C = Compute<T>;
  __shared__ U prepared;
  if (threadIdx.x == 0) prepared.prepare(options);
  __syncthreads();
  U step = prepared;
  if (step.changesNothing()) return;
  Chunk chunk = tensors.chunk(blockIdx.x);
  int n = chunk.n;
  T *data[DEPTH];
  unsigned long long addresses = 0;
#pragma unroll
  for (int k = 0; k < DEPTH; k++) {
    data[k] = static_cast<T *>(tensors.data[k][chunk.tensor]) + chunk.from;
    addresses |= reinterpret_cast<unsigned long long>(data[k]);
  }
  int packs = addresses % sizeof(Pack<T, N>) == 0 ? n / N : 0;
  for (int i = threadIdx.x; i < packs; i += blockDim.x) {
    Pack<T, N> pack[DEPTH];
#pragma unroll
    for (int k = 0; k < DEPTH; k++) pack[k] = reinterpret_cast<const Pack<T, N> *>(data[k])[i];
#pragma unroll
    for (int j = 0; j < N; j++) {
      C x[DEPTH];
#pragma unroll
      for (int k = 0; k < DEPTH; k++) x[k] = load(pack[k].at[j]);
      step.update(x);
#pragma unroll
      for (int k = 0; k < DEPTH; k++) pack[k].at[j] = store<T>(x[k]);
    }
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      if (k != GRADIENT) reinterpret_cast<Pack<T, N> *>(data[k])[i] = pack[k];
    }
  }
  for (int i = packs * N + threadIdx.x; i < n; i += blockDim.x) {
    C x[DEPTH];
#pragma unroll
    for (int k = 0; k < DEPTH; k++) x[k] = load(data[k][i]);
    step.update(x);
#pragma unroll
    for (int k = 0; k < DEPTH; k++) {
      if (k != GRADIENT) data[k][i] = store<T>(x[k]);
    }
  }
}

}  // namespace flambeau
