// A driver for GPUs that are not there: devices, contexts and errors; memory.cpp, streams.cpp and modules.cpp have the rest.

#include <cstdio>
#include <map>

#include "parts.h"

Context contexts[DEVICES];
thread_local Context *current;
std::recursive_mutex driver;

namespace {

bool initialized;
long libraryCalls = 0;
std::string lastFault;

bool known(int device) { return device >= 0 && device < DEVICES; }

struct Text {
  const char *name, *text;
};

const std::map<int, Text> TEXTS = {
    {SUCCESS, {"CUDA_SUCCESS", "no error"}},
    {INVALID_VALUE, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {OUT_OF_MEMORY, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {NOT_INITIALIZED, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
    {INVALID_DEVICE, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
    {INVALID_IMAGE, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {INVALID_CONTEXT, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {INVALID_HANDLE, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
    {NOT_FOUND, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {NOT_READY, {"CUDA_ERROR_NOT_READY", "device not ready"}},
    {ILLEGAL_ADDRESS, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {OUT_OF_RESOURCES, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
    {MISALIGNED_ADDRESS, {"CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"}},
    {LAUNCH_FAILED, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {ILLEGAL_STATE, {"CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"}},
    {ASSERT, {"CUDA_ERROR_ASSERT", "device-side assert triggered"}},
    {CAPTURE_UNSUPPORTED, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
    {CAPTURE_INVALIDATED, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
    {CAPTURE_MERGE, {"CUDA_ERROR_STREAM_CAPTURE_MERGE", "operation would result in a merge of separate capture sequences"}},
    {CAPTURE_UNMATCHED, {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not ended in the same stream as it began"}},
    {CAPTURE_UNJOINED, {"CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"}},
    {CAPTURE_ISOLATION, {"CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "dependency created on uncaptured work in another stream"}},
    {CAPTURE_IMPLICIT, {"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "operation would make the legacy stream depend on a capturing blocking stream"}},
    {CAPTURED_EVENT, {"CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"}},
    {CAPTURE_WRONG_THREAD, {"CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "attempt to terminate a thread-local capture sequence from another thread"}},
};

int text(int status, const char **out, const char *Text::*which) {
  auto found = TEXTS.find(status);
  *out = found == TEXTS.end() ? nullptr : found->second.*which;
  return found == TEXTS.end() ? INVALID_VALUE : SUCCESS;
}

}  // namespace

int ready() { return !initialized ? NOT_INITIALIZED : !current ? INVALID_CONTEXT : current->sticky; }

int fault(int status, const std::string &text) {
  lastFault = text;
  fprintf(stderr, "[simulated GPU] %s\n", text.c_str());
  return status;
}

API cuInit(unsigned) {
  initialized = true;
  return SUCCESS;
}
API cuDriverGetVersion(int *version) {
  *version = 13000;
  return SUCCESS;
}
API cuGetErrorName(int status, const char **out) { return text(status, out, &Text::name); }
API cuGetErrorString(int status, const char **out) { return text(status, out, &Text::text); }
// The real NVRTC asks for tables of the driver's inner functions and takes no for an answer.
API cuGetExportTable(const void **, const void *) { return NOT_FOUND; }
API cuDeviceGetCount(int *count) {
  *count = DEVICES;
  return initialized ? SUCCESS : NOT_INITIALIZED;
}
API cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return !initialized ? NOT_INITIALIZED : known(ordinal) ? SUCCESS : INVALID_DEVICE;
}
API cuDeviceGetName(char *name, int length, int device) {
  snprintf(name, length, "simulated GPU");
  return known(device) ? SUCCESS : INVALID_DEVICE;
}
API cuDeviceGetAttribute(int *value, int attribute, int device) {
  static const std::map<int, int> H200 = {{1, 1024}, {8, 49152}, {10, 32}, {16, 132}, {39, 2048}, {75, 9}, {76, 0}, {81, 233472}, {97, 232448}};
  auto found = H200.find(attribute);
  if (!known(device)) return INVALID_DEVICE;
  if (found == H200.end()) return INVALID_VALUE;
  *value = found->second;
  return SUCCESS;
}
API cuDevicePrimaryCtxRetain(Context **out, int device) {
  if (!initialized) return NOT_INITIALIZED;
  if (!known(device)) return INVALID_DEVICE;
  *out = &contexts[device];
  return SUCCESS;
}
API cuDevicePrimaryCtxRelease_v2(int device) { return known(device) ? SUCCESS : INVALID_DEVICE; }
API cuCtxSetCurrent(Context *to) {
  if (to && (to < contexts || to >= contexts + DEVICES)) return INVALID_CONTEXT;
  current = to;
  return SUCCESS;
}

// ---- for libraries beside the driver, see driver.h ----

API simulatedIssue(void *stream, int (*work)(void *), void (*forget)(void *), void *argument) {
  std::shared_ptr<void> kept(argument, forget);
  Lock lock(driver);
  libraryCalls++;
  return issue(stream, [=] { return work(kept.get()); });
}

// Asked by work that runs, so under the lock.
API simulatedReaches(const void *address, size_t bytes) { return inside(reinterpret_cast<uintptr_t>(address), bytes); }

extern "C" __attribute__((visibility("default"))) void simulatedComplain(const char *reason) { fault(SUCCESS, reason); }

// ---- for tests ----

// Issues what stands for a kernel that touches memory which is not its own.
API simulatedBreak(void *stream) {
  Lock lock(driver);
  return issue(stream, [] { return int(ILLEGAL_ADDRESS); });
}

// How often libraries beside the driver have issued work so far.
extern "C" __attribute__((visibility("default"))) long simulatedLibraryCalls() { return libraryCalls; }

// What was done wrong last; empty where nothing was.
extern "C" __attribute__((visibility("default"))) const char *simulatedFault() { return lastFault.c_str(); }

// Forgets a fault, as only a new process does elsewhere.
API simulatedReset() {
  Lock lock(driver);
  forget();
  mendEdges();
  for (Context &context : contexts) context.sticky = SUCCESS;
  lastFault.clear();
  return SUCCESS;
}
