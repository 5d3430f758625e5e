// A driver and a compiler that do nothing but count launches, so that what remains of a launch is what comes before it.
// JCuda's library, which is made for all of CUDA 12, finds here what it calls in the benchmark.
#include <stdlib.h>
#include <string.h>

static long launches;
static int some;

long stubLaunches(void) { return launches; }

int cuLaunchKernel(void *f, unsigned a, unsigned b, unsigned c, unsigned d, unsigned e, unsigned g, unsigned s, void *t, void **p, void **x) {
  launches++;
  return 0;
}
int cuDriverGetVersion(int *v) { *v = 13000; return 0; }
int cuInit(unsigned f) { return 0; }
int cuGetErrorName(int s, const char **out) { *out = "ERROR"; return 0; }
int cuGetErrorString(int s, const char **out) { *out = "error"; return 0; }
int cuDeviceGetCount(int *n) { *n = 1; return 0; }
int cuDeviceGet(int *d, int i) { *d = i; return 0; }
int cuDeviceGetName(char *n, int l, int d) { strncpy(n, "a stub", l); return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 16 ? 132 : a == 75 ? 9 : a == 97 ? 232448 : 0; return 0; }
int cuDeviceTotalMem_v2(size_t *b, int d) { *b = 1UL << 37; return 0; }
int cuDevicePrimaryCtxRetain(void **c, int d) { *c = &some; return 0; }
int cuCtxSetCurrent(void *c) { return 0; }
int cuMemAlloc_v2(void **p, size_t n) { *p = aligned_alloc(512, n + 511 & ~511UL); return *p ? 0 : 2; }
int cuMemFree_v2(void *p) { free(p); return 0; }
int cuMemHostAlloc(void **p, size_t n, unsigned f) { *p = calloc(1, n); return 0; }
int cuMemcpyHtoDAsync_v2(void *to, void *from, size_t n, void *s) { return 0; }
int cuMemcpyDtoHAsync_v2(void *to, void *from, size_t n, void *s) { return 0; }
int cuStreamCreate(void **s, unsigned f) { *s = &some; return 0; }
int cuStreamSynchronize(void *s) { return 0; }
int cuEventCreate(void **e, unsigned f) { *e = &some; return 0; }
int cuEventRecord(void *e, void *s) { return 0; }
int cuEventSynchronize(void *e) { return 0; }
int cuModuleLoadData(void **m, void *i) { *m = &some; return 0; }
int cuModuleGetFunction(void **f, void *m, char *n) { *f = &some; return 0; }
int cuFuncSetAttribute(void *f, int a, int v) { return 0; }

// What the benchmark needs to be there, and never calls.
#define NOTHING(name) \
  int name(void) { return 801; }
NOTHING(cuGraphDestroy)
NOTHING(cuGraphExecDestroy)
NOTHING(cuGraphInstantiateWithFlags)
NOTHING(cuGraphLaunch)
NOTHING(cuStreamBeginCapture_v2)
NOTHING(cuStreamEndCapture)
NOTHING(cuEventDestroy_v2)
NOTHING(cuEventElapsedTime)
NOTHING(cuMemGetInfo_v2)
NOTHING(cuStreamDestroy_v2)

// ---- the compiler ----

static const char *lowered = "kernel";

const char *nvrtcGetErrorString(int status) { return "error"; }
int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = 0; return 0; }
int nvrtcGetNumSupportedArchs(int *n) { *n = 1; return 0; }
int nvrtcGetSupportedArchs(int *archs) { *archs = 90; return 0; }
int nvrtcCreateProgram(void **p, char *s, char *n, int c, void *h, void *i) { *p = &some; return 0; }
int nvrtcDestroyProgram(void **p) { return 0; }
int nvrtcAddNameExpression(void *p, char *n) { return 0; }
int nvrtcCompileProgram(void *p, int n, void *o) { return 0; }
int nvrtcGetLoweredName(void *p, char *n, const char **out) { *out = lowered; return 0; }
int nvrtcGetProgramLogSize(void *p, size_t *n) { *n = 1; return 0; }
int nvrtcGetProgramLog(void *p, char *log) { *log = 0; return 0; }
int nvrtcGetCUBINSize(void *p, size_t *n) { *n = 1; return 0; }
int nvrtcGetCUBIN(void *p, char *image) { *image = 0; return 0; }
int nvrtcGetPTXSize(void *p, size_t *n) { *n = 1; return 0; }
int nvrtcGetPTX(void *p, char *image) { *image = 0; return 0; }

// ---- cuDNN and cuBLASLt ----

size_t cudnnGetVersion(void) { return 92400; }
size_t cudnnGetCudartVersion(void) { return 13000; }
size_t cublasLtGetVersion(void) { return 130000; }
size_t cublasLtGetCudartVersion(void) { return 13000; }
NOTHING(cublasLtCreate)
NOTHING(cublasLtGetStatusName)
NOTHING(cublasLtGetStatusString)
NOTHING(cublasLtMatmul)
NOTHING(cublasLtMatmulAlgoGetHeuristic)
NOTHING(cublasLtMatmulDescCreate)
NOTHING(cublasLtMatmulDescDestroy)
NOTHING(cublasLtMatmulDescSetAttribute)
NOTHING(cublasLtMatmulPreferenceCreate)
NOTHING(cublasLtMatmulPreferenceDestroy)
NOTHING(cublasLtMatmulPreferenceSetAttribute)
NOTHING(cublasLtMatrixLayoutCreate)
NOTHING(cublasLtMatrixLayoutDestroy)
NOTHING(cublasLtMatrixLayoutSetAttribute)
NOTHING(cudnnBackendCreateDescriptor)
NOTHING(cudnnBackendDestroyDescriptor)
NOTHING(cudnnBackendExecute)
NOTHING(cudnnBackendFinalize)
NOTHING(cudnnBackendGetAttribute)
NOTHING(cudnnBackendSetAttribute)
NOTHING(cudnnCreate)
NOTHING(cudnnGetErrorString)
NOTHING(cudnnGetLastErrorString)
NOTHING(cudnnSetStream)
