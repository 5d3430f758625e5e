// A driver that has nothing to do: cuDNN asks for one before it plans by kernels that it compiles, but lets it work only to run them.

#pragma GCC visibility push(default)

static char some;

// NVRTC's own door into a driver; it does without.
extern "C" int cuGetExportTable(const void **, const void *) { return 500; }

extern "C" int cuLibraryLoadData(void **library) {
  *library = &some;
  return 0;
}

extern "C" int cuLibraryGetKernel(void **kernel) {
  *kernel = &some;
  return 0;
}

#define NOTHING(name) \
  extern "C" int name() { return 0; }

NOTHING(cuCtxGetCurrent)
NOTHING(cuCtxGetLimit)
NOTHING(cuCtxPopCurrent)
NOTHING(cuCtxPushCurrent)
NOTHING(cuDeviceGet)
NOTHING(cuDeviceGetCount)
NOTHING(cuDriverGetVersion)
NOTHING(cuGetErrorName)
NOTHING(cuGetErrorString)
NOTHING(cuKernelGetAttribute)
NOTHING(cuKernelSetAttribute)
NOTHING(cuLaunchCooperativeKernel)
NOTHING(cuLaunchKernel)
NOTHING(cuLaunchKernelEx)
NOTHING(cuLibraryLoadFromFile)
NOTHING(cuLibraryUnload)
NOTHING(cuLinkAddData)
NOTHING(cuLinkComplete)
NOTHING(cuLinkCreate)
NOTHING(cuLinkDestroy)
NOTHING(cuOccupancyMaxPotentialClusterSize)
NOTHING(cuStreamGetCtx)
