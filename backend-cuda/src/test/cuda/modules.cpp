// Modules are libraries for this machine, made by libnvrtc.cpp; processor.cpp runs their kernels.

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "parts.h"
#include "processor.h"

struct Function {
  const simulated::Kernel *kernel;
  size_t maxDynamicBytes = 0;  // that were asked for
};

struct Module {
  void *library;
  size_t sharedModule = 0, sharedBytes = 0;
  std::deque<Function> functions;

  explicit Module(void *library) : library(library) {}
  ~Module() { dlclose(library); }
};

namespace {

constexpr int MAX_THREADS = 0, MAX_DYNAMIC_SHARED = 8, PREFERRED_CARVEOUT = 9;
constexpr size_t SHARED_LIMIT = 227 << 10, UNASKED_LIMIT = 48 << 10;

// What a parameter is copied to in pieces of, so that it is aligned.
struct alignas(16) Slot {
  char bytes[16];
};

std::map<Module *, std::shared_ptr<Module>> modules;
std::map<Function *, Module *> functions;
long launches = 0;

std::shared_ptr<Module> find(Function *function) {
  auto found = functions.find(function);
  return found == functions.end() ? nullptr : modules[found->second];
}

// Dynamic shared memory that a block may have beside the kernel's own.
size_t mostDynamic(Function &function) { return std::max(function.maxDynamicBytes, UNASKED_LIMIT - find(&function)->sharedBytes); }

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
  std::string path = std::filesystem::temp_directory_path() / "simulated-module-XXXXXX";
  int file = mkstemp(path.data());
  bool written = file >= 0 && write(file, image, bytes) == ssize_t(bytes);
  void *library = written ? dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (file >= 0) {
    close(file);
    unlink(path.c_str());
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

int launch(const simulated::Launch &launch) {
  simulated::Fault found = simulated::run(launch);
  if (found.status == SUCCESS) return SUCCESS;
  return fault(found.status, std::string("kernel ") + launch.kernel->name + ", " + found.reason + (found.address ? whereabouts(found.address) : ""));
}

}  // namespace

API cuModuleLoadData(Module **out, const void *image) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (int status = waits()) return status;
  auto module = load(image);
  if (!module || module->sharedBytes > UNASKED_LIMIT) return INVALID_IMAGE;  // that much ptxas does not take
  *out = module.get();
  for (Function &function : module->functions) functions[&function] = *out;
  modules[*out] = std::move(module);
  return SUCCESS;
}
API cuModuleUnload(Module *module) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (int status = waitsForAll()) return status;
  if (int status = finish(*current)) return status;
  if (!modules.count(module)) return INVALID_HANDLE;
  for (Function &function : module->functions) functions.erase(&function);
  modules.erase(module);
  return SUCCESS;
}
API cuModuleGetFunction(Function **out, Module *module, const char *name) {
  Lock lock(driver);
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
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!find(function)) return INVALID_HANDLE;
  static const std::map<int, int> SAME = {{1, 0}, {2, 0}, {3, 0}, {4, 32}, {5, 90}, {6, 90}, {7, 0}};
  auto found = SAME.find(attribute);
  switch (attribute) {
    case MAX_THREADS: *value = function->kernel->threads; return SUCCESS;
    case MAX_DYNAMIC_SHARED: *value = mostDynamic(*function); return SUCCESS;
    default: *value = found == SAME.end() ? 0 : found->second; return found == SAME.end() ? INVALID_VALUE : SUCCESS;
  }
}
API cuFuncSetAttribute(Function *function, int attribute, int value) {
  Lock lock(driver);
  if (int status = ready()) return status;
  if (!find(function)) return INVALID_HANDLE;
  if (attribute != MAX_DYNAMIC_SHARED && attribute != PREFERRED_CARVEOUT) return INVALID_VALUE;
  if (attribute == PREFERRED_CARVEOUT) return SUCCESS;
  if (value < 0 || size_t(value) > SHARED_LIMIT - find(function)->sharedBytes) return INVALID_VALUE;
  function->maxDynamicBytes = value;
  return SUCCESS;
}
API cuLaunchKernel(Function *function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                   unsigned dynamicBytes, void *stream, void **parameters, void **) {
  Lock lock(driver);
  if (int status = ready()) return status;
  auto module = find(function);
  if (!module) return INVALID_HANDLE;
  uint64_t threads = uint64_t(blockX) * blockY * blockZ;
  bool grid = gridX > 0 && gridX <= 0x7fffffff && gridY > 0 && gridY <= 0xffff && gridZ > 0 && gridZ <= 0xffff;
  bool block = threads > 0 && threads <= simulated::MAX_THREADS && blockX <= 1024 && blockY <= 1024 && blockZ <= 64;
  if (!grid || !block || dynamicBytes > mostDynamic(*function)) return INVALID_VALUE;
  const simulated::Kernel &kernel = *function->kernel;
  if (threads > kernel.threads) return OUT_OF_RESOURCES;
  if (kernel.count > 0 && !parameters) return INVALID_VALUE;
  std::vector<Slot> values;
  std::vector<size_t> places;
  for (unsigned i = 0; i < kernel.count; i++) {
    places.push_back(values.size());
    values.resize(values.size() + (kernel.sizes[i] + sizeof(Slot) - 1) / sizeof(Slot));
    memcpy(&values[places[i]], parameters[i], kernel.sizes[i]);
  }
  uint3 gridSize = {gridX, gridY, gridZ}, blockSize = {blockX, blockY, blockZ};
  launches++;
  return issue(stream, [=, &kernel]() mutable {
    std::vector<void *> addresses;
    for (size_t place : places) addresses.push_back(&values[place]);
    return launch({&kernel, gridSize, blockSize, dynamicBytes, addresses.data(), module->sharedModule, module->sharedBytes});
  });
}

// For tests: how many kernels were launched or recorded so far.
extern "C" __attribute__((visibility("default"))) long simulatedLaunches() { return launches; }

// For tests: in which order threads run where nothing orders them, forward 0, reverse 1, random 2.
API simulatedOrder(int order) {
  if (order < 0 || order > 2) return INVALID_VALUE;
  simulated::setOrder(static_cast<simulated::Order>(order));
  return SUCCESS;
}
