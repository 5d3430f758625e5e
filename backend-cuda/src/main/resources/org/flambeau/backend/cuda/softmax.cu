// Softmax, its logarithm and cross-entropy, both ways: rows held in the registers of a warp where they are short, else gone over by a block.
#include "complaint.cuh"
#include "rows.cuh"

namespace flambeau {

// Σ eˣ in one pass, as the largest x and Σ e^(x − largest).
template <class C>
struct Exponentials {
  C largest = -infinity<C>(), sum = C(0);

  __device__ __forceinline__ void add(C x) { add(x, C(1)); }
  __device__ __forceinline__ void merge(const Exponentials &other) { add(other.largest, other.sum); }
  __device__ __forceinline__ void add(C x, C times) {
    if (x > largest) {
      sum = sum * exp(largest - x) + times;
      largest = x;
    } else {
      sum += x == largest ? times : times * exp(x - largest);
    }
  }
  // NaN where the largest is infinite, as it is when e^(x − largest) is summed in a second pass.
  __device__ __forceinline__ C total() const { return sum + (largest - largest); }
  // Of the sum beside the largest, in which a large one would lose it.
  __device__ __forceinline__ C logarithm() const { return log(total()); }
};

template <class C>
__device__ __forceinline__ C gradient(bool log, C grad, C result, C sum) {
  return log ? grad - exp(result) * sum : result * (grad - sum);
}

// ---- rows held by a warp ----

template <class T, int E, int N>
__device__ __forceinline__ Compute<T> largestOf(const Held<T, E, N> &x) {
  Compute<T> largest = -infinity<Compute<T>>();
#pragma unroll
  for (int k = 0; k < E; k++) largest = x.at[k] > largest ? x.at[k] : largest;
  return warpMax(largest);
}

template <class T, int E, int N, bool LOG>
__global__ void __launch_bounds__(THREADS) softmaxHeld(Rows rows, Lines<T> out, Lines<const T> x) {
  using C = Compute<T>;
  for (unsigned r = blockIdx.x * WARPS + threadIdx.x / WARP; r < rows.count; r += gridDim.x * WARPS) {
    Coordinates at = rows.space.locate(r);
    Held<T, E, N> row;
    row.read(x.row(rows, at), x.step, rows.n, -infinity<C>());
    C largest = largestOf(row), sum = C(0);
#pragma unroll
    for (int k = 0; k < E; k++) {
      C shifted = row.at[k] - largest, power = exp(shifted);
      sum += power;
      row.at[k] = LOG ? shifted : power;
    }
    sum = warpSum(sum);
    C log = ::log(sum), inverse = C(1) / sum;
#pragma unroll
    for (int k = 0; k < E; k++) row.at[k] = LOG ? row.at[k] - log : row.at[k] * inverse;
    row.write(out.row(rows, at), out.step, rows.n);
  }
}

template <class T, int E, int N, bool LOG>
__global__ void __launch_bounds__(THREADS) softmaxBackwardHeld(Rows rows, Lines<T> gradX, Lines<const T> grad, Lines<const T> result) {
  using C = Compute<T>;
  for (unsigned r = blockIdx.x * WARPS + threadIdx.x / WARP; r < rows.count; r += gridDim.x * WARPS) {
    Coordinates at = rows.space.locate(r);
    Held<T, E, N> g, y;
    g.read(grad.row(rows, at), grad.step, rows.n, C(0));
    y.read(result.row(rows, at), result.step, rows.n, C(0));
    C sum = C(0);
#pragma unroll
    for (int k = 0; k < E; k++) sum += LOG ? g.at[k] : g.at[k] * y.at[k];
    sum = warpSum(sum);
#pragma unroll
    for (int k = 0; k < E; k++) g.at[k] = gradient(LOG, g.at[k], y.at[k], sum);
    g.write(gradX.row(rows, at), gradX.step, rows.n);
  }
}

// ---- rows gone over by a block ----

template <int N, class T>
__device__ __forceinline__ Exponentials<Compute<T>> exponentials(const Team &team, const T *row, int64 step, unsigned n, bool present) {
  Exponentials<Compute<T>> gathered;
  for (unsigned i = team.lane * N; present && i < n; i += team.lanes * N) {
    Compute<T> x[N];
    readPack<N, T>(x, row, step, i);
#pragma unroll
    for (int k = 0; k < N; k++) gathered.add(x[k]);
  }
  return team.merge(gathered);
}

template <class T, int N, bool LOG>
__global__ void __launch_bounds__(THREADS) softmaxBlock(Rows rows, Lines<T> out, Lines<const T> x, int lanes, bool along) {
  using C = Compute<T>;
  Team team(lanes, along);
  for (unsigned first = blockIdx.x * team.places; first < rows.count; first += gridDim.x * team.places) {
    bool present = first + team.column < rows.count;
    Coordinates at = rows.space.locate(present ? first + team.column : first);
    const T *from = x.row(rows, at);
    T *to = out.row(rows, at);
    Exponentials<C> all = exponentials<N>(team, from, x.step, rows.n, present);
    C logarithm = all.logarithm(), inverse = C(1) / all.total();
    for (unsigned i = team.lane * N; present && i < rows.n; i += team.lanes * N) {
      C y[N];
      readPack<N, T>(y, from, x.step, i);
#pragma unroll
      for (int k = 0; k < N; k++) y[k] = LOG ? (y[k] - all.largest) - logarithm : exp(y[k] - all.largest) * inverse;
      writePack<N>(to, out.step, i, y);
    }
  }
}

template <class T, int N, bool LOG>
__global__ void __launch_bounds__(THREADS)
    softmaxBackwardBlock(Rows rows, Lines<T> gradX, Lines<const T> grad, Lines<const T> result, int lanes, bool along) {
  using C = Compute<T>;
  Team team(lanes, along);
  for (unsigned first = blockIdx.x * team.places; first < rows.count; first += gridDim.x * team.places) {
    bool present = first + team.column < rows.count;
    Coordinates at = rows.space.locate(present ? first + team.column : first);
    const T *grads = grad.row(rows, at), *results = result.row(rows, at);
    T *to = gradX.row(rows, at);
    Total<C> total;
    C g[N], y[N];
    for (unsigned i = team.lane * N; present && i < rows.n; i += team.lanes * N) {
      readPack<N, T>(g, grads, grad.step, i);
      if constexpr (!LOG) readPack<N, T>(y, results, result.step, i);
#pragma unroll
      for (int k = 0; k < N; k++) total.sum += LOG ? g[k] : g[k] * y[k];
    }
    C sum = team.merge(total).sum;
    for (unsigned i = team.lane * N; present && i < rows.n; i += team.lanes * N) {
      readPack<N, T>(g, grads, grad.step, i);
      readPack<N, T>(y, results, result.step, i);
#pragma unroll
      for (int k = 0; k < N; k++) g[k] = gradient(LOG, g[k], y[k], sum);
      writePack<N>(to, gradX.step, i, g);
    }
  }
}

// ---- cross-entropy ----

// A class for each row, and which of them counts for nothing.
struct Targets {
  const int64 *data;
  int64 step, ignored;

  __device__ __forceinline__ int64 of(unsigned row) const { return data[row * step]; }
};

// What is kept of each row: log softmax(x)[target], and for the backward the largest x and log Σ e^(x − largest).
template <class T>
struct Likelihoods {
  Compute<T> *likelihoods, *logarithms;
  Targets targets;
  Complaints complaints;

  __device__ __forceinline__ void put(unsigned row, const T *x, int64 step, unsigned n, Compute<T> largest, Compute<T> logarithm) const {
    int64 target = targets.of(row);
    bool counts = target != targets.ignored && complaints.within(target, n);
    likelihoods[row] = counts ? (load(x[target * step]) - largest) - logarithm : 0;
    logarithms[2 * row] = largest;
    logarithms[2 * row + 1] = logarithm;
  }
};

template <class T, int E, int N>
__global__ void __launch_bounds__(THREADS) crossEntropyHeld(Rows rows, Lines<const T> x, Likelihoods<T> kept) {
  using C = Compute<T>;
  for (unsigned r = blockIdx.x * WARPS + threadIdx.x / WARP; r < rows.count; r += gridDim.x * WARPS) {
    const T *from = x.row(rows, rows.space.locate(r));
    Held<T, E, N> row;
    row.read(from, x.step, rows.n, -infinity<C>());
    C largest = largestOf(row), sum = C(0);
#pragma unroll
    for (int k = 0; k < E; k++) sum += exp(row.at[k] - largest);
    sum = warpSum(sum);
    if (threadIdx.x % WARP == 0) kept.put(r, from, x.step, rows.n, largest, log(sum));
  }
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS) crossEntropyBlock(Rows rows, Lines<const T> x, Likelihoods<T> kept, int lanes, bool along) {
  Team team(lanes, along);
  for (unsigned first = blockIdx.x * team.places; first < rows.count; first += gridDim.x * team.places) {
    unsigned r = first + team.column;
    bool present = r < rows.count;
    const T *from = x.row(rows, rows.space.locate(present ? r : first));
    Exponentials<Compute<T>> all = exponentials<N>(team, from, x.step, rows.n, present);
    if (present && team.lane == 0) kept.put(r, from, x.step, rows.n, all.largest, all.logarithm());
  }
}

// grad/total·(softmax(x) − onehot(target)), where total is given.
template <class T, int N>
__global__ void __launch_bounds__(THREADS) crossEntropyBackwardBlock(Rows rows, Lines<T> gradX, Lines<const T> x, Targets targets, const T *grad,
    int64 gradStep, const T *total, const Compute<T> *logarithms, int lanes, bool along) {
  using C = Compute<T>;
  Team team(lanes, along);
  for (unsigned r = blockIdx.x * team.places + team.column; r < rows.count; r += gridDim.x * team.places) {
    Coordinates at = rows.space.locate(r);
    const T *from = x.row(rows, at);
    T *to = gradX.row(rows, at);
    int64 target = targets.of(r);
    bool counts = target != targets.ignored;
    C g = load(grad[r * gradStep]) / (total ? load(*total) : C(1)), largest = logarithms[2 * r], logarithm = logarithms[2 * r + 1];
    for (unsigned i = team.lane * N; i < rows.n; i += team.lanes * N) {
      C y[N];
      readPack<N, T>(y, from, x.step, i);
#pragma unroll
      for (int k = 0; k < N; k++) y[k] = counts ? g * (exp((y[k] - largest) - logarithm) - C(i + k == target)) : C(0);
      writePack<N>(to, gradX.step, i, y);
    }
  }
}

}  // namespace flambeau
