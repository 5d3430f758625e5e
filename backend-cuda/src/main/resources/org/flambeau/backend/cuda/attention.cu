// Attention that never has all scores at once (Dao, "FlashAttention-2", 2023), in float32 whatever the elements are. A block has the rows of
// one tile of queries, or in the backward pass of keys, and meets the tiles of the others one after the other; nobody adds to what another
// block computes, so that results are the same each time.
//
// 256 threads as 16 × 16: thread (y, x) has rows y·R … y·R + R − 1 of a tile, and of scores the columns x, x + 16, …
#include "attention.cuh"
#include "types.cuh"

namespace flambeau {

constexpr int SIDE = 16;
constexpr int THREADS = SIDE * SIDE;
// What sets the rows of a tile apart, so that lanes that read them meet different banks.
constexpr int PADDING = 4;

extern __shared__ __align__(16) unsigned char dynamicShared[];

__device__ __forceinline__ int threadX() { return threadIdx.x % SIDE; }
__device__ __forceinline__ int threadY() { return threadIdx.x / SIDE; }

// A tile of N rows of up to D columns.
template <int N, int D>
struct Tile {
  static constexpr int PITCH = D + PADDING;
  static constexpr int FLOATS = N * PITCH;
  float *data;

  __device__ __forceinline__ float *row(int i) const { return data + i * PITCH; }

  // Reads rows from `first` on, with zeros beyond `count` rows and `width` columns.
  template <class T>
  __device__ __forceinline__ void read(const Heads<const T> &x, const T *head, int first, int count, int width) const {
    for (int i = threadIdx.x; i < N * D; i += THREADS) {
      int r = i / D, c = i % D;
      bool within = first + r < count && c < width;
      row(r)[c] = within ? load(head[(first + r) * x.row + c * x.column]) : 0.0f;
    }
  }
};

// scores[i][j] = a's row y·R + i times b's row x + 16·j, for j below J, else 0.
template <int J, int R, int N, int D>
__device__ __forceinline__ void firstProducts(float (&scores)[R][R], const Tile<N, D> &a, const Tile<N, D> &b) {
#pragma unroll
  for (int i = 0; i < R; i++) {
#pragma unroll
    for (int j = 0; j < R; j++) scores[i][j] = 0.0f;
  }
#pragma unroll 4
  for (int k = 0; k < D; k += 4) {
    Pack<float, 4> left[R], right[J];
#pragma unroll
    for (int i = 0; i < R; i++) left[i] = four(a.row(threadY() * R + i) + k);
#pragma unroll
    for (int j = 0; j < J; j++) right[j] = four(b.row(threadX() + SIDE * j) + k);
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int n = 0; n < 4; n++) scores[i][j] = fma(left[i].at[n], right[j].at[n], scores[i][j]);
      }
    }
  }
}

// Those with b's first `count` rows; a last tile mostly has few.
template <int R, int N, int D>
__device__ __forceinline__ void products(float (&scores)[R][R], const Tile<N, D> &a, const Tile<N, D> &b, int count) {
  if (count <= SIDE) {
    firstProducts<1>(scores, a, b);
  } else if (count <= N / 2) {
    firstProducts<R / 2>(scores, a, b);
  } else {
    firstProducts<R>(scores, a, b);
  }
}

// A thread's part of R rows of D columns: W neighbours at a time.
template <int R, int D>
struct Rows {
  static constexpr int W = D % 64 == 0 ? 4 : 2;
  static constexpr int GROUPS = D / (SIDE * W);
  float at[R][GROUPS * W];

  static __device__ __forceinline__ int column(int group) { return (group * SIDE + threadX()) * W; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
      for (int c = 0; c < GROUPS * W; c++) at[i][c] = 0.0f;
    }
  }

  // Adds weights·x over x's first `count` rows, the weights being rows of this thread's tile.
  template <int N>
  __device__ __forceinline__ void add(const Tile<N, N> &weights, const Tile<N, D> &x, int count) {
#pragma unroll 2
    for (int k = 0; k < min(N, count); k += 4) {
      Pack<float, 4> left[R];
#pragma unroll
      for (int i = 0; i < R; i++) left[i] = four(weights.row(threadY() * R + i) + k);
#pragma unroll
      for (int n = 0; n < 4; n++) {
#pragma unroll
        for (int g = 0; g < GROUPS; g++) {
          Pack<float, W> right = *reinterpret_cast<const Pack<float, W> *>(x.row(k + n) + column(g));
#pragma unroll
          for (int i = 0; i < R; i++) {
#pragma unroll
            for (int w = 0; w < W; w++) at[i][g * W + w] = fma(left[i].at[n], right.at[w], at[i][g * W + w]);
          }
        }
      }
    }
  }

  // Writes row i, times a factor.
  template <class T>
  __device__ __forceinline__ void write(int i, const Heads<T> &out, T *head, int row, int width, float factor) const {
#pragma unroll
    for (int g = 0; g < GROUPS; g++) {
#pragma unroll
      for (int w = 0; w < W; w++) {
        int c = column(g) + w;
        if (c < width) head[row * out.row + c * out.column] = store<T>(at[i][g * W + w] * factor);
      }
    }
  }
};

// Whether any row of this thread's warp is one of `count`: a last tile mostly has few, and a warp without work only waits.
template <int R>
__device__ __forceinline__ bool hasRows(int first, int count) {
  return first + threadY() / 2 * 2 * R < count;
}

// Over the 16 threads that share rows.
__device__ __forceinline__ float largest(float x) {
#pragma unroll
  for (int step = SIDE / 2; step > 0; step /= 2) x = fmax(x, __shfl_xor_sync(0xffffffffu, x, step));
  return x;
}

__device__ __forceinline__ float sum(float x) {
#pragma unroll
  for (int step = SIDE / 2; step > 0; step /= 2) x += __shfl_xor_sync(0xffffffffu, x, step);
  return x;
}

// Leaves a thread's part of the weights where the threads that share its rows, all of one warp, read them.
template <int R, int N>
__device__ __forceinline__ void share(const Tile<N, N> &to, const float (&weights)[R][R]) {
  __syncwarp();
#pragma unroll
  for (int i = 0; i < R; i++) {
#pragma unroll
    for (int j = 0; j < R; j++) to.row(threadY() * R + i)[threadX() + SIDE * j] = weights[i][j];
  }
  __syncwarp();
}

// ---- forward ----

// Makes weights of scores with the keys from `begin` on, relative to the highest score so far, and what was added up before too.
template <int R, int D>
__device__ __forceinline__ void weigh(float (&scores)[R][R], Rows<R, D> &rows, float (&top)[R], float (&total)[R], const Shape &shape,
                                      int first, int begin) {
#pragma unroll
  for (int i = 0; i < R; i++) {
    int row = first + threadY() * R + i;
    float highest = top[i];
#pragma unroll
    for (int j = 0; j < R; j++) {
      bool counts = shape.counts(row, begin + threadX() + SIDE * j);
      scores[i][j] = counts ? scores[i][j] * shape.scale : -__int_as_float(0x7f800000);
      highest = fmax(highest, scores[i][j]);
    }
    highest = largest(highest);
    float added = 0.0f, shrink = exp(top[i] - highest);
#pragma unroll
    for (int j = 0; j < R; j++) {
      scores[i][j] = exp(scores[i][j] - highest);
      added += scores[i][j];
    }
    top[i] = highest;
    total[i] = total[i] * shrink + sum(added);
#pragma unroll
    for (int c = 0; c < Rows<R, D>::GROUPS * Rows<R, D>::W; c++) rows.at[i][c] *= shrink;
  }
}

template <class T, int D, int N>
__global__ void __launch_bounds__(THREADS, 2) attention(Heads<T> out, float *logSumExp, Heads<const T> q, Heads<const T> k, Heads<const T> v, Shape shape) {
  constexpr int R = N / SIDE;
  Tile<N, D> query{reinterpret_cast<float *>(dynamicShared)}, other{query.data + query.FLOATS};
  Tile<N, N> shared{other.data + other.FLOATS};
  int tiles = (shape.queries + N - 1) / N, number = blockIdx.x / tiles, first = blockIdx.x % tiles * N;
  const T *keys = k.of(number, shape.heads), *values = v.of(number, shape.heads);
  query.read(q, q.of(number, shape.heads), first, shape.queries, shape.width);
  Rows<R, D> rows;
  rows.clear();
  constexpr float LOWEST = -3.402823466e38f;
  float top[R], total[R];
#pragma unroll
  for (int i = 0; i < R; i++) {
    top[i] = LOWEST;
    total[i] = 0.0f;
  }
  int met = shape.causal ? min(shape.keys, first + N) : shape.keys;
  bool works = hasRows<R>(first, shape.queries);
  for (int begin = 0; begin < met; begin += N) {
    __syncthreads();
    other.read(k, keys, begin, shape.keys, shape.width);
    __syncthreads();
    if (works) {
      float scores[R][R];
      products(scores, query, other, met - begin);
      weigh(scores, rows, top, total, shape, first, begin);
      share(shared, scores);
    }
    __syncthreads();
    other.read(v, values, begin, shape.keys, shape.width);
    __syncthreads();
    if (works) rows.add(shared, other, met - begin);
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    int row = first + threadY() * R + i;
    if (row >= shape.queries) continue;
    rows.write(i, out, out.of(number, shape.heads), row, shape.width, 1.0f / total[i]);
    if (threadX() == 0) logSumExp[static_cast<int64>(number) * shape.queries + row] = top[i] + log(total[i]);
  }
}

// ---- backward ----

// The sum of each row of grad·out, by a warp.
template <class T>
__global__ void __launch_bounds__(THREADS) rowDots(float *dots, Heads<const T> grad, Heads<const T> out, Shape shape, int64 count) {
  int64 number = (blockIdx.x * static_cast<int64>(THREADS) + threadIdx.x) / 32;
  if (number >= count) return;
  int head = static_cast<int>(number / shape.queries);
  int64 row = number % shape.queries;
  const T *g = grad.of(head, shape.heads) + row * grad.row, *o = out.of(head, shape.heads) + row * out.row;
  float total = 0.0f;
  for (int c = threadIdx.x % 32; c < shape.width; c += 32) total = fma(load(g[c * grad.column]), load(o[c * out.column]), total);
  total += __shfl_xor_sync(0xffffffffu, total, 16);
  total = sum(total);
  if (threadIdx.x % 32 == 0) dots[number] = total;
}

// The gradients of scores and the weights again, of queries that are this tile's rows or columns.
struct Score {
  const float *logSumExp, *dots;  // of one head

  __device__ __forceinline__ float weight(const Shape &shape, float product, int query, int key) const {
    return shape.counts(query, key) ? exp(product * shape.scale - logSumExp[query]) : 0.0f;
  }

  __device__ __forceinline__ float gradient(const Shape &shape, float weight, float product, int query) const {
    return query < shape.queries ? weight * (product - dots[query]) : 0.0f;
  }

  static __device__ __forceinline__ Score of(const float *logSumExp, const float *dots, int number, const Shape &shape) {
    int64 before = static_cast<int64>(number) * shape.queries;
    return {logSumExp + before, dots + before};
  }
};

template <class T, int D, int N>
__global__ void __launch_bounds__(THREADS, 2) attentionBackwardQuery(Heads<T> gradQ, Heads<const T> grad, const float *logSumExp, const float *dots,
                                                   Heads<const T> q, Heads<const T> k, Heads<const T> v, Shape shape) {
  constexpr int R = N / SIDE;
  Tile<N, D> query{reinterpret_cast<float *>(dynamicShared)}, above{query.data + query.FLOATS}, key{above.data + above.FLOATS},
      value{key.data + key.FLOATS};
  Tile<N, N> shared{value.data + value.FLOATS};
  int tiles = (shape.queries + N - 1) / N, number = blockIdx.x / tiles, first = blockIdx.x % tiles * N;
  Score score = Score::of(logSumExp, dots, number, shape);
  query.read(q, q.of(number, shape.heads), first, shape.queries, shape.width);
  above.read(grad, grad.of(number, shape.heads), first, shape.queries, shape.width);
  Rows<R, D> rows;
  rows.clear();
  int met = shape.causal ? min(shape.keys, first + N) : shape.keys;
  bool works = hasRows<R>(first, shape.queries);
  for (int begin = 0; begin < met; begin += N) {
    __syncthreads();
    key.read(k, k.of(number, shape.heads), begin, shape.keys, shape.width);
    value.read(v, v.of(number, shape.heads), begin, shape.keys, shape.width);
    __syncthreads();
    if (!works) continue;
    float weights[R][R], gradients[R][R];
    products(weights, query, key, met - begin);
    products(gradients, above, value, met - begin);
#pragma unroll
    for (int i = 0; i < R; i++) {
      int row = first + threadY() * R + i;
#pragma unroll
      for (int j = 0; j < R; j++) {
        float weight = score.weight(shape, weights[i][j], row, begin + threadX() + SIDE * j);
        gradients[i][j] = score.gradient(shape, weight, gradients[i][j], row);
      }
    }
    share(shared, gradients);
    rows.add(shared, key, met - begin);
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    int row = first + threadY() * R + i;
    if (row < shape.queries) rows.write(i, gradQ, gradQ.of(number, shape.heads), row, shape.width, shape.scale);
  }
}

template <class T, int D, int N>
__global__ void __launch_bounds__(THREADS, 2) attentionBackwardKey(Heads<T> gradK, Heads<T> gradV, Heads<const T> grad, const float *logSumExp,
                                                 const float *dots, Heads<const T> q, Heads<const T> k, Heads<const T> v, Shape shape) {
  constexpr int R = N / SIDE;
  Tile<N, D> key{reinterpret_cast<float *>(dynamicShared)}, value{key.data + key.FLOATS}, query{value.data + value.FLOATS},
      above{query.data + query.FLOATS};
  Tile<N, N> shared{above.data + above.FLOATS};
  int tiles = (shape.keys + N - 1) / N, number = blockIdx.x / tiles, first = blockIdx.x % tiles * N;
  Score score = Score::of(logSumExp, dots, number, shape);
  key.read(k, k.of(number, shape.heads), first, shape.keys, shape.width);
  value.read(v, v.of(number, shape.heads), first, shape.keys, shape.width);
  Rows<R, D> keyRows, valueRows;
  keyRows.clear();
  valueRows.clear();
  bool works = hasRows<R>(first, shape.keys);
  for (int begin = shape.causal ? first : 0; begin < shape.queries; begin += N) {
    __syncthreads();
    query.read(q, q.of(number, shape.heads), begin, shape.queries, shape.width);
    above.read(grad, grad.of(number, shape.heads), begin, shape.queries, shape.width);
    __syncthreads();
    if (!works) continue;
    float weights[R][R], gradients[R][R];
    products(weights, key, query, shape.queries - begin);
    products(gradients, value, above, shape.queries - begin);
#pragma unroll
    for (int i = 0; i < R; i++) {
#pragma unroll
      for (int j = 0; j < R; j++) {
        int column = begin + threadX() + SIDE * j;
        weights[i][j] = score.weight(shape, weights[i][j], column, first + threadY() * R + i);
        gradients[i][j] = score.gradient(shape, weights[i][j], gradients[i][j], column);
      }
    }
    share(shared, weights);
    valueRows.add(shared, above, shape.queries - begin);
    share(shared, gradients);
    keyRows.add(shared, query, shape.queries - begin);
  }
#pragma unroll
  for (int i = 0; i < R; i++) {
    int row = first + threadY() * R + i;
    if (row >= shape.keys) continue;
    keyRows.write(i, gradK, gradK.of(number, shape.heads), row, shape.width, shape.scale);
    valueRows.write(i, gradV, gradV.of(number, shape.heads), row, shape.width, 1.0f);
  }
}

}  // namespace flambeau
