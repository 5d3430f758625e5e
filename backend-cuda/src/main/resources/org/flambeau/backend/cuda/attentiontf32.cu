// attention.cu on tensor cores, which multiply TF32 and add up in float32, from sm_80 on. Again a block has the rows of one tile and meets
// those of the others, and nobody adds to what another block computes.
//
// 4 warps, each with 16·M rows of the block's tile. A warp's scores stay in its registers: as a product leaves them, they are a factor of
// the next one. In a sum the order of the terms is free, so lanes take the terms of a product as they lie, four neighbours of a row or every
// second row at a time.
#include "attention.cuh"
#include "types.cuh"

namespace flambeau {

constexpr int WARP = 32;
constexpr int WARPS = 4;
constexpr int THREADS = WARPS * WARP;
// The rows, columns and terms of one product of the tensor cores are 16, 8 and 8.
constexpr int SIDE = 8;
constexpr float LOG2_E = 1.4426950408889634f, LN_2 = 0.6931471805599453f;

extern __shared__ __align__(16) unsigned char dynamicShared[];

// A warp is 8 groups of 4 lanes.
__device__ __forceinline__ int warp() { return threadIdx.x / WARP; }
__device__ __forceinline__ int group() { return threadIdx.x % WARP / 4; }
__device__ __forceinline__ int inGroup() { return threadIdx.x % 4; }

// Over the lanes of a group.
__device__ __forceinline__ float largest(float x) {
  x = fmax(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmax(x, __shfl_xor_sync(0xffffffffu, x, 2));
}

__device__ __forceinline__ float sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// ---- what takes PTX ----

// Adds to sums the product of (16, 8) and (8, 8). The lane has of the left factor, where g is its group and t its place there, (g, t), (g + 8, t),
// (g, t + 4) and (g + 8, t + 4), of the right one (t, g) and (t + 4, g), and of the sums (g, 2t), (g, 2t + 1), (g + 8, 2t) and (g + 8, 2t + 1).
__device__ __forceinline__ void multiply(float (&sums)[4], const unsigned (&left)[4], const unsigned (&right)[2]) {
#ifdef FLAMBEAU_SIMULATED
  simulatedMma(sums, left, right);
#else
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]));
#endif
}

// 2 to the power of x, or zero where that is no normal number.
__device__ __forceinline__ float power(float x) {
#ifdef FLAMBEAU_SIMULATED
  return exp2(x);
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}

// Begins to copy N floats, or zeros.
template <int N>
__device__ __forceinline__ void beginCopy(float *shared, const float *from, bool within) {
#ifdef FLAMBEAU_SIMULATED
  simulatedBeginCopy(shared, from, N * sizeof(float), within);
#else
  unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared)), bytes = within ? N * sizeof(float) : 0;
  if constexpr (N == 4) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
  }
#endif
}

// Copies that the thread has begun since the last call are one group.
__device__ __forceinline__ void endCopies() {
#ifdef FLAMBEAU_SIMULATED
  simulatedEndCopies();
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for the thread's own copies but those of its last N groups.
template <int N>
__device__ __forceinline__ void awaitCopies() {
#ifdef FLAMBEAU_SIMULATED
  simulatedAwaitCopies(N);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory");
#endif
}

// ---- factors ----

// The nearest TF32, of two the larger one, in the upper 19 bits, which are those that tensor cores read: one or two instructions,
// where cvt.rna.tf32.f32 becomes more.
__device__ __forceinline__ unsigned finiteTf32(float x) { return __float_as_uint(x) + (1 << 12); }

__device__ __forceinline__ unsigned tf32(float x) { return fabs(x) < __int_as_float(0x7f800000) ? finiteTf32(x) : __float_as_uint(x); }

// Four floats of a factor, as TF32.
struct alignas(16) Four {
  unsigned at[4];

  static __device__ __forceinline__ Four rounded(const float *from) {
    Pack<float, 4> x = four(from);
    return {tf32(x.at[0]), tf32(x.at[1]), tf32(x.at[2]), tf32(x.at[3])};
  }

  static __device__ __forceinline__ Four of(const float *from) { return *reinterpret_cast<const Four *>(from); }
};

// Whether all rows of a head are whole packs of four.
template <class T>
__device__ __forceinline__ bool isPacked(const Heads<T> &x, const float *head, int width) {
  return x.column == 1 && x.row % 4 == 0 && width % 4 == 0 && reinterpret_cast<unsigned long long>(head) % 16 == 0;
}

// N rows of up to D columns.
template <int N, int D>
struct Tile {
  static constexpr int FLOATS = N * D;
  float *data;

  // The pack of a row. Packs are out of order, so that lanes that read packs of neighbouring rows, or neighbours of every second row, meet
  // different banks.
  __device__ __forceinline__ float *pack(int row, int number) const {
    int turn = (row & 6) ^ (row & 1) << 2;
    return data + row * D + 4 * (number & ~7 | (number & 7) ^ turn);
  }

  // A thread copies every 8th pack of every 16th row, all of which have the same turn.
  static constexpr int ROW_STEP = THREADS / 8, COLUMN_STEP = 32;
  static __device__ __forceinline__ int ownRow() { return threadIdx.x / 8; }
  static __device__ __forceinline__ int ownColumn() { return threadIdx.x % 8 * 4; }
  __device__ __forceinline__ float *own() const { return pack(ownRow(), threadIdx.x % 8); }

  // W neighbours at a time.
  template <int W>
  __device__ __forceinline__ void beginCopies(const Heads<const float> &x, const float *head, int first, int count, int width) const {
    int64 step = W == 1 ? x.column : 1;
    float *to = own();
    const float *from = head + (first + ownRow()) * x.row + ownColumn() * step;
#pragma unroll 2
    for (int r = 0; r < N; r += ROW_STEP, from += ROW_STEP * x.row) {
#pragma unroll
      for (int c = 0; c < D; c += COLUMN_STEP) {
#pragma unroll
        for (int i = 0; i < 4; i += W)
          beginCopy<W>(to + r * D + c + i, from + (c + i) * step, first + ownRow() + r < count && ownColumn() + c + i < width);
      }
    }
  }

  // Begins to copy the rows from `first` on, with zeros beyond `count` rows and `width` columns, as one group.
  __device__ __forceinline__ void beginRead(const Heads<const float> &x, const float *head, int first, int count, int width) const {
    if (first < count) {
      if (isPacked(x, head, width)) {
        beginCopies<4>(x, head, first, count, width);
      } else {
        beginCopies<1>(x, head, first, count, width);
      }
    }
    endCopies();
  }

  // Makes TF32 of what the thread has copied, which no other thread has read.
  __device__ __forceinline__ void round() const {
    float *at = own();
#pragma unroll 2
    for (int r = 0; r < N; r += ROW_STEP) {
#pragma unroll
      for (int c = 0; c < D; c += COLUMN_STEP) *reinterpret_cast<Four *>(at + r * D + c) = Four::rounded(at + r * D + c);
    }
  }

  // Makes it a left factor: of packs of the rows r and r + 8, in the place of the first comes what they have first in turn, r's, then
  // (r + 8)'s, and in the place of the second the rest. What a lane has of a product is one pack then.
  __device__ __forceinline__ void pairRows() const {
    for (int i = threadIdx.x; i < N * D / 8; i += THREADS) {
      float *low = data + i / (2 * D) * 16 * D + i % (2 * D) * 4, *high = low + 8 * D;
      Four a = Four::of(low), b = Four::of(high);
      *reinterpret_cast<Four *>(low) = {a.at[0], b.at[0], a.at[1], b.at[1]};
      *reinterpret_cast<Four *>(high) = {a.at[2], b.at[2], a.at[3], b.at[3]};
    }
  }
};

// Waits for the copies of all threads but those of their last N groups, and makes TF32 of tiles that are complete then.
template <int N, class... Tiles>
__device__ __forceinline__ void await(const Tiles &...arrived) {
  awaitCopies<N>();
  (arrived.round(), ...);
  __syncthreads();
}

// A warp's scores: of each 16 of its rows, and of each 8 columns.
template <int M, int J>
struct Scores {
  float at[M][J][4];

  // The row, from the warp's first on, of at[m][j][2·half] and the next.
  static __device__ __forceinline__ int row(int m, int half) { return 16 * m + 8 * half + group(); }

  // The column of at[m][j][e].
  static __device__ __forceinline__ int column(int j, int e) { return SIDE * j + 2 * inGroup() + e % 2; }

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) at[m][j][e] = 0.0f;
      }
    }
  }

  __device__ __forceinline__ void scale(float factor) {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) at[m][j][e] *= factor;
      }
    }
  }

  // Makes TF32 of them.
  __device__ __forceinline__ void round() {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) at[m][j][e] = __uint_as_float(tf32(at[m][j][e]));
      }
    }
  }

  // Leaves another number where a score, by its row from the warp's first on and its column, does not count.
  template <class Counts>
  __device__ __forceinline__ void drop(float instead, Counts counts) {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) at[m][j][e] = counts(row(m, e / 2), column(j, e)) ? at[m][j][e] : instead;
      }
    }
  }

  // Adds, in columns below 8·FEW, the products of a's rows, paired before, from `first` on with b's rows.
  template <int FEW, int A, int B, int D>
  __device__ __forceinline__ void addFirst(const Tile<A, D> &a, int first, const Tile<B, D> &b) {
#pragma unroll (2 / M)
    for (int k = 0; k < D / 4; k += 4) {
      Four left[M][2];
#pragma unroll
      for (int m = 0; m < M; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) left[m][half] = Four::of(a.pack(first + row(m, half), k + inGroup()));
      }
#pragma unroll
      for (int j = 0; j < FEW; j++) {
        Four right = Four::of(b.pack(SIDE * j + group(), k + inGroup()));
#pragma unroll
        for (int n = 0; n < 4; n += 2) {
#pragma unroll
          for (int m = 0; m < M; m++) multiply(at[m][j], left[m][n / 2].at, {right.at[n], right.at[n + 1]});
        }
      }
    }
  }

  // Makes it a·bᵀ for b's first `count` rows, and zeros; a last tile mostly has few.
  template <int A, int D>
  __device__ __forceinline__ void multiplyRows(const Tile<A, D> &a, int first, const Tile<SIDE * J, D> &b, int count) {
    clear();
    if (count <= SIDE) {
      addFirst<1>(a, first, b);
    } else if (count <= SIDE * J / 2) {
      addFirst<J / 2>(a, first, b);
    } else {
      addFirst<J>(a, first, b);
    }
  }
};

// A warp's sums: of each 16 of its rows, and of all columns.
template <int M, int D>
struct Rows {
  // at[m][4·c + i][e] is of the column 32·c + 8·inGroup() + 4·(e % 2) + i.
  float at[M][D / SIDE][4];

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
      for (int n = 0; n < D / SIDE; n++) {
#pragma unroll
        for (int e = 0; e < 4; e++) at[m][n][e] = 0.0f;
      }
    }
  }

  __device__ __forceinline__ void scale(int m, int half, float factor) {
#pragma unroll
    for (int n = 0; n < D / SIDE; n++) {
      at[m][n][2 * half] *= factor;
      at[m][n][2 * half + 1] *= factor;
    }
  }

  template <int FEW, int J, int N>
  __device__ __forceinline__ void addFirst(const Scores<M, J> &weights, const Tile<N, D> &x) {
#pragma unroll
    for (int j = 0; j < FEW; j++) {
      unsigned left[M][4];
#pragma unroll
      for (int m = 0; m < M; m++) {
#pragma unroll
        for (int e = 0; e < 4; e++) left[m][e] = __float_as_uint(weights.at[m][j][e % 2 * 2 + e / 2]);
      }
#pragma unroll
      for (int c = 0; c < D / 32; c++) {
        Four even = Four::of(x.pack(SIDE * j + 2 * inGroup(), 8 * c + group()));
        Four odd = Four::of(x.pack(SIDE * j + 2 * inGroup() + 1, 8 * c + group()));
#pragma unroll
        for (int i = 0; i < 4; i++) {
#pragma unroll
          for (int m = 0; m < M; m++) multiply(at[m][4 * c + i], left[m], {even.at[i], odd.at[i]});
        }
      }
    }
  }

  // Adds weights·x, both TF32, over x's first `count` rows.
  template <int J>
  __device__ __forceinline__ void add(const Scores<M, J> &weights, const Tile<SIDE * J, D> &x, int count) {
    if (count <= SIDE) {
      addFirst<1>(weights, x);
    } else if (count <= SIDE * J / 2) {
      addFirst<J / 2>(weights, x);
    } else {
      addFirst<J>(weights, x);
    }
  }

  // Writes a row, times a factor.
  __device__ __forceinline__ void write(int m, int half, const Heads<float> &out, float *head, int row, int width, float factor) const {
    bool packed = isPacked(out, head, width);
#pragma unroll
    for (int c = 0; c < D / 32; c++) {
#pragma unroll
      for (int side = 0; side < 2; side++) {
        int column = 32 * c + 8 * inGroup() + 4 * side;
        Pack<float, 4> sums;
#pragma unroll
        for (int i = 0; i < 4; i++) sums.at[i] = at[m][4 * c + i][2 * half + side] * factor;
        if (!packed) {
#pragma unroll
          for (int i = 0; i < 4; i++) {
            if (column + i < width) head[row * out.row + (column + i) * out.column] = sums.at[i];
          }
        } else if (column < width) {
          *reinterpret_cast<Pack<float, 4> *>(head + row * out.row + column) = sums;
        }
      }
    }
  }
};

// What a block computes: some rows of a head.
template <int M>
struct Part {
  static constexpr int ROWS = WARPS * 16 * M;
  int head, first, count;

  static __device__ __forceinline__ Part of(int count) {
    int tiles = (count + ROWS - 1) / ROWS;
    return {static_cast<int>(blockIdx.x) / tiles, static_cast<int>(blockIdx.x) % tiles * ROWS, count};
  }

  // Of queries. Where causal, the last ones meet most keys, and are the first to begin.
  static __device__ __forceinline__ Part ofQueries(const Shape &shape) {
    Part part = of(shape.queries);
    if (shape.causal) part.first = (shape.queries - 1) / ROWS * ROWS - part.first;
    return part;
  }

  // The warp's first row, in the tile and in the head.
  static __device__ __forceinline__ int firstInTile() { return warp() * 16 * M; }
  __device__ __forceinline__ int firstOfWarp() const { return first + firstInTile(); }
  __device__ __forceinline__ int endOfWarp() const { return min(count, firstOfWarp() + 16 * M); }
};

// ---- forward ----

// Makes weights, TF32, of scores with the keys from `begin` on, relative to the highest score so far, and what was added up before too. A lane
// adds up its own weights. A weight is at most 1, or NaN as the total then is, which makes the row NaN.
template <int M, int J, int D>
__device__ __forceinline__ void weigh(Scores<M, J> &scores, Rows<M, D> &rows, float (&top)[M][2], float (&total)[M][2], const Shape &shape,
                                      int firstRow, int begin) {
  scores.scale(shape.scale * LOG2_E);
  if (begin + SIDE * J > (shape.causal ? min(shape.keys, firstRow + 1) : shape.keys))
    scores.drop(-__int_as_float(0x7f800000), [&](int row, int column) { return shape.counts(firstRow + row, begin + column); });
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float highest = top[m][half];
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++) highest = fmax(highest, scores.at[m][j][e]);
      }
      highest = largest(highest);
      float shrink = power(top[m][half] - highest), added = 0.0f;
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++) {
          float weight = power(scores.at[m][j][e] - highest);
          scores.at[m][j][e] = __uint_as_float(finiteTf32(weight));
          added += weight;
        }
      }
      top[m][half] = highest;
      total[m][half] = total[m][half] * shrink + added;
      rows.scale(m, half, shrink);
    }
  }
}

template <int D, int M, int KEYS>
__global__ void __launch_bounds__(THREADS, 2) attention(Heads<float> out, float *logSumExp, Heads<const float> q, Heads<const float> k,
                                                                      Heads<const float> v, Shape shape) {
  Part<M> part = Part<M>::ofQueries(shape);
  Tile<part.ROWS, D> query{reinterpret_cast<float *>(dynamicShared)};
  Tile<KEYS, D> key{query.data + query.FLOATS}, value{key.data + key.FLOATS};
  const float *keys = k.of(part.head, shape.heads), *values = v.of(part.head, shape.heads);
  query.beginRead(q, q.of(part.head, shape.heads), part.first, shape.queries, shape.width);
  key.beginRead(k, keys, 0, shape.keys, shape.width);
  await<1>(query);
  query.pairRows();
  Rows<M, D> rows;
  rows.clear();
  constexpr float LOWEST = -3.402823466e38f;
  float top[M][2], total[M][2];
#pragma unroll
  for (int m = 0; m < M; m++) {
    top[m][0] = top[m][1] = LOWEST;
    total[m][0] = total[m][1] = 0.0f;
  }
  int met = shape.causal ? min(shape.keys, part.first + part.ROWS) : shape.keys;
  int own = part.endOfWarp() <= part.firstOfWarp() ? 0 : shape.causal ? min(met, part.endOfWarp()) : met;
  for (int begin = 0; begin < met; begin += KEYS) {
    value.beginRead(v, values, begin, shape.keys, shape.width);
    await<1>(key);
    Scores<M, KEYS / SIDE> scores;
    if (begin < own) scores.multiplyRows(query, part.firstInTile(), key, own - begin);
    __syncthreads();
    key.beginRead(k, keys, begin + KEYS, met, shape.width);
    if (begin < own) weigh(scores, rows, top, total, shape, part.firstOfWarp(), begin);
    await<1>(value);
    if (begin < own) rows.add(scores, value, own - begin);
    __syncthreads();
  }
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = part.firstOfWarp() + Scores<M, 1>::row(m, half);
      float whole = sum(total[m][half]);
      if (row >= shape.queries) continue;
      rows.write(m, half, out, out.of(part.head, shape.heads), row, shape.width, 1.0f / whole);
      if (inGroup() == 0) logSumExp[static_cast<int64>(part.head) * shape.queries + row] = top[m][half] * LN_2 + log(whole);
    }
  }
}

// ---- backward ----

// What the gradients of a query's scores take beside products.
struct Query {
  float logSumExp, dot;  // the logarithm with base 2

  // The weight, from the product of the query and a key.
  __device__ __forceinline__ float weight(float product, float scale) const { return power(fma(product, scale, -logSumExp)); }

  // That of another lane of the warp.
  __device__ __forceinline__ Query of(int lane) const {
    return {__shfl_sync(0xffffffffu, logSumExp, lane), __shfl_sync(0xffffffffu, dot, lane)};
  }
};

// The queries of a head.
struct Queries {
  const float *logSumExp, *dots;
  int count;

  static __device__ __forceinline__ Queries of(const float *logSumExp, const float *dots, int head, const Shape &shape) {
    int64 before = static_cast<int64>(head) * shape.queries;
    return {logSumExp + before, dots + before, shape.queries};
  }

  // One of them; beyond, where the rows of both factors are zero, something finite.
  __device__ __forceinline__ Query at(int i) const { return i < count ? Query{logSumExp[i] * LOG2_E, dots[i]} : Query{0.0f, 0.0f}; }
};

// Of heads up to 96 wide shared memory has room for three blocks; wider ones take more of it, and narrower ones' many rows more registers.
template <int D, int M, int KEYS>
__global__ void __launch_bounds__(THREADS, D == 96 ? 3 : 2)
    attentionBackwardQuery(Heads<float> gradQ, Heads<const float> grad, const float *logSumExp, const float *dots, Heads<const float> q,
                           Heads<const float> k, Heads<const float> v, Shape shape) {
  constexpr int J = KEYS / SIDE;
  Part<M> part = Part<M>::ofQueries(shape);
  Tile<part.ROWS, D> query{reinterpret_cast<float *>(dynamicShared)}, above{query.data + query.FLOATS};
  Tile<KEYS, D> key{above.data + above.FLOATS}, value{key.data + key.FLOATS};
  const float *keys = k.of(part.head, shape.heads), *values = v.of(part.head, shape.heads);
  query.beginRead(q, q.of(part.head, shape.heads), part.first, shape.queries, shape.width);
  above.beginRead(grad, grad.of(part.head, shape.heads), part.first, shape.queries, shape.width);
  value.beginRead(v, values, 0, shape.keys, shape.width);
  key.beginRead(k, keys, 0, shape.keys, shape.width);
  await<2>(query, above);
  query.pairRows();
  above.pairRows();
  Queries all = Queries::of(logSumExp, dots, part.head, shape);
  Query queries[M][2];
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int half = 0; half < 2; half++) queries[m][half] = all.at(part.firstOfWarp() + Scores<M, J>::row(m, half));
  }
  Rows<M, D> rows;
  rows.clear();
  float scale = shape.scale * LOG2_E;
  int met = shape.causal ? min(shape.keys, part.first + part.ROWS) : shape.keys;
  int own = part.endOfWarp() <= part.firstOfWarp() ? 0 : shape.causal ? min(met, part.endOfWarp()) : met;
  for (int begin = 0; begin < met; begin += KEYS) {
    Scores<M, J> gradients;
    await<1>(value);
    if (begin < own) gradients.multiplyRows(above, part.firstInTile(), value, own - begin);
    __syncthreads();
    value.beginRead(v, values, begin + KEYS, met, shape.width);
    await<1>(key);
    if (begin < own) {
      Scores<M, J> weights;
      weights.multiplyRows(query, part.firstInTile(), key, own - begin);
#pragma unroll
      for (int m = 0; m < M; m++) {
#pragma unroll
        for (int j = 0; j < J; j++) {
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const Query &of = queries[m][e / 2];
            gradients.at[m][j][e] = of.weight(weights.at[m][j][e], scale) * (gradients.at[m][j][e] - of.dot);
          }
        }
      }
      if (begin + KEYS > (shape.causal ? min(shape.keys, part.firstOfWarp() + 1) : shape.keys))
        gradients.drop(0.0f, [&](int row, int column) { return shape.counts(part.firstOfWarp() + row, begin + column); });
      gradients.round();
      rows.add(gradients, key, own - begin);
    }
    __syncthreads();
    key.beginRead(k, keys, begin + KEYS, met, shape.width);
  }
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = part.firstOfWarp() + Scores<M, J>::row(m, half);
      if (row < shape.queries) rows.write(m, half, gradQ, gradQ.of(part.head, shape.heads), row, shape.width, shape.scale);
    }
  }
}

template <int D, int M, int QUERIES>
__global__ void __launch_bounds__(THREADS, 2) attentionBackwardKey(Heads<float> gradK, Heads<float> gradV, Heads<const float> grad,
                                                                   const float *logSumExp, const float *dots, Heads<const float> q,
                                                                   Heads<const float> k, Heads<const float> v, Shape shape) {
  static_assert(QUERIES == WARP, "a lane reads what belongs to one query");
  constexpr int J = QUERIES / SIDE;
  Part<M> part = Part<M>::of(shape.keys);
  Tile<part.ROWS, D> key{reinterpret_cast<float *>(dynamicShared)}, value{key.data + key.FLOATS};
  Tile<QUERIES, D> query{value.data + value.FLOATS}, above{query.data + query.FLOATS};
  const float *queries = q.of(part.head, shape.heads), *grads = grad.of(part.head, shape.heads);
  int start = shape.causal ? part.first : 0;
  key.beginRead(k, k.of(part.head, shape.heads), part.first, shape.keys, shape.width);
  value.beginRead(v, v.of(part.head, shape.heads), part.first, shape.keys, shape.width);
  above.beginRead(grad, grads, start, shape.queries, shape.width);
  query.beginRead(q, queries, start, shape.queries, shape.width);
  await<2>(key, value);
  key.pairRows();
  value.pairRows();
  Queries all = Queries::of(logSumExp, dots, part.head, shape);
  Rows<M, D> keyRows, valueRows;
  keyRows.clear();
  valueRows.clear();
  float scale = shape.scale * LOG2_E;
  bool works = part.firstOfWarp() < part.endOfWarp();
  for (int begin = start; begin < shape.queries; begin += QUERIES) {
    int left = shape.queries - begin;
    bool meets = works && (!shape.causal || begin + QUERIES > part.firstOfWarp());
    Scores<M, J> weights, gradients;
    Query ofLane = all.at(begin + static_cast<int>(threadIdx.x) % WARP);  // comes while the warp waits
    await<1>(above);
    if (meets) gradients.multiplyRows(value, part.firstInTile(), above, left);
    await<0>(query);
    if (meets) {
      weights.multiplyRows(key, part.firstInTile(), query, left);
#pragma unroll
      for (int j = 0; j < J; j++) {
#pragma unroll
        for (int e = 0; e < 2; e++) {
          Query own = ofLane.of(weights.column(j, e));
#pragma unroll
          for (int m = 0; m < M; m++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
              float &weight = weights.at[m][j][2 * half + e], &gradient = gradients.at[m][j][2 * half + e];
              weight = own.weight(weight, scale);
              gradient = weight * (gradient - own.dot);
            }
          }
        }
      }
      if (shape.causal && begin < part.endOfWarp() - 1) {
        auto counts = [&](int row, int column) { return shape.counts(begin + column, part.firstOfWarp() + row); };
        weights.drop(0.0f, counts);
        gradients.drop(0.0f, counts);
      }
      weights.round();
      gradients.round();
      valueRows.add(weights, above, left);
    }
    __syncthreads();
    above.beginRead(grad, grads, begin + QUERIES, shape.queries, shape.width);
    if (meets) keyRows.add(gradients, query, left);
    __syncthreads();
    query.beginRead(q, queries, begin + QUERIES, shape.queries, shape.width);
  }
#pragma unroll
  for (int m = 0; m < M; m++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      int row = part.firstOfWarp() + Scores<M, J>::row(m, half);
      if (row >= shape.keys) continue;
      keyRows.write(m, half, gradK, gradK.of(part.head, shape.heads), row, shape.width, shape.scale);
      valueRows.write(m, half, gradV, gradV.of(part.head, shape.heads), row, shape.width, 1.0f);
    }
  }
}

}  // namespace flambeau
