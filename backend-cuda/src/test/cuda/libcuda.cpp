// A driver for a GPU that is not there: device memory is memory of the host, and what is issued to a stream is done only when somebody
// waits for it, so that a missing wait shows. It is stricter than a real one where that finds mistakes: memory is poisoned when it is
// allocated, out of reach once it is freed, and followed by a page that cannot be touched. A kernel's image is a library for this machine, made by libnvrtc.cpp and run by processor.cpp.

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "processor.h"

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

enum Status {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  MISALIGNED_ADDRESS = 716,
  LAUNCH_FAILED = 719,
};

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
    {MISALIGNED_ADDRESS, {"CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"}},
    {LAUNCH_FAILED, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
};

const size_t PAGE = 4096;
const size_t ALIGNMENT = 16;
const size_t TOTAL = size_t(1) << 30;
const int POISON = 0xff;  // a NaN in every floating-point format

std::recursive_mutex mutex;
using Lock = std::lock_guard<std::recursive_mutex>;

bool initialized;
int sticky;  // after a fault, all that a context is asked fails, as on a GPU
char context;
thread_local void *current;

// ---- memory ----

struct Block {
  size_t bytes;
  char *map;
  size_t mapped;
};

std::map<uintptr_t, Block> blocks;
size_t used;

// The last byte lies before a guard page, but for what alignment takes.
bool map(size_t bytes, uintptr_t &address) {
  size_t body = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  size_t mapped = (body + PAGE - 1) / PAGE * PAGE + PAGE;
  void *at = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return false;
  char *end = static_cast<char *>(at) + mapped - PAGE;
  mprotect(end, PAGE, PROT_NONE);
  memset(end - body, POISON, body);
  address = reinterpret_cast<uintptr_t>(end - body);
  blocks[address] = {bytes, static_cast<char *>(at), mapped};
  return true;
}

bool inside(uintptr_t address, size_t bytes) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return false;
  auto block = std::prev(after);
  size_t offset = address - block->first;
  return offset <= block->second.bytes && bytes <= block->second.bytes - offset;
}

// ---- streams ----

using Work = std::function<int()>;

struct Stream {
  std::deque<Work> queue;
  uint64_t issued = 0, done = 0;
};

struct Event {
  std::shared_ptr<Stream> stream;
  uint64_t position = 0;
  std::chrono::steady_clock::time_point passed;
};

std::map<void *, std::shared_ptr<Stream>> streams = {{nullptr, std::make_shared<Stream>()}};
std::set<Event *> events;

int work(Stream &stream, uint64_t position) {
  while (sticky == SUCCESS && stream.done < position && !stream.queue.empty()) {
    Work next = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.done++;
    sticky = next();
  }
  return sticky;
}

int workAll() {
  for (auto &entry : streams) work(*entry.second, entry.second->issued);
  return sticky;
}

std::shared_ptr<Stream> find(void *stream) {
  auto found = streams.find(stream);
  return found == streams.end() ? nullptr : found->second;
}

int ready() {
  return !initialized ? NOT_INITIALIZED : current != &context ? INVALID_CONTEXT : sticky;
}

int issue(void *handle, Work work) {
  if (int status = ready()) return status;
  auto stream = find(handle);
  if (!stream) return INVALID_HANDLE;
  stream->queue.push_back(std::move(work));
  stream->issued++;
  return SUCCESS;
}

template <class T>
int fill(uintptr_t to, T value, size_t count, void *stream) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (!inside(to, count * sizeof(T))) return INVALID_VALUE;
  return issue(stream, [=] {
    for (size_t i = 0; i < count; i++) reinterpret_cast<T *>(to)[i] = value;
    return SUCCESS;
  });
}

int copy(uintptr_t to, bool toDevice, uintptr_t from, bool fromDevice, size_t bytes, void *stream) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if ((toDevice && !inside(to, bytes)) || (fromDevice && !inside(from, bytes))) return INVALID_VALUE;
  return issue(stream, [=] {
    memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
    return SUCCESS;
  });
}

int text(int status, const char **out, const char *Text::*which) {
  auto found = TEXTS.find(status);
  *out = found == TEXTS.end() ? nullptr : found->second.*which;
  return found == TEXTS.end() ? INVALID_VALUE : SUCCESS;
}

// ---- modules and kernels ----

const int MAX_DYNAMIC_SHARED = 8, PREFERRED_CARVEOUT = 9;
const int SHARED_DEFAULT = 48 << 10, SHARED_LIMIT = 227 << 10;

struct Function {
  const simulated::Kernel *kernel;
  int maxDynamicBytes = SHARED_DEFAULT;
};

struct Module {
  void *library;
  size_t sharedModule = 0, sharedBytes = 0;
  std::deque<Function> functions;

  explicit Module(void *library) : library(library) {}
  ~Module() { dlclose(library); }
};

// What a parameter is copied to in pieces of, so that it is aligned.
struct alignas(16) Slot {
  char bytes[16];
};

std::map<Module *, std::shared_ptr<Module>> modules;
std::string fault;  // the last one's description

std::shared_ptr<Module> find(Function *function) {
  for (auto &entry : modules) {
    for (Function &own : entry.second->functions) {
      if (&own == function) return entry.second;
    }
  }
  return nullptr;
}

// An image tells its length nowhere but in its header: the table of sections is last.
size_t imageBytes(const void *image) {
  auto header = static_cast<const Elf64_Ehdr *>(image);
  bool valid = memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_machine == EM_X86_64;
  return valid ? header->e_shoff + size_t(header->e_shentsize) * header->e_shnum : 0;
}

// The loader takes files only, and takes a file of the same name for the same library.
std::shared_ptr<Module> load(const void *image) {
  size_t bytes = imageBytes(image);
  if (bytes == 0) return nullptr;
  char path[] = "/tmp/simulated-module-XXXXXX";
  int file = mkstemp(path);
  bool written = file >= 0 && write(file, image, bytes) == ssize_t(bytes);
  void *library = written ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (file >= 0) {
    close(file);
    unlink(path);
  }
  if (!library) return nullptr;
  auto module = std::make_shared<Module>(library);
  auto kernel = static_cast<const simulated::Kernel *>(dlsym(library, "simulatedKernels"));
  if (!kernel) return nullptr;
  for (; kernel->name; kernel++) module->functions.push_back({kernel});
  dlinfo(library, RTLD_DI_TLS_MODID, &module->sharedModule);
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *out) {
        auto module = static_cast<Module *>(out);
        if (module->sharedModule == 0 || info->dlpi_tls_modid != module->sharedModule) return 0;
        for (int i = 0; i < info->dlpi_phnum; i++) {
          if (info->dlpi_phdr[i].p_type == PT_TLS) module->sharedBytes = info->dlpi_phdr[i].p_memsz;
        }
        return 1;
      },
      module.get());
  return module;
}

// Where an address that cannot be reached lies.
std::string whereabouts(uintptr_t address) {
  auto after = blocks.upper_bound(address);
  if (after == blocks.begin()) return "";
  auto &[start, block] = *std::prev(after);
  size_t offset = address - start;
  if (offset > block.bytes + (1 << 20)) return "";
  return ", " + std::to_string(offset - block.bytes) + " bytes after a block of " + std::to_string(block.bytes);
}

int launch(const simulated::Launch &launch) {
  simulated::Fault found = simulated::run(launch);
  if (found.status == SUCCESS) return SUCCESS;
  fault = std::string("kernel ") + launch.kernel->name + ", " + found.reason + (found.address ? whereabouts(found.address) : "");
  fprintf(stderr, "[simulated GPU] %s\n", fault.c_str());
  return found.status;
}

}  // namespace

// ---- devices and contexts ----

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
  *count = 1;
  return initialized ? SUCCESS : NOT_INITIALIZED;
}
API cuDeviceGet(int *device, int ordinal) {
  *device = 0;
  return !initialized ? NOT_INITIALIZED : ordinal == 0 ? SUCCESS : INVALID_DEVICE;
}
API cuDeviceGetName(char *name, int length, int device) {
  snprintf(name, length, "simulated GPU");
  return device == 0 ? SUCCESS : INVALID_DEVICE;
}
API cuDeviceGetAttribute(int *value, int attribute, int device) {
  static const std::map<int, int> H200 = {{16, 132}, {75, 9}, {76, 0}, {97, 232448}};
  auto found = H200.find(attribute);
  if (device != 0) return INVALID_DEVICE;
  if (found == H200.end()) return INVALID_VALUE;
  *value = found->second;
  return SUCCESS;
}
API cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = TOTAL;
  return device == 0 ? SUCCESS : INVALID_DEVICE;
}
API cuDevicePrimaryCtxRetain(void **out, int device) {
  *out = &context;
  return !initialized ? NOT_INITIALIZED : device == 0 ? SUCCESS : INVALID_DEVICE;
}
API cuDevicePrimaryCtxRelease_v2(int device) { return device == 0 ? SUCCESS : INVALID_DEVICE; }
API cuCtxSetCurrent(void *to) {
  if (to != nullptr && to != &context) return INVALID_CONTEXT;
  current = to;
  return SUCCESS;
}
API cuCtxSynchronize() {
  Lock lock(mutex);
  int status = ready();
  return status ? status : workAll();
}

// ---- memory ----

API cuMemAlloc_v2(uintptr_t *out, size_t bytes) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (bytes == 0) return INVALID_VALUE;
  if (bytes > TOTAL - used || !map(bytes, *out)) return OUT_OF_MEMORY;
  used += bytes;
  return SUCCESS;
}
// The addresses are never used again: who still touches them is found out.
API cuMemFree_v2(uintptr_t address) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (int status = workAll()) return status;
  auto block = blocks.find(address);
  if (block == blocks.end()) return INVALID_VALUE;
  used -= block->second.bytes;
  mmap(block->second.map, block->second.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  blocks.erase(block);
  return SUCCESS;
}
API cuMemGetInfo_v2(size_t *free, size_t *total) {
  Lock lock(mutex);
  *free = TOTAL - used;
  *total = TOTAL;
  return ready();
}
API cuMemHostAlloc(void **out, size_t bytes, unsigned) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  *out = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (*out == MAP_FAILED) return OUT_OF_MEMORY;
  blocks[reinterpret_cast<uintptr_t>(*out)] = {bytes, static_cast<char *>(*out), bytes};
  return SUCCESS;
}
API cuMemFreeHost(void *address) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (int status = workAll()) return status;
  auto block = blocks.find(reinterpret_cast<uintptr_t>(address));
  if (block == blocks.end()) return INVALID_VALUE;
  munmap(address, block->second.mapped);
  blocks.erase(block);
  return SUCCESS;
}
API cuMemcpyHtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void *stream) { return copy(to, true, from, false, bytes, stream); }
API cuMemcpyDtoHAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void *stream) { return copy(to, false, from, true, bytes, stream); }
API cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, void *stream) { return copy(to, true, from, true, bytes, stream); }
API cuMemsetD8Async(uintptr_t to, unsigned char value, size_t count, void *stream) { return fill(to, value, count, stream); }
API cuMemsetD32Async(uintptr_t to, uint32_t value, size_t count, void *stream) { return fill(to, value, count, stream); }

// ---- streams and events ----

API cuStreamCreate(void **out, unsigned) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  auto stream = std::make_shared<Stream>();
  *out = stream.get();
  streams[*out] = stream;
  return SUCCESS;
}
API cuStreamDestroy_v2(void *handle) {
  Lock lock(mutex);
  auto stream = find(handle);
  if (handle == nullptr || !stream) return INVALID_HANDLE;
  work(*stream, stream->issued);
  streams.erase(handle);
  return SUCCESS;
}
API cuStreamSynchronize(void *handle) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  auto stream = find(handle);
  return stream ? work(*stream, stream->issued) : INVALID_HANDLE;
}
API cuStreamIsCapturing(void *handle, int *status) {
  Lock lock(mutex);
  *status = 0;
  return !find(handle) ? INVALID_HANDLE : ready();
}
API cuStreamWaitEvent(void *handle, Event *event, unsigned) {
  Lock lock(mutex);
  if (!events.count(event)) return INVALID_HANDLE;
  auto before = event->stream;
  uint64_t position = event->position;
  return issue(handle, [=] { return before ? work(*before, position) : SUCCESS; });
}
API cuEventCreate(Event **out, unsigned) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  events.insert(*out = new Event);
  return SUCCESS;
}
API cuEventDestroy_v2(Event *event) {
  Lock lock(mutex);
  if (!events.erase(event)) return INVALID_HANDLE;
  workAll();
  delete event;
  return SUCCESS;
}
API cuEventRecord(Event *event, void *handle) {
  Lock lock(mutex);
  if (!events.count(event)) return INVALID_HANDLE;
  int status = issue(handle, [=] {
    event->passed = std::chrono::steady_clock::now();
    return SUCCESS;
  });
  if (status) return status;
  event->stream = find(handle);
  event->position = event->stream->issued;
  return SUCCESS;
}
// Who asks again and again must get through some day: each question does one piece of work.
API cuEventQuery(Event *event) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (!events.count(event)) return INVALID_HANDLE;
  if (!event->stream || event->stream->done >= event->position) return SUCCESS;
  int status = work(*event->stream, event->stream->done + 1);
  return status ? status : NOT_READY;
}
API cuEventSynchronize(Event *event) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (!events.count(event)) return INVALID_HANDLE;
  return event->stream ? work(*event->stream, event->position) : SUCCESS;
}
API cuEventElapsedTime(float *milliseconds, Event *start, Event *end) {
  Lock lock(mutex);
  for (Event *event : {start, end}) {
    if (!events.count(event) || !event->stream) return INVALID_HANDLE;
    if (event->stream->done < event->position) return NOT_READY;
  }
  *milliseconds = std::chrono::duration<float, std::milli>(end->passed - start->passed).count();
  return ready();
}

// ---- modules and kernels ----

API cuModuleLoadData(Module **out, const void *image) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  auto module = load(image);
  if (!module) return INVALID_IMAGE;
  *out = module.get();
  modules[*out] = std::move(module);
  return SUCCESS;
}
API cuModuleUnload(Module *module) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (int status = workAll()) return status;
  return modules.erase(module) ? SUCCESS : INVALID_HANDLE;
}
API cuModuleGetFunction(Function **out, Module *module, const char *name) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (!modules.count(module)) return INVALID_HANDLE;
  for (Function &function : module->functions) {
    if (strcmp(function.kernel->name, name) != 0) continue;
    *out = &function;
    return SUCCESS;
  }
  return NOT_FOUND;
}
API cuFuncGetAttribute(int *value, int attribute, Function *function) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (!find(function)) return INVALID_HANDLE;
  static const std::map<int, int> SAME = {{0, 1024}, {1, 0}, {2, 0}, {3, 0}, {4, 32}, {5, 90}, {6, 90}, {7, 0}};
  auto found = SAME.find(attribute);
  if (attribute != MAX_DYNAMIC_SHARED && found == SAME.end()) return INVALID_VALUE;
  *value = attribute == MAX_DYNAMIC_SHARED ? function->maxDynamicBytes : found->second;
  return SUCCESS;
}
API cuFuncSetAttribute(Function *function, int attribute, int value) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  if (!find(function)) return INVALID_HANDLE;
  if (attribute != MAX_DYNAMIC_SHARED && attribute != PREFERRED_CARVEOUT) return INVALID_VALUE;
  if (attribute == PREFERRED_CARVEOUT) return SUCCESS;
  if (value < 0 || value > SHARED_LIMIT) return INVALID_VALUE;
  function->maxDynamicBytes = value;
  return SUCCESS;
}
API cuLaunchKernel(Function *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                   unsigned dynamicBytes, void *stream, void **parameters, void **) {
  Lock lock(mutex);
  if (int status = ready()) return status;
  auto module = find(function);
  if (!module) return INVALID_HANDLE;
  uint64_t threads = uint64_t(blockX) * blockY * blockZ;
  bool grid = gridX > 0 && gridX <= 0x7fffffff && gridY > 0 && gridY <= 0xffff && gridZ > 0 && gridZ <= 0xffff;
  bool block = threads > 0 && threads <= simulated::MAX_THREADS && blockX <= 1024 && blockY <= 1024 && blockZ <= 64;
  if (!grid || !block || dynamicBytes > unsigned(function->maxDynamicBytes)) return INVALID_VALUE;
  const simulated::Kernel &kernel = *function->kernel;
  if (kernel.count > 0 && !parameters) return INVALID_VALUE;
  std::vector<Slot> values;
  std::vector<size_t> places;
  for (unsigned i = 0; i < kernel.count; i++) {
    places.push_back(values.size());
    values.resize(values.size() + (kernel.sizes[i] + sizeof(Slot) - 1) / sizeof(Slot));
    memcpy(&values[places[i]], parameters[i], kernel.sizes[i]);
  }
  uint3 gridSize = {gridX, gridY, gridZ}, blockSize = {blockX, blockY, blockZ};
  return issue(stream, [=, &kernel]() mutable {
    std::vector<void *> addresses;
    for (size_t place : places) addresses.push_back(&values[place]);
    return launch({&kernel, gridSize, blockSize, dynamicBytes, addresses.data(), module->sharedModule, module->sharedBytes});
  });
}

// ---- for libraries beside the driver, see driver.h ----

API simulatedIssue(void *stream, int (*work)(void *), void (*forget)(void *), void *argument) {
  std::shared_ptr<void> kept(argument, forget);
  Lock lock(mutex);
  return issue(stream, [=] { return work(kept.get()); });
}

// Asked by work that runs, so under the lock.
API simulatedReaches(const void *address, size_t bytes) { return inside(reinterpret_cast<uintptr_t>(address), bytes); }

extern "C" __attribute__((visibility("default"))) void simulatedComplain(const char *reason) {
  fault = reason;
  fprintf(stderr, "[simulated GPU] %s\n", reason);
}

// ---- for tests ----

// Issues what stands for a kernel that touches memory which is not its own.
API simulatedBreak(void *stream) {
  Lock lock(mutex);
  return issue(stream, [] { return ILLEGAL_ADDRESS; });
}

// What the last kernel that was ended did wrong; empty where none was.
extern "C" __attribute__((visibility("default"))) const char *simulatedFault() { return fault.c_str(); }

// In which order threads run where nothing orders them: forward 0, reverse 1, random 2.
API simulatedOrder(int order) {
  if (order < 0 || order > 2) return INVALID_VALUE;
  simulated::setOrder(static_cast<simulated::Order>(order));
  return SUCCESS;
}

// Forgets a fault, as only a new process does elsewhere.
API simulatedReset() {
  Lock lock(mutex);
  for (auto &entry : streams) {
    entry.second->queue.clear();
    entry.second->done = entry.second->issued;
  }
  fault.clear();
  sticky = SUCCESS;
  return SUCCESS;
}
