// What JCudnn's example calls of cuDNN 8, computed on this machine in the order of the simulated driver's streams.

#include "../cuda/driver.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum Status { SUCCESS = 0, BAD_PARAM = 3, EXECUTION_FAILED = 8, NOT_SUPPORTED = 9 };

struct Handle {
  void *stream = nullptr;
};

// A contiguous one of float32.
struct Tensor {
  int batch = 0, channels = 0, places = 0;

  bool isAt(const float *from) const { return simulated::reaches(from, size_t(batch) * channels * places * sizeof(float)); }
};

// Calls `row` for each place of each image, with where its first channel lies; channels are `x.places` apart.
template <class Row>
int rows(Handle *handle, Tensor x, std::initializer_list<const float *> operands, Row row) {
  return simulated::issue(handle->stream, [=, all = std::vector<const float *>(operands)] {
    for (const float *operand : all) {
      if (!x.isAt(operand)) return simulated::fail(simulated::ILLEGAL_ADDRESS, "cudnnSoftmax: a tensor is not memory of the device");
    }
    for (int i = 0; i < x.batch; i++) {
      for (int j = 0; j < x.places; j++) row(size_t(i) * x.channels * x.places + j);
    }
    return 0;
  }) ? EXECUTION_FAILED : SUCCESS;
}

constexpr int NCHW = 0, FLOAT = 0, ACCURATE = 1, BY_CHANNEL = 1;

}  // namespace

API int cudnnCreate(Handle **out) {
  *out = new Handle;
  return SUCCESS;
}
API int cudnnDestroy(Handle *handle) {
  delete handle;
  return SUCCESS;
}
API int cudnnSetStream(Handle *handle, void *stream) {
  handle->stream = stream;
  return SUCCESS;
}
API int cudnnCreateTensorDescriptor(Tensor **out) {
  *out = new Tensor;
  return SUCCESS;
}
API int cudnnDestroyTensorDescriptor(Tensor *tensor) {
  delete tensor;
  return SUCCESS;
}
API int cudnnSetTensor4dDescriptor(Tensor *tensor, int format, int type, int n, int c, int h, int w) {
  if (n <= 0 || c <= 0 || h <= 0 || w <= 0) return BAD_PARAM;
  if (format != NCHW || type != FLOAT) return NOT_SUPPORTED;
  *tensor = {n, c, h * w};
  return SUCCESS;
}
API int cudnnSoftmaxForward(Handle *handle, int algorithm, int mode, const float *alpha, const Tensor *xs, const float *x, const float *beta,
                            const Tensor *, float *y) {
  if (algorithm != ACCURATE || mode != BY_CHANNEL || *alpha != 1 || *beta != 0) return NOT_SUPPORTED;
  int channels = xs->channels, apart = xs->places;
  return rows(handle, *xs, {x, y}, [=](size_t first) {
    float highest = -INFINITY, sum = 0;
    for (int c = 0; c < channels; c++) highest = std::max(highest, x[first + c * apart]);
    for (int c = 0; c < channels; c++) sum += std::exp(x[first + c * apart] - highest);
    for (int c = 0; c < channels; c++) y[first + c * apart] = std::exp(x[first + c * apart] - highest) / sum;
  });
}
API int cudnnSoftmaxBackward(Handle *handle, int algorithm, int mode, const float *alpha, const Tensor *ys, const float *y, const Tensor *,
                             const float *dy, const float *beta, const Tensor *, float *dx) {
  if (algorithm != ACCURATE || mode != BY_CHANNEL || *alpha != 1 || *beta != 0) return NOT_SUPPORTED;
  int channels = ys->channels, apart = ys->places;
  return rows(handle, *ys, {y, dy, dx}, [=](size_t first) {
    float sum = 0;
    for (int c = 0; c < channels; c++) sum += y[first + c * apart] * dy[first + c * apart];
    for (int c = 0; c < channels; c++) dx[first + c * apart] = y[first + c * apart] * (dy[first + c * apart] - sum);
  });
}
