// Batches of matrix products of any layout: for whole numbers, and for what cuBLASLt does not do.
#include "types.cuh"

namespace flambeau {

constexpr int TILE = 64;   // rows and columns of the result that a block computes
constexpr int DEPTH = 16;  // terms that it has in shared memory at a time
constexpr int THREADS = 256;
constexpr int EACH = 4;  // rows and columns that a thread computes

// Strides in elements.
template <class T>
struct Matrices {
  T *data;
  int64 batch, row, column;

  __device__ __forceinline__ T *at(int64 i, int64 j, int64 k) const { return data + i * batch + j * row + k * column; }
};

// Neighbours in memory are loaded by neighbouring threads, whichever dimension they lie along. Beyond the matrix there are zeros.
template <class T, int ROWS, int COLUMNS, int PITCH>
__device__ __forceinline__ void loadTile(Compute<T> (*tile)[PITCH], bool turned, const Matrices<const T> &x, int64 matrix, int64 row,
                                         int64 rows, int64 column, int64 columns) {
  bool columnsFirst = x.column == 1;
#pragma unroll 2
  for (int e = threadIdx.x; e < ROWS * COLUMNS; e += THREADS) {
    int i = columnsFirst ? e / COLUMNS : e % ROWS;
    int j = columnsFirst ? e % COLUMNS : e / ROWS;
    bool inside = row + i < rows && column + j < columns;
    Compute<T> value = inside ? load(*x.at(matrix, row + i, column + j)) : Compute<T>(0);
    (turned ? tile[j][i] : tile[i][j]) = value;
  }
}

template <class T>
__global__ void __launch_bounds__(THREADS) product(int64 batch, int64 m, int64 n, int64 k, Matrices<T> out, Matrices<const T> a,
                                                   Matrices<const T> b) {
  using C = Compute<T>;
  __shared__ C left[DEPTH][TILE + 1];  // one column more, so that it is written turned without bank conflicts
  __shared__ C right[DEPTH][TILE];
  unsigned across = (n + TILE - 1) / TILE;
  int64 row = blockIdx.x / across * int64(TILE), column = blockIdx.x % across * int64(TILE);
  int i = threadIdx.x / (TILE / EACH) * EACH, j = threadIdx.x % (TILE / EACH) * EACH;
  for (int64 matrix = blockIdx.y; matrix < batch; matrix += gridDim.y) {
    C sums[EACH][EACH] = {};
    for (int64 term = 0; term < k; term += DEPTH) {
      loadTile<T, TILE, DEPTH>(left, true, a, matrix, row, m, term, k);
      loadTile<T, DEPTH, TILE>(right, false, b, matrix, term, k, column, n);
      __syncthreads();
#pragma unroll 4
      for (int t = 0; t < DEPTH; t++) {
#pragma unroll
        for (int p = 0; p < EACH; p++) {
#pragma unroll
          for (int q = 0; q < EACH; q++) sums[p][q] += left[t][i + p] * right[t][j + q];
        }
      }
      __syncthreads();
    }
#pragma unroll
    for (int p = 0; p < EACH; p++) {
#pragma unroll
      for (int q = 0; q < EACH; q++) {
        if (row + i + p < m && column + j + q < n) *out.at(matrix, row + i + p, column + j + q) = store<T>(sums[p][q]);
      }
    }
  }
}

}  // namespace flambeau
