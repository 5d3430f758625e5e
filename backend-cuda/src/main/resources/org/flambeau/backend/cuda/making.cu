// Sequences and triangles.
#include "space.cuh"
#include "types.cuh"

namespace flambeau {

// out[i] = start + i·step, in float64 or int64, whichever the element's type calls for.
template <class T, class C>
__global__ void arange(T *out, int64 stride, int64 n, C start, C step) {
  int64 first = blockIdx.x * static_cast<int64>(blockDim.x) + threadIdx.x;
  for (int64 i = first; i < n; i += gridDim.x * static_cast<int64>(blockDim.x)) out[i * stride] = store<T>(start + C(i) * step);
}

// x, but 0 on the one side of a diagonal. `above` says how far above the main diagonal a place is: the column less the row.
template <class T>
__global__ void triangle(T *out, const T *x, Steps outSteps, Steps steps, Steps above, Space space, unsigned n, int64 diagonal, bool upper) {
  for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    Coordinates c = space.locate(i);
    int64 at = above.offset(space, c);
    bool kept = upper ? at >= diagonal : at <= diagonal;
    out[outSteps.offset(space, c)] = kept ? x[steps.offset(space, c)] : T(0);
  }
}

}  // namespace flambeau
