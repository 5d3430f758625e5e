// Stands for cuBLASLt on the simulated GPU.

#include <cstddef>

#define API extern "C" __attribute__((visibility("default")))

API size_t cublasLtGetVersion() { return 130100; }
API size_t cublasLtGetCudartVersion() { return 13000; }
API const char *cublasLtGetStatusName(int status) { return status == 0 ? "CUBLAS_STATUS_SUCCESS" : "CUBLAS_STATUS_INTERNAL_ERROR"; }
API const char *cublasLtGetStatusString(int status) { return status == 0 ? "success" : "internal error"; }
