// Two-dimensional pooling. A thread makes one element of the result, or where all images are channels-last those of N neighbouring channels,
// backward as well: it gathers from all windows that its element is in, so that the sum's order is always the same.
#include "rows.cuh"

namespace flambeau {

// (n, c, h, w) in any layout.
template <class T>
struct Image {
  T *data;
  int sizes[4];
  int64 strides[4];

  __device__ __forceinline__ T *plane(int n, int c) const { return data + n * strides[0] + c * strides[1]; }
  __device__ __forceinline__ int64 offset(int h, int w) const { return h * strides[2] + w * strides[3]; }
  __device__ __forceinline__ unsigned count() const {
    return static_cast<unsigned>(sizes[0]) * static_cast<unsigned>(sizes[1]) * static_cast<unsigned>(sizes[2]) * static_cast<unsigned>(sizes[3]);
  }
};

// One, or the first of N with channels side by side.
template <int N>
struct Element {
  int n, c, h, w;

  // The i-th in the order in which the image lies in memory.
  template <class T>
  __device__ __forceinline__ Element(const Image<T> &image, unsigned i) {
    bool channelsLast = N > 1 || image.strides[1] < image.strides[3];
    if (channelsLast) take(c, i, image.sizes[1] / N);
    take(w, i, image.sizes[3]);
    take(h, i, image.sizes[2]);
    if (!channelsLast) take(c, i, image.sizes[1]);
    c *= N;
    n = static_cast<int>(i);
  }

 private:
  static __device__ __forceinline__ void take(int &coordinate, unsigned &i, int size) {
    coordinate = static_cast<int>(i % size);
    i /= size;
  }
};

// One dimension of a sliding window.
struct Slide {
  int kernel, stride, pad, dilation;

  __device__ __forceinline__ int begin(int i) const { return i * stride - pad; }
  // The windows whose ends position `at` is between, from first to last: without dilation those that it is in.
  __device__ __forceinline__ int first(int at) const {
    int reach = (kernel - 1) * dilation + 1;
    return at + pad < reach ? 0 : (at + pad - reach) / stride + 1;
  }
  __device__ __forceinline__ int last(int at, int windows) const {
    int i = (at + pad) / stride;
    return i < windows ? i : windows - 1;
  }
};

// Of equals the first, of several NaN the last.
template <class T, int N>
__global__ void maxPool(Image<T> out, Image<int64> places, Image<const T> x, Slide down, Slide across) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < out.count() / N; i += gridDim.x * blockDim.x) {
    Element<N> e(out, i);
    const T *plane = x.plane(e.n, e.c);
    Compute<T> most[N] = {};
    int64 place[N];
#pragma unroll
    for (int k = 0; k < N; k++) place[k] = -1;
    for (int kh = 0; kh < down.kernel; kh++) {
      int h = down.begin(e.h) + kh * down.dilation;
      if (h < 0 || h >= x.sizes[2]) continue;
      for (int kw = 0; kw < across.kernel; kw++) {
        int w = across.begin(e.w) + kw * across.dilation;
        if (w < 0 || w >= x.sizes[3]) continue;
        Compute<T> here[N];
        readPack<N, T>(here, plane + x.offset(h, w), 1, 0);
#pragma unroll
        for (int k = 0; k < N; k++) {
          if (place[k] < 0 || here[k] > most[k] || here[k] != here[k]) {
            most[k] = here[k];
            place[k] = h * static_cast<int64>(x.sizes[3]) + w;
          }
        }
      }
    }
    writePack<N>(out.plane(e.n, e.c) + out.offset(e.h, e.w), 1, 0, most);
    if (places.data) writePack<N>(places.plane(e.n, e.c) + places.offset(e.h, e.w), 1, 0, place);
  }
}

// What flows back through windows to their largest elements.
template <class T, int N>
__global__ void maxPoolBackward(Image<T> out, Image<const T> grad, Image<const int64> places, Slide down, Slide across) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < out.count() / N; i += gridDim.x * blockDim.x) {
    Element<N> e(out, i);
    const T *plane = grad.plane(e.n, e.c);
    const int64 *largest = places.plane(e.n, e.c);
    int64 place = e.h * static_cast<int64>(out.sizes[3]) + e.w;
    Compute<T> sum[N] = {};
    for (int h = down.first(e.h); h <= down.last(e.h, grad.sizes[2]); h++) {
      for (int w = across.first(e.w); w <= across.last(e.w, grad.sizes[3]); w++) {
        Compute<T> here[N];
        int64 from[N];
        readPack<N, T>(here, plane + grad.offset(h, w), 1, 0);
        readPack<N, int64>(from, largest + places.offset(h, w), 1, 0);
#pragma unroll
        for (int k = 0; k < N; k++) {
          if (from[k] == place) sum[k] += here[k];
        }
      }
    }
    writePack<N>(out.plane(e.n, e.c) + out.offset(e.h, e.w), 1, 0, sum);
  }
}

// The positions of one dimension that a window of a mean has, and how many it counts.
struct Window {
  int begin, end, counted;
};

// Windows that slide; padding counts where `countPad`.
struct Sliding {
  Slide slide;
  bool countPad;

  __device__ __forceinline__ Window window(int i, int size, int) const {
    int begin = slide.begin(i), end = begin + slide.kernel;
    int padded = end < size + slide.pad ? end : size + slide.pad;
    Window w{begin > 0 ? begin : 0, end < size ? end : size, padded - begin};
    if (!countPad) w.counted = w.end - w.begin;
    return w;
  }
  __device__ __forceinline__ int first(int at, int, int) const { return slide.first(at); }
  __device__ __forceinline__ int last(int at, int, int windows) const { return slide.last(at, windows); }
};

// Windows that divide `size` positions among `windows`: the i-th spans [⌊i·size/windows⌋, ⌈(i+1)·size/windows⌉).
struct Adaptive {
  __device__ __forceinline__ Window window(int i, int size, int windows) const {
    int begin = static_cast<int>(static_cast<int64>(i) * size / windows);
    int end = static_cast<int>((static_cast<int64>(i + 1) * size + windows - 1) / windows);
    return {begin, end, end - begin};
  }
  __device__ __forceinline__ int first(int at, int size, int windows) const { return static_cast<int>(static_cast<int64>(at) * windows / size); }
  __device__ __forceinline__ int last(int at, int size, int windows) const {
    return static_cast<int>((static_cast<int64>(at + 1) * windows + size - 1) / size) - 1;
  }
};

// `divisor` 0: as many as the window counts.
template <class T, class Windows, int N>
__global__ void averagePool(Image<T> out, Image<const T> x, Windows down, Windows across, int divisor) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < out.count() / N; i += gridDim.x * blockDim.x) {
    Element<N> e(out, i);
    Window rows = down.window(e.h, x.sizes[2], out.sizes[2]), columns = across.window(e.w, x.sizes[3], out.sizes[3]);
    const T *plane = x.plane(e.n, e.c);
    Compute<T> sum[N] = {};
    for (int h = rows.begin; h < rows.end; h++) {
      for (int w = columns.begin; w < columns.end; w++) {
        Compute<T> here[N];
        readPack<N, T>(here, plane + x.offset(h, w), 1, 0);
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] += here[k];
      }
    }
    int64 counted = divisor ? divisor : static_cast<int64>(rows.counted) * columns.counted;
#pragma unroll
    for (int k = 0; k < N; k++) sum[k] /= static_cast<Compute<T>>(counted);
    writePack<N>(out.plane(e.n, e.c) + out.offset(e.h, e.w), 1, 0, sum);
  }
}

template <class T, class Windows, int N>
__global__ void averagePoolBackward(Image<T> out, Image<const T> grad, Windows down, Windows across, int divisor) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < out.count() / N; i += gridDim.x * blockDim.x) {
    Element<N> e(out, i);
    int height = out.sizes[2], width = out.sizes[3], rows = grad.sizes[2], columns = grad.sizes[3];
    const T *plane = grad.plane(e.n, e.c);
    Compute<T> sum[N] = {};
    for (int h = down.first(e.h, height, rows); h <= down.last(e.h, height, rows); h++) {
      int64 counted = down.window(h, height, rows).counted;
      for (int w = across.first(e.w, width, columns); w <= across.last(e.w, width, columns); w++) {
        int64 all = divisor ? divisor : counted * across.window(w, width, columns).counted;
        Compute<T> here[N];
        readPack<N, T>(here, plane + grad.offset(h, w), 1, 0);
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] += here[k] / static_cast<Compute<T>>(all);
      }
    }
    writePack<N>(out.plane(e.n, e.c) + out.offset(e.h, e.w), 1, 0, sum);
  }
}

}  // namespace flambeau
