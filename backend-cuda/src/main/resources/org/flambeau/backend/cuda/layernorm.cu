// Layer normalisation of rows that lie one after the other, both ways: held in the registers of a warp where they are short, else gone over
// by a block. Means and 1/√(variance + eps) are kept for the backward; the variance takes a pass of its own. Where a residual is given, what
// is normalised is the sum of both, which is written too; going back, what else flows to the sum is added to its gradient.
#include "rows.cuh"

namespace flambeau {

// N factors or summands from i on; where there are none, what changes nothing.
template <int N, class T>
__device__ __forceinline__ void readOr(Compute<T> (&to)[N], const T *from, unsigned i, Compute<T> none) {
  if (from) {
    readPack<N, T>(to, from, 1, i);
  } else {
#pragma unroll
    for (int k = 0; k < N; k++) to[k] = none;
  }
}

template <class T, int N>
__device__ __forceinline__ void scale(Compute<T> *y, const T *weight, const T *bias, unsigned i) {
  Compute<T> w[N], b[N];
  readOr<N, T>(w, weight, i, 1);
  readOr<N, T>(b, bias, i, 0);
#pragma unroll
  for (int k = 0; k < N; k++) y[k] = y[k] * w[k] + b[k];
}

// Adds what another row has from i on.
template <class T, int N>
__device__ __forceinline__ void addFrom(Compute<T> *y, const T *row, unsigned i) {
  Compute<T> other[N];
  readPack<N, T>(other, row, 1, i);
#pragma unroll
  for (int k = 0; k < N; k++) y[k] += other[k];
}

// Makes x the sum with the residual, as it is stored.
template <class T, int N>
__device__ __forceinline__ void addResidual(Compute<T> *y, T *sum, const T *residual, unsigned i) {
  addFrom<T, N>(y, residual, i);
  writePack<N>(sum, 1, i, y);
#pragma unroll
  for (int k = 0; k < N; k++) y[k] = load(store<T>(y[k]));
}

// ---- rows held by a warp ----

template <class T, int E, int N>
__global__ void __launch_bounds__(THREADS) layerNormHeld(T *sums, T *out, Compute<T> *means, Compute<T> *rstds, const T *x,
    const T *residual, const T *weight, const T *bias, double eps, int64 rows, unsigned n) {
  using C = Compute<T>;
  for (int64 r = blockIdx.x * WARPS + threadIdx.x / WARP; r < rows; r += gridDim.x * WARPS) {
    Held<T, E, N> row;
    row.read(x + r * n, 1, n, C(0));
#pragma unroll
    for (int k = 0; k < E; k += N) {
      if (residual && row.present(k, n)) addResidual<T, N>(row.at + k, sums + r * n, residual + r * n, row.place(k));
    }
    C sum = C(0), squares = C(0);
#pragma unroll
    for (int k = 0; k < E; k++) sum += row.at[k];
    C mean = warpSum(sum) / C(n);
#pragma unroll
    for (int k = 0; k < E; k++) {
      row.at[k] -= mean;
      if (row.present(k, n)) squares += row.at[k] * row.at[k];
    }
    C rstd = C(1) / sqrt(warpSum(squares) / C(n) + static_cast<C>(eps));
#pragma unroll
    for (int k = 0; k < E; k++) row.at[k] *= rstd;
#pragma unroll
    for (int k = 0; k < E; k += N) {
      if (row.present(k, n)) scale<T, N>(row.at + k, weight, bias, row.place(k));
    }
    row.write(out + r * n, 1, n);
    if (threadIdx.x % WARP == 0) {
      means[r] = mean;
      rstds[r] = rstd;
    }
  }
}

// The gradient for x where gradX is not null; Σ g·x̂ and Σ g of the block's rows, for each column, where parts is not null.
template <class T, int E, int N>
__global__ void __launch_bounds__(THREADS) layerNormBackwardHeld(T *gradX, Compute<T> *parts, const T *gradSum, const T *grad,
    const T *x, const Compute<T> *means, const Compute<T> *rstds, const T *weight, int64 rows, unsigned n) {
  using C = Compute<T>;
  C weightSums[E] = {}, biasSums[E] = {};
  for (int64 r = blockIdx.x * WARPS + threadIdx.x / WARP; r < rows; r += gridDim.x * WARPS) {
    C mean = means[r], rstd = rstds[r];
    Held<T, E, N> g, normal;
    normal.read(x + r * n, 1, n, mean);
    g.read(grad + r * n, 1, n, C(0));
#pragma unroll
    for (int k = 0; k < E; k++) {
      normal.at[k] = (normal.at[k] - mean) * rstd;
      weightSums[k] += g.at[k] * normal.at[k];
      biasSums[k] += g.at[k];
    }
    if (gradX == nullptr) continue;
    C sum = C(0), product = C(0);
#pragma unroll
    for (int k = 0; k < E; k += N) {
      if (g.present(k, n)) scale<T, N>(g.at + k, weight, nullptr, g.place(k));
    }
#pragma unroll
    for (int k = 0; k < E; k++) {
      sum += g.at[k];
      product += g.at[k] * normal.at[k];
    }
    sum = warpSum(sum) / C(n);
    product = warpSum(product) / C(n);
#pragma unroll
    for (int k = 0; k < E; k++) g.at[k] = rstd * (g.at[k] - sum - normal.at[k] * product);
#pragma unroll
    for (int k = 0; k < E; k += N) {
      if (gradSum && g.present(k, n)) addFrom<T, N>(g.at + k, gradSum + r * n, g.place(k));
    }
    g.write(gradX + r * n, 1, n);
  }
  if (parts == nullptr) return;
  __shared__ C sums[2][E * WARP];
  for (int warp = 0; warp < WARPS; warp++) {  // one after the other, so that the order is always the same
    if (threadIdx.x / WARP == warp) {
#pragma unroll
      for (int k = 0; k < E; k++) {
        int i = Held<T, E, N>::place(k / N * N) + k % N;
        sums[0][i] = warp == 0 ? weightSums[k] : sums[0][i] + weightSums[k];
        sums[1][i] = warp == 0 ? biasSums[k] : sums[1][i] + biasSums[k];
      }
    }
    __syncthreads();
  }
  for (unsigned i = threadIdx.x; i < 2 * n; i += THREADS) {
    parts[blockIdx.x * 2ll * n + i] = i < n ? sums[0][i] : sums[1][i - n];
  }
}

// ---- rows gone over by a block ----

template <class T, int N>
__global__ void __launch_bounds__(THREADS) layerNormBlock(T *sums, T *out, Compute<T> *means, Compute<T> *rstds, const T *x,
    const T *residual, const T *weight, const T *bias, double eps, int64 rows, unsigned n) {
  using C = Compute<T>;
  Team team(THREADS, true);
  for (int64 r = blockIdx.x; r < rows; r += gridDim.x) {
    const T *row = x + r * n;
    Total<C> sum, squares;
    C y[N];
    for (unsigned i = threadIdx.x * N; i < n; i += THREADS * N) {
      readPack<N, T>(y, row, 1, i);
      if (residual) addResidual<T, N>(y, sums + r * n, residual + r * n, i);
#pragma unroll
      for (int k = 0; k < N; k++) sum.sum += y[k];
    }
    if (residual) row = sums + r * n;
    C mean = team.merge(sum).sum / C(n);
    for (unsigned i = threadIdx.x * N; i < n; i += THREADS * N) {
      readPack<N, T>(y, row, 1, i);
#pragma unroll
      for (int k = 0; k < N; k++) squares.sum += (y[k] - mean) * (y[k] - mean);
    }
    C rstd = C(1) / sqrt(team.merge(squares).sum / C(n) + static_cast<C>(eps));
    for (unsigned i = threadIdx.x * N; i < n; i += THREADS * N) {
      readPack<N, T>(y, row, 1, i);
#pragma unroll
      for (int k = 0; k < N; k++) y[k] = (y[k] - mean) * rstd;
      scale<T, N>(y, weight, bias, i);
      writePack<N>(out + r * n, 1, i, y);
    }
    if (threadIdx.x == 0) {
      means[r] = mean;
      rstds[r] = rstd;
    }
  }
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS) layerNormBackwardBlock(T *gradX, const T *gradSum, const T *grad, const T *x,
    const Compute<T> *means, const Compute<T> *rstds, const T *weight, int64 rows, unsigned n) {
  using C = Compute<T>;
  Team team(THREADS, true);
  for (int64 r = blockIdx.x; r < rows; r += gridDim.x) {
    C mean = means[r], rstd = rstds[r];
    TwoTotals<C> total;
    C g[N], y[N];
    for (unsigned i = threadIdx.x * N; i < n; i += THREADS * N) {
      readPack<N, T>(g, grad + r * n, 1, i);
      readPack<N, T>(y, x + r * n, 1, i);
      scale<T, N>(g, weight, nullptr, i);
#pragma unroll
      for (int k = 0; k < N; k++) {
        total.first += g[k];
        total.second += g[k] * (y[k] - mean) * rstd;
      }
    }
    total = team.merge(total);
    C sum = total.first / C(n), product = total.second / C(n);
    for (unsigned i = threadIdx.x * N; i < n; i += THREADS * N) {
      readPack<N, T>(g, grad + r * n, 1, i);
      readPack<N, T>(y, x + r * n, 1, i);
      scale<T, N>(g, weight, nullptr, i);
#pragma unroll
      for (int k = 0; k < N; k++) g[k] = rstd * (g[k] - sum - (y[k] - mean) * rstd * product);
      if (gradSum) addFrom<T, N>(g, gradSum + r * n, i);
      writePack<N>(gradX + r * n, 1, i, g);
    }
  }
}

// ---- what the rows add up to in each column ----

constexpr int COLUMN_LANES = 8;
constexpr int MERGE_LANES = 32;

// Σ g·x̂ and Σ g of packs of N columns, of as many rows as blocks in y leave each of them.
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    layerNormColumns(Compute<T> *parts, const T *grad, const T *x, const Compute<T> *means, const Compute<T> *rstds, int64 rows, unsigned n) {
  using C = Compute<T>;
  Team team(COLUMN_LANES, false);
  unsigned column = (blockIdx.x * team.places + team.column) * N;
  TwoTotals<C> totals[N];
#pragma unroll 2
  for (int64 r = blockIdx.y * COLUMN_LANES + team.lane; column < n && r < rows; r += gridDim.y * COLUMN_LANES) {
    C g[N], y[N], mean = means[r], rstd = rstds[r];
    readPack<N, T>(g, grad + r * n, 1, column);
    readPack<N, T>(y, x + r * n, 1, column);
#pragma unroll
    for (int k = 0; k < N; k++) {
      totals[k].first += g[k] * (y[k] - mean) * rstd;
      totals[k].second += g[k];
    }
  }
#pragma unroll
  for (int k = 0; k < N; k++) {
    TwoTotals<C> whole = team.merge(totals[k]);
    if (column < n && team.lane == 0) {
      parts[(blockIdx.y * 2ll) * n + column + k] = whole.first;
      parts[(blockIdx.y * 2ll + 1) * n + column + k] = whole.second;
    }
  }
}

template <class T>
__global__ void __launch_bounds__(THREADS)
    layerNormMerge(T *gradWeight, T *gradBias, const Compute<T> *parts, int count, unsigned n) {
  Team team(MERGE_LANES, false);
  unsigned column = blockIdx.x * team.places + team.column;
  TwoTotals<Compute<T>> total;
#pragma unroll 4
  for (int i = team.lane; column < n && i < count; i += MERGE_LANES) {
    total.first += parts[i * 2ll * n + column];
    total.second += parts[(i * 2ll + 1) * n + column];
  }
  total = team.merge(total);
  if (column < n && team.lane == 0) {
    if (gradWeight) gradWeight[column] = store<T>(total.first);
    if (gradBias) gradBias[column] = store<T>(total.second);
  }
}

}  // namespace flambeau
