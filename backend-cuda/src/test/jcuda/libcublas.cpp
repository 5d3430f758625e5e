// What JCublas's example calls of cuBLAS 12, computed on this machine in the order of the simulated driver's streams.

#include "../cuda/driver.h"

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum Status { SUCCESS = 0, INVALID_VALUE = 7, EXECUTION_FAILED = 13 };

struct Handle {
  void *stream = nullptr;
};

// An m × n matrix by columns, transposed or not.
struct Matrix {
  const float *from;
  int leading;
  bool transposed;

  float at(int row, int column) const { return from[transposed ? column + row * leading : row + column * leading]; }
  bool isThere(int rows, int columns) const {
    size_t last = size_t((transposed ? rows : columns) - 1) * leading + (transposed ? columns : rows);
    return simulated::reaches(from, last * sizeof(float));
  }
};

}  // namespace

API int cublasCreate_v2(Handle **out) {
  *out = new Handle;
  return SUCCESS;
}
API int cublasDestroy_v2(Handle *handle) {
  delete handle;
  return SUCCESS;
}
API int cublasSetStream_v2(Handle *handle, void *stream) {
  handle->stream = stream;
  return SUCCESS;
}
API int cublasGetPointerMode_v2(Handle *, int *mode) {
  *mode = 0;  // numbers are the host's
  return SUCCESS;
}
API int cublasSgemm_v2(Handle *handle, int transposeA, int transposeB, int m, int n, int k, const float *alpha, const float *a, int leadingA,
                       const float *b, int leadingB, const float *beta, float *c, int leadingC) {
  if (m <= 0 || n <= 0 || k <= 0 || leadingC < m) return INVALID_VALUE;
  Matrix left{a, leadingA, transposeA != 0}, right{b, leadingB, transposeB != 0};
  float scale = *alpha, kept = *beta;
  return simulated::issue(handle->stream, [=] {
    if (!left.isThere(m, k) || !right.isThere(k, n) || !Matrix{c, leadingC, false}.isThere(m, n)) {
      return simulated::fail(simulated::ILLEGAL_ADDRESS, "cublasSgemm: a matrix is not memory of the device");
    }
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < m; i++) {
        float sum = 0;
        for (int l = 0; l < k; l++) sum += left.at(i, l) * right.at(l, j);
        float &to = c[i + j * leadingC];
        to = scale * sum + (kept == 0 ? 0 : kept * to);
      }
    }
    return 0;
  }) ? EXECUTION_FAILED : SUCCESS;
}
