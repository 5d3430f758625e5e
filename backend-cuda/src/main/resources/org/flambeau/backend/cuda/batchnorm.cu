// Batch normalisation of images that lie without gaps, with planes for each channel or channels last, both ways.
//
// A block's threads divide into lanes, which go over positions, and places, which are channels, or with channels last packs of them: what a
// channel needs is in registers, and neighbouring threads read neighbouring elements either way. Blocks in y share a channel's positions;
// where they gather something, a second kernel puts their parts together, always in the same order.
#include "functors.cuh"
#include "rows.cuh"

namespace flambeau {

// Elements come in packs of N.
template <bool LAST, int N>
struct Images {
  unsigned places;
  unsigned positions;  // packs of a place
  Divider plane;       // packs of a plane
  int lanes;

  static constexpr int CHANNELS = LAST ? N : 1;  // of a place

  __device__ __forceinline__ int64 offset(unsigned place, unsigned position) const {
    if (LAST) return (static_cast<int64>(position) * places + place) * N;
    unsigned image = plane.divide(position);
    return ((static_cast<int64>(image) * places + place) * plane.divisor + (position - image * plane.divisor)) * N;
  }
};

// A statistic of each channel.
template <class C>
struct PerChannel {
  C *data;
  int64 step;

  __device__ __forceinline__ C of(unsigned channel) const { return data[channel * step]; }
  __device__ __forceinline__ void put(unsigned channel, C value) const { data[channel * step] = value; }
};

// A parameter of each channel, of the elements' type or as wide as what is computed; where there is none, one that changes nothing.
template <class T>
struct Parameter {
  void *data;
  int64 step;
  int wide;

  __device__ __forceinline__ Compute<T> of(unsigned channel, int none = 0) const {
    if (!data) return Compute<T>(none);
    return wide ? static_cast<const Compute<T> *>(data)[channel * step] : load(static_cast<const T *>(data)[channel * step]);
  }
  __device__ __forceinline__ void put(unsigned channel, Compute<T> value) const {
    if (!data) return;
    if (wide) {
      static_cast<Compute<T> *>(data)[channel * step] = value;
    } else {
      static_cast<T *>(data)[channel * step] = store<T>(value);
    }
  }
};

// ---- statistics ----

// Mean and Σ (x − mean)², merged by the formula of Chan, Golub and LeVeque.
template <class C>
struct Moments {
  C mean = C(0), squares = C(0);
  int count = 0;

  __device__ __forceinline__ void merge(const Moments &other) {
    if (other.count == 0) return;
    C delta = other.mean - mean, share = C(other.count) / C(count + other.count);
    C step = delta * share;
    squares += other.squares + step * C(count) * delta;  // in this order, 0 for the first one although delta² may be infinite
    mean += step;
    count += other.count;
  }

  // M elements at once, which need one division together.
  template <int M>
  __device__ __forceinline__ void add(const C (&x)[M]) {
    Moments several;
#pragma unroll
    for (int k = 0; k < M; k++) several.mean += x[k] * C(1.0 / M);
#pragma unroll
    for (int k = 0; k < M; k++) several.squares += (x[k] - several.mean) * (x[k] - several.mean);
    several.count = M;
    merge(several);
  }
};

constexpr int IN_FLIGHT = 4;

// M positions of a place, `step` apart.
template <int M, class T, bool LAST, int N>
__device__ __forceinline__ void addPositions(Moments<Compute<T>> (&gathered)[Images<LAST, N>::CHANNELS], const T *x,
    const Images<LAST, N> &images, unsigned place, unsigned position, unsigned step) {
  constexpr int CHANNELS = Images<LAST, N>::CHANNELS;
  Compute<T> values[CHANNELS][M * N / CHANNELS];
#pragma unroll
  for (int m = 0; m < M; m++) {
    Compute<T> pack[N];
    readPack<N, T>(pack, x + images.offset(place, position + m * step), 1, 0);
#pragma unroll
    for (int k = 0; k < N; k++) values[LAST ? k : 0][LAST ? m : m * N + k] = pack[k];
  }
#pragma unroll
  for (int k = 0; k < CHANNELS; k++) gathered[k].add(values[k]);
}

template <class T, bool LAST, int N>
__global__ void __launch_bounds__(THREADS) batchNormGather(Moments<Compute<T>> *parts, const T *x, Images<LAST, N> images) {
  constexpr int CHANNELS = Images<LAST, N>::CHANNELS;
  Team team(images.lanes, !LAST);
  unsigned step = team.lanes * gridDim.y;
  for (unsigned first = blockIdx.x * team.places; first < images.places; first += gridDim.x * team.places) {
    unsigned place = first + team.column;
    bool present = place < images.places;
    Moments<Compute<T>> gathered[CHANNELS];
    unsigned i = blockIdx.y * team.lanes + team.lane;
    for (; present && i + (IN_FLIGHT - 1) * step < images.positions; i += IN_FLIGHT * step) {
      addPositions<IN_FLIGHT>(gathered, x, images, place, i, step);
    }
    for (; present && i < images.positions; i += step) addPositions<1>(gathered, x, images, place, i, step);
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
      Moments<Compute<T>> whole = team.merge(gathered[k]);
      if (present && team.lane == 0) parts[(blockIdx.y * images.places + place) * CHANNELS + k] = whole;
    }
  }
}

constexpr int MERGE_LANES = 32;

// The mean and 1/√(variance + eps) of each channel; running ones are moved towards the mean and the unbiased variance,
// which is counted.
template <class T>
__global__ void __launch_bounds__(THREADS) batchNormStatistics(PerChannel<Compute<T>> means, PerChannel<Compute<T>> rstds,
    Parameter<T> runningMean, Parameter<T> runningVar, int64 *batches, double momentum, double eps, const Moments<Compute<T>> *parts,
    int count, unsigned channels) {
  using C = Compute<T>;
  Team team(MERGE_LANES, false);
  unsigned channel = blockIdx.x * team.places + team.column;
  Moments<C> all;
  for (int i = team.lane; channel < channels && i < count; i += MERGE_LANES) all.merge(parts[i * channels + channel]);
  all = team.merge(all);
  if (channel >= channels || team.lane != 0) return;
  C moved = static_cast<C>(momentum), kept = static_cast<C>(1 - momentum);
  means.put(channel, all.mean);
  rstds.put(channel, C(1) / sqrt(all.squares / C(all.count) + static_cast<C>(eps)));
  runningMean.put(channel, kept * runningMean.of(channel) + moved * all.mean);
  runningVar.put(channel, kept * runningVar.of(channel) + moved * (all.squares / C(all.count - 1)));
  if (batches && channel == 0) ++*batches;
}

// ---- forward ----

// activation((x − mean)·rstd·weight + bias + residual), the residual added to what has been rounded; activations are numbered as Activation's
// are. Where a variance is given, rstd is made of it.
template <class T, bool LAST, int N>
__global__ void __launch_bounds__(THREADS) batchNormApply(T *out, const T *x, const T *residual, Images<LAST, N> images,
    PerChannel<const Compute<T>> means, PerChannel<Compute<T>> rstds, Parameter<T> variance, Parameter<T> weight, Parameter<T> bias,
    double eps, int activation) {
  using C = Compute<T>;
  constexpr int CHANNELS = Images<LAST, N>::CHANNELS;
  Team team(images.lanes, !LAST);
  for (unsigned place = blockIdx.x * team.places + team.column; place < images.places; place += gridDim.x * team.places) {
    C mean[CHANNELS], scale[CHANNELS], shift[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
      unsigned channel = place * CHANNELS + k;
      C rstd;
      if (variance.data) {
        rstd = C(1) / sqrt(variance.of(channel) + static_cast<C>(eps));
        if (blockIdx.y == 0 && team.lane == 0) rstds.put(channel, rstd);
      } else {
        rstd = rstds.of(channel);
      }
      mean[k] = means.of(channel);
      scale[k] = rstd * weight.of(channel, 1);
      shift[k] = bias.of(channel);
    }
    for (unsigned i = blockIdx.y * team.lanes + team.lane; i < images.positions; i += team.lanes * gridDim.y) {
      int64 offset = images.offset(place, i);
      C y[N], more[N];
      readPack<N, T>(y, x + offset, 1, 0);
      if (residual) readPack<N, T>(more, residual + offset, 1, 0);
#pragma unroll
      for (int k = 0; k < N; k++) {
        int c = LAST ? k : 0;
        y[k] = (y[k] - mean[c]) * scale[c] + shift[c];
        if (residual) y[k] = load(store<T>(y[k])) + more[k];
        y[k] = activation == 0 ? y[k] : activation == 1 ? RELU::of(y[k]) : GELU::of(y[k]);
      }
      writePack<N>(out + offset, 1, 0, y);
    }
  }
}

// ---- backward ----

// The gradient g, or where results y of ReLU are given, what that lets through.
template <int N, class T>
__device__ __forceinline__ void readGradient(Compute<T> (&g)[N], const T *grad, const T *results, int64 offset) {
  readPack<N, T>(g, grad + offset, 1, 0);
  if (!results) return;
  Compute<T> y[N];
  readPack<N, T>(y, results + offset, 1, 0);
#pragma unroll
  for (int k = 0; k < N; k++) g[k] = RELU_BACKWARD::of(g[k], y[k]);
}

// Σ g and Σ g·(x − mean) of each channel; where `masked` is given, g is left there, which is none of what is read: loads need not wait for it.
template <class T, bool LAST, int N>
__global__ void __launch_bounds__(THREADS) batchNormBackwardGather(TwoTotals<Compute<T>> *parts, const T *__restrict__ grad,
    const T *__restrict__ results, T *__restrict__ masked, const T *__restrict__ x, Images<LAST, N> images, PerChannel<const Compute<T>> means) {
  using C = Compute<T>;
  constexpr int CHANNELS = Images<LAST, N>::CHANNELS;
  Team team(images.lanes, !LAST);
  for (unsigned first = blockIdx.x * team.places; first < images.places; first += gridDim.x * team.places) {
    unsigned place = first + team.column;
    bool present = place < images.places;
    C mean[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) mean[k] = present ? means.of(place * CHANNELS + k) : C(0);
    TwoTotals<C> gathered[CHANNELS];
#pragma unroll 4
    for (unsigned i = blockIdx.y * team.lanes + team.lane; i < (present ? images.positions : 0); i += team.lanes * gridDim.y) {
      int64 offset = images.offset(place, i);
      C g[N], values[N];
      readGradient<N, T>(g, grad, results, offset);
      readPack<N, T>(values, x + offset, 1, 0);
      if (masked) writePack<N>(masked + offset, 1, 0, g);
#pragma unroll
      for (int k = 0; k < N; k++) {
        int c = LAST ? k : 0;
        gathered[c].first += g[k];
        gathered[c].second += g[k] * (values[k] - mean[c]);
      }
    }
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
      TwoTotals<C> whole = team.merge(gathered[k]);
      if (present && team.lane == 0) parts[(blockIdx.y * images.places + place) * CHANNELS + k] = whole;
    }
  }
}

// The gradients of weight and bias, and for that of x what a channel's elements have in common: slope and shift, as two rows.
template <class T>
__global__ void __launch_bounds__(THREADS) batchNormBackwardMerge(Parameter<T> gradWeight, Parameter<T> gradBias, Compute<T> *common,
    PerChannel<const Compute<T>> rstds, Parameter<T> weight, const TwoTotals<Compute<T>> *parts, int count, unsigned channels,
    double n) {
  using C = Compute<T>;
  Team team(MERGE_LANES, false);
  unsigned channel = blockIdx.x * team.places + team.column;
  TwoTotals<C> all;
  for (int i = team.lane; channel < channels && i < count; i += MERGE_LANES) all.merge(parts[i * channels + channel]);
  all = team.merge(all);
  if (channel >= channels || team.lane != 0) return;
  C rstd = rstds.of(channel), scale = rstd * weight.of(channel, 1);
  gradBias.put(channel, all.first);
  gradWeight.put(channel, all.second * rstd);
  common[channel] = -scale * rstd * rstd * all.second / static_cast<C>(n);
  common[channels + channel] = -scale * all.first / static_cast<C>(n);
}

// rstd·weight·g + slope·(x − mean) + shift, of which the first alone is left where the statistics were not x's own and `common` is null.
template <class T, bool LAST, int N>
__global__ void __launch_bounds__(THREADS) batchNormBackwardApply(T *gradX, const T *grad, const T *results, const T *x,
    Images<LAST, N> images, PerChannel<const Compute<T>> means, PerChannel<const Compute<T>> rstds, Parameter<T> weight, const Compute<T> *common) {
  using C = Compute<T>;
  constexpr int CHANNELS = Images<LAST, N>::CHANNELS;
  Team team(images.lanes, !LAST);
  for (unsigned place = blockIdx.x * team.places + team.column; place < images.places; place += gridDim.x * team.places) {
    C mean[CHANNELS], scale[CHANNELS], slope[CHANNELS], shift[CHANNELS];
#pragma unroll
    for (int k = 0; k < CHANNELS; k++) {
      unsigned channel = place * CHANNELS + k;
      mean[k] = means.of(channel);
      scale[k] = rstds.of(channel) * weight.of(channel, 1);
      slope[k] = common ? common[channel] : C(0);
      shift[k] = common ? common[images.places * CHANNELS + channel] : C(0);
    }
    for (unsigned i = blockIdx.y * team.lanes + team.lane; i < images.positions; i += team.lanes * gridDim.y) {
      int64 offset = images.offset(place, i);
      C g[N], values[N];
      readGradient<N, T>(g, grad, results, offset);
      if (common) readPack<N, T>(values, x + offset, 1, 0);
#pragma unroll
      for (int k = 0; k < N; k++) {
        int c = LAST ? k : 0;
        g[k] *= scale[c];
        if (common) g[k] += slope[c] * (values[k] - mean[c]) + shift[c];
      }
      writePack<N>(gradX + offset, 1, 0, g);
    }
  }
}

}  // namespace flambeau
