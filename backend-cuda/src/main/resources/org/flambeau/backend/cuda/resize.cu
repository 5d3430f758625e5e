// Rows, images and volumes in other sizes. A thread makes one element of the result, backward as well: it gathers from all that its element went
// into, so that the sum's order is always the same.
#include "types.cuh"

namespace flambeau {

// (n, c, planes, rows, columns) in any layout.
template <class T>
struct Volume {
  T *data;
  int sizes[5];
  int64 strides[5];

  __device__ __forceinline__ unsigned count() const {
    unsigned count = 1;
    for (int d = 0; d < 5; d++) count *= static_cast<unsigned>(sizes[d]);
    return count;
  }
};

struct Place {
  int at[5];

  // The i-th in the order in which the volume lies in memory.
  template <class T>
  __device__ __forceinline__ Place(const Volume<T> &volume, unsigned i) {
    bool channelsLast = volume.strides[1] < volume.strides[4];
    if (channelsLast) take(1, i, volume.sizes[1]);
    take(4, i, volume.sizes[4]);
    take(3, i, volume.sizes[3]);
    take(2, i, volume.sizes[2]);
    if (!channelsLast) take(1, i, volume.sizes[1]);
    at[0] = static_cast<int>(i);
  }

 private:
  __device__ __forceinline__ void take(int d, unsigned &i, int size) {
    at[d] = static_cast<int>(i % size);
    i /= size;
  }
};

enum Mode { NEAREST, LINEAR, CUBIC };

// Of how many elements along a dimension one is the sum.
template <Mode MODE>
constexpr int TAPS = MODE == NEAREST ? 1 : MODE == LINEAR ? 2 : 4;

// One dimension: `out` positions, which lie `step` apart among `in`. Where they are those
// that there were, or the only one again and again, `copied`.
struct Axis {
  double step;
  int in, out;
  bool aligned, copied;
};

// The weighted elements of which one at a position is the sum. C is what is computed with.
template <class C, Mode MODE>
struct Taps {
  int count = TAPS<MODE>;
  int from[TAPS<MODE>];
  C weight[TAPS<MODE>];

  __device__ __forceinline__ Taps(const Axis &axis, int o) {
    int last = axis.in - 1;
    if (axis.copied) {
      count = 1;
      from[0] = o < last ? o : last;
      weight[0] = 1;
      return;
    }
    if constexpr (MODE == NEAREST) {
      float place = floorf(static_cast<float>(axis.step) * static_cast<float>(o));
      from[0] = place < last ? static_cast<int>(place) : last;
      weight[0] = 1;
    } else {
      C step = static_cast<C>(axis.step);
      C place = axis.aligned ? step * static_cast<C>(o) : step * (static_cast<C>(o) + C(0.5)) - C(0.5);
      if (MODE == LINEAR && place < C(0)) place = 0;
      int before = static_cast<int>(place);
      if (place < static_cast<C>(before)) before--;
      if (before > last) before = last;
      C fraction = place - static_cast<C>(before);
      fraction = fraction < C(0) ? C(0) : fraction > C(1) ? C(1) : fraction;
      for (int j = 0; j < TAPS<MODE>; j++) {
        int at = MODE == LINEAR ? before + j : before + j - 1;
        from[j] = at < 0 ? 0 : at > last ? last : at;
        weight[j] = MODE == CUBIC ? cubic(j, fraction) : j == 0 ? C(1) - fraction : fraction;
      }
    }
  }

  // The weight of the element at `at`.
  __device__ __forceinline__ C of(int at) const {
    C sum = 0;
    for (int j = 0; j < count; j++) {
      if (from[j] == at) sum += weight[j];
    }
    return sum;
  }

 private:
  static __device__ __forceinline__ C cubic(int j, C fraction) {
    const C a = C(-0.75);
    C x = j < 2 ? fraction + static_cast<C>(1 - j) : static_cast<C>(j - 1) - fraction;
    return j == 1 || j == 2 ? ((a + C(2)) * x - (a + C(3))) * x * x + C(1) : ((a * x - C(5) * a) * x + C(8) * a) * x - C(4) * a;
  }
};

// The positions that may have the element at `at` as a tap: one more at either end than there are, for what rounding does.
struct Reach {
  int first, last;

  template <class C, Mode MODE>
  static __device__ __forceinline__ Reach of(const Axis &axis, int at) {
    if (axis.copied && axis.in > 1) return {at, at};
    Reach reach{0, axis.out - 1};
    double shift = MODE == NEAREST || axis.aligned ? 0 : 0.5;
    if (at > 0 && axis.step > 0) {
      double first = (at - TAPS<MODE> / 2 + shift) / axis.step - shift - 1;
      if (first > 0) reach.first = first < axis.out ? static_cast<int>(first) : axis.out;
    }
    if (at < axis.in - 1 && axis.step > 0) {
      double last = (at + (TAPS<MODE> + 1) / 2 + shift) / axis.step - shift + 2;
      if (last < axis.out - 1) reach.last = static_cast<int>(last);
    }
    return reach;
  }
};

template <class T, Mode MODE>
__global__ void resize(Volume<T> out, Volume<const T> x, Axis planes, Axis rows, Axis columns) {
  using C = Compute<T>;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < out.count(); i += gridDim.x * blockDim.x) {
    Place p(out, i);
    Taps<C, MODE> z(planes, p.at[2]), y(rows, p.at[3]), w(columns, p.at[4]);
    const T *channel = x.data + p.at[0] * x.strides[0] + p.at[1] * x.strides[1];
    C sum = 0;
    for (int a = 0; a < z.count; a++) {
      C plane = 0;
      for (int b = 0; b < y.count; b++) {
        const T *line = channel + z.from[a] * x.strides[2] + y.from[b] * x.strides[3];
        C row = 0;
        for (int c = 0; c < w.count; c++) row += w.weight[c] * load(line[w.from[c] * x.strides[4]]);
        plane += y.weight[b] * row;
      }
      sum += z.weight[a] * plane;
    }
    out.data[p.at[0] * out.strides[0] + p.at[1] * out.strides[1] + p.at[2] * out.strides[2] + p.at[3] * out.strides[3] +
             p.at[4] * out.strides[4]] = store<T>(sum);
  }
}

template <class T, Mode MODE>
__global__ void resizeBackward(Volume<T> out, Volume<const T> grad, Axis planes, Axis rows, Axis columns) {
  using C = Compute<T>;
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < out.count(); i += gridDim.x * blockDim.x) {
    Place p(out, i);
    Reach z = Reach::of<C, MODE>(planes, p.at[2]), y = Reach::of<C, MODE>(rows, p.at[3]), w = Reach::of<C, MODE>(columns, p.at[4]);
    const T *channel = grad.data + p.at[0] * grad.strides[0] + p.at[1] * grad.strides[1];
    C sum = 0;
    for (int a = z.first; a <= z.last; a++) {
      C planeWeight = Taps<C, MODE>(planes, a).of(p.at[2]);
      if (planeWeight == C(0)) continue;
      for (int b = y.first; b <= y.last; b++) {
        C rowWeight = planeWeight * Taps<C, MODE>(rows, b).of(p.at[3]);
        if (rowWeight == C(0)) continue;
        const T *line = channel + a * grad.strides[2] + b * grad.strides[3];
        for (int c = w.first; c <= w.last; c++) {
          C weight = rowWeight * Taps<C, MODE>(columns, c).of(p.at[4]);
          if (weight != C(0)) sum += weight * load(line[c * grad.strides[4]]);
        }
      }
    }
    out.data[p.at[0] * out.strides[0] + p.at[1] * out.strides[1] + p.at[2] * out.strides[2] + p.at[3] * out.strides[3] +
             p.at[4] * out.strides[4]] = store<T>(sum);
  }
}

}  // namespace flambeau
