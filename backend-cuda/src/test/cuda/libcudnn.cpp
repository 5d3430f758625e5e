// Stands for cuDNN on the simulated GPU.

#include <cstddef>

#define API extern "C" __attribute__((visibility("default")))

API size_t cudnnGetVersion() { return 92400; }
API size_t cudnnGetCudartVersion() { return 13000; }
API const char *cudnnGetErrorString(int status) { return status == 0 ? "CUDNN_STATUS_SUCCESS" : "CUDNN_STATUS_INTERNAL_ERROR"; }
API void cudnnGetLastErrorString(char *message, size_t size) {
  if (size > 0) message[0] = '\0';
}
